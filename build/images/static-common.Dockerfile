# What the cross-build containers of all architectures have in common: this machine's compiler, the
# versions of everything that is linked, and the source of exactly the CPython that the archives hold.
#
# Base: debian:trixie, from a registry where one answers, else made by mmdebstrap under the same tag
# (reagent_build/images.py). The image's own package sources are used as they are.
FROM debian:trixie

# The day whose packages are in it (reagent_build/age.py). It stands before everything that asks the
# mirrors, so that no layer of another day is taken for one of this day.
ARG PACKAGES_OF=unknown
LABEL reagent.build="1" reagent.packages="$PACKAGES_OF"
ENV DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# Source packages come from the same places as binary ones.
RUN set -eu; cd /etc/apt; echo 'Acquire::Retries "3";' > apt.conf.d/80retries; \
    for list in sources.list sources.list.d/*.list; do \
        [ -e "$list" ] || continue; sed -n 's/^deb /deb-src /p' "$list" > /tmp/src; \
        cat /tmp/src >> "$list"; \
    done; \
    for list in sources.list.d/*.sources; do \
        [ -e "$list" ] || continue; sed -i 's/^Types: deb$/Types: deb deb-src/' "$list"; \
    done; \
    rm -f /tmp/src

# The archives of this machine's own architecture say which versions all the others must have.
COPY images/archives.txt /opt/build/images/archives.txt
RUN set -eu; apt-get update; apt-get upgrade --yes; \
    apt-get install --yes --no-install-recommends \
        binutils ca-certificates dpkg-dev gcc libbluetooth-dev python3.13 python3.13-venv \
        python3-pip $(cat /opt/build/images/archives.txt)

# Exactly the version of the archives: internal headers are used.
RUN set -eu; mkdir /opt/cpython; cd /tmp; \
    apt-get source "python3.13=$(dpkg-query -W -f '${source:Version}' libpython3.13-dev)"; \
    mv python3.13-*/Include python3.13-*/Modules python3.13-*/Python /opt/cpython/; \
    rm -rf /tmp/python3.13* /var/lib/apt/lists/*
