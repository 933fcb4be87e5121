# libpython3.13.a with every C module built in, and its headers.
source=/opt/src/python3.13
case "$DARWIN_TARGET" in
    aarch64-*) processor=aarch64 ;;
    *) processor=x86_64 ;;
esac

# configure knows no Mac as the other machine of a cross build: two arms are missing.
sed '/^\t\*-apple-ios\*)$/{
N
s/^\t\*-apple-ios\*)\n\t\tac_sys_system=/\t*-apple-darwin*)\n\t\tac_sys_system=Darwin\n\t\t;;\n&/
s/^\t\*-apple-ios\*)\n\t\t_host_os=/\t*-apple-darwin*)\n\t\t_host_ident=$host_cpu\n\t\t;;\n&/
}' "$source/configure" > "$source/configure-darwin"
[ "$(grep -c '^	\*-apple-darwin\*)$' "$source/configure-darwin")" = 2 ] || {
    echo "this CPython's configure is not the one that cpython.sh was written for" >&2; exit 1; }

mkdir -p /tmp/cpython/stand-ins && cd /tmp/cpython
printf '#!/bin/sh\necho 11.0\n' > stand-ins/sw_vers && chmod +x stand-ins/sw_vers
export PATH="$PWD/stand-ins:$PATH" CONFIG_SITE=/opt/recipe/config.site MACOSX_DEPLOYMENT_TARGET=11.0
sh "$source/configure-darwin" --build=x86_64-pc-linux-gnu --host="$processor-apple-darwin20" \
    --with-build-python=python3.13 --prefix=/usr --without-ensurepip --disable-test-modules \
    --with-system-expat --without-readline OPT="-DNDEBUG -fwrapv -O2" \
    CC=darwin-cc CXX=darwin-cc AR="zig ar" RANLIB="zig ranlib" READELF="$(command -v readelf)" \
    > configure.log 2>&1 || { tail -n 20 configure.log; exit 1; }
python3.13 -B /opt/recipe/darwin_setup.py /opt/recipe/extensions.toml \
    "$source/Modules/Setup.stdlib.in" > Modules/Setup.local
make -j"$(nproc)" libpython3.13.a > make.log 2>&1 || { grep -A5 'error:' make.log; tail -n 5 make.log; exit 1; }
cp libpython3.13.a /opt/darwin/lib/
cp -r "$source/Include" /opt/darwin/include/python3.13
cp pyconfig.h /opt/darwin/include/python3.13/
