# The cross-build container of reagent.exe: the official CPython for Windows, PyInstaller, and wine to
# run both. See docs/decisions/0013-windows.md.
#
# Base: debian:trixie, from a registry where one answers, else made by mmdebstrap under the same tag
# (reagent_build/images.py). What Debian does not have lies in `inputs/`, fetched by the host and
# checked against pinned digests.
FROM debian:trixie

ARG PACKAGES_OF
LABEL reagent.build="1" reagent.packages="$PACKAGES_OF"
ENV DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

RUN set -eu; echo 'Acquire::Retries "3";' > /etc/apt/apt.conf.d/80retries; apt-get update; \
    apt-get install --yes --no-install-recommends ca-certificates osslsigncode python3.13 wine wine64; \
    rm -rf /var/lib/apt/lists/*

# No menus, no .NET, no browser: nothing of them is needed, and each would be asked for at every start.
ENV WINEPREFIX=/opt/windows/prefix WINEARCH=win64 WINEDEBUG=-all XDG_RUNTIME_DIR=/tmp \
    WINEDLLOVERRIDES=winemenubuilder.exe,mscoree,mshtml=
RUN set -eu; mkdir -p /opt/windows; wine wineboot --init < /dev/null 2>&1 | cat; wineserver --wait

COPY reagent_build/inside/embeddable.py /opt/build/
COPY windows /opt/build/windows
COPY inputs /opt/build/inputs
RUN set -eu; cd /opt/build; export PYTHONDONTWRITEBYTECODE=1; \
    python3.13 embeddable.py inputs/python windows/python.toml \
        windows/microsoft-root-2020.pem /opt/windows; \
    for wheel in inputs/*.whl; do python3.13 -m zipfile --extract "$wheel" /opt/windows/site; done; \
    wine /opt/windows/python/python.exe -m PyInstaller --version < /dev/null 2>&1 | cat; \
    wineserver --wait
