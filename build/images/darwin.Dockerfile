# The cross-build container of the darwin executables: zig, which brings Apple's headers and the
# stubs of libSystem, and every library compiled with it from Debian's source packages, the same
# ones that the Linux executables link. See docs/decisions/0012-darwin-and-the-rest.md.
FROM debian:trixie

# The day whose packages are in it (reagent_build/age.py).
ARG PACKAGES_OF=unknown
LABEL reagent.build="1" reagent.packages="$PACKAGES_OF"
ENV DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

RUN set -eu; echo 'Acquire::Retries "3";' > /etc/apt/apt.conf.d/80retries; apt-get update; \
    apt-get install --yes --no-install-recommends \
        ca-certificates dpkg-dev make perl python3.13 python3.13-venv tcl

# The wheel is fetched and checked by the host (requirements-zig.txt); a wheel is a zip.
COPY zig/*.whl /opt/zig/
RUN set -eu; cd /opt/zig; python3.13 -m zipfile -e ./*.whl .; rm ./*.whl; \
    chmod +x ziglang/zig; ln -s /opt/zig/ziglang/zig /usr/local/bin/zig; zig version

COPY reagent_build/inside/darwin_sources.py /opt/recipe/
RUN nice python3.13 -B /opt/recipe/darwin_sources.py /opt/src

# One processor an image; the layers above are shared. The target stands for every object: zig links
# none that was made for another system version.
ARG DARWIN_TARGET
ENV DARWIN_TARGET=$DARWIN_TARGET ZIG_GLOBAL_CACHE_DIR=/tmp/zig ZIG_LOCAL_CACHE_DIR=/tmp/zig SOURCE_DATE_EPOCH=1
COPY darwin/darwin-cc /usr/local/bin/
COPY darwin/openssl.sh /opt/recipe/
RUN nice -n 10 sh -eu /opt/recipe/openssl.sh && rm -rf /tmp/*
COPY darwin/libraries.sh /opt/recipe/
RUN nice -n 10 sh -eu /opt/recipe/libraries.sh && rm -rf /tmp/*
COPY darwin/cpython.sh darwin/config.site reagent_build/inside/darwin_setup.py static/extensions.toml /opt/recipe/
RUN nice -n 10 sh -eu /opt/recipe/cpython.sh && rm -rf /tmp/*
# What every link wants, made once: zig keeps its own runtime library and the stubs of libSystem here.
ENV ZIG_GLOBAL_CACHE_DIR=/opt/zig/cache ZIG_LOCAL_CACHE_DIR=/opt/zig/cache
RUN set -eu; cd /tmp; echo 'int main(void) { return 0; }' > main.c; darwin-cc -o main main.c; rm -rf /tmp/*
