# The cross-build container of the static executables for one architecture: its compiler, Debian's
# static archives for it, and the C modules that those lack.
ARG COMMON
FROM ${COMMON}

ARG DEBIAN_ARCH
ARG COMPILER
ARG MULTIARCH
COPY images/same-versions.sh images/standins.txt /opt/build/images/
RUN sh /opt/build/images/same-versions.sh "$DEBIAN_ARCH" "$COMPILER" "$MULTIARCH"

# The C modules that the archive lacks; an executable links them in a second.
COPY reagent_build /opt/build/reagent_build
COPY static /opt/build/static
RUN PYTHONPATH=/opt/build PYTHONDONTWRITEBYTECODE=1 python3.13 -m reagent_build.inside.toolchain \
        "$COMPILER" "$MULTIARCH" /opt/build/static/extensions.toml
