# The cross-build container of the static executables: a compiler for one architecture, Debian's
# static archives for it, and the source of exactly the CPython that the archives hold.
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
    rm -f /tmp/src; apt-get update; \
    apt-get install --yes --no-install-recommends \
        binutils ca-certificates dpkg-dev gcc libbluetooth-dev libc6-dev libpython3.13-dev \
        python3.13 \
        python3.13-venv python3-pip

# Exactly the version of the archives: internal headers are used.
RUN set -eu; mkdir /opt/cpython; cd /tmp; \
    apt-get source "python3.13=$(dpkg-query -W -f '${source:Version}' libpython3.13-dev)"; \
    mv python3.13-*/Include python3.13-*/Modules python3.13-*/Python /opt/cpython/; \
    rm -rf /tmp/python3.13*

# One architecture an image; the layers above are shared.
ARG DEBIAN_ARCH
ARG COMPILER
ARG MULTIARCH
RUN set -eu; \
    if [ "$DEBIAN_ARCH" != "$(dpkg --print-architecture)" ]; then \
        dpkg --add-architecture "$DEBIAN_ARCH"; apt-get update; \
        apt-get install --yes --no-install-recommends "gcc-$(echo "$COMPILER" | tr _ -)" "libc6-dev:$DEBIAN_ARCH"; \
    fi; \
    apt-get install --yes --no-install-recommends \
        "libexpat1-dev:$DEBIAN_ARCH" "libpython3.13-dev:$DEBIAN_ARCH" "libsqlite3-dev:$DEBIAN_ARCH" \
        "libssl-dev:$DEBIAN_ARCH" "libzstd-dev:$DEBIAN_ARCH" "zlib1g-dev:$DEBIAN_ARCH"; \
    rm -rf /var/lib/apt/lists/*

# The C modules that the archive lacks; an executable links them in a second.
COPY reagent_build /opt/build/reagent_build
COPY static /opt/build/static
RUN PYTHONPATH=/opt/build PYTHONDONTWRITEBYTECODE=1 python3.13 -m reagent_build.inside.toolchain \
        "$COMPILER" "$MULTIARCH" /opt/build/static/extensions.toml
