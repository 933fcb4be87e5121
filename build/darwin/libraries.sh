# zlib, expat, zstd (what unpacks) and SQLite, each compiled in one go: none needs its configure.
mkdir -p /opt/darwin/include /opt/darwin/lib
cd /opt/darwin/lib

# archive NAME FLAGS... -- SOURCES...
archive() {
    name=$1; shift
    rm -rf "/tmp/$name"; mkdir "/tmp/$name"; flags=
    while [ "$1" != -- ]; do flags="$flags $1"; shift; done
    shift
    for source in "$@"; do
        # shellcheck disable=SC2086 # flags are words
        darwin-cc $flags -c "$source" -o "/tmp/$name/$(basename "$source" .c).o"
    done
    zig ar rcsD "$name.a" "/tmp/$name/"*.o
}

# zutil.h takes a Mac for one from before OS X and would define fdopen away.
cd /opt/src/zlib
zlib=$(ls adler32.c compress.c crc32.c deflate.c inf*.c trees.c uncompr.c zutil.c)
cd /opt/darwin/lib
# shellcheck disable=SC2086
archive libz -Dfdopen=fdopen -DHAVE_UNISTD_H -DHAVE_STDARG_H -- $(printf '/opt/src/zlib/%s ' $zlib)
cp /opt/src/zlib/zlib.h /opt/src/zlib/zconf.h /opt/darwin/include/

expat=/opt/src/expat/expat/lib
mkdir -p /tmp/expat && : > /tmp/expat/expat_config.h
archive libexpat -I/tmp/expat -DXML_GE=1 -DXML_DTD -DXML_NS -DXML_CONTEXT_BYTES=1024 \
    -DBYTEORDER=1234 -DHAVE_ARC4RANDOM_BUF -DHAVE_UNISTD_H -- \
    "$expat/xmlparse.c" "$expat/xmlrole.c" "$expat/xmltok.c" "$expat/random_arc4random_buf.c"
cp "$expat/expat.h" "$expat/expat_external.h" /opt/darwin/include/

archive libzstd -DZSTD_DISABLE_ASM=1 -DXXH_NAMESPACE=ZSTD_ -- \
    /opt/src/libzstd/lib/common/*.c /opt/src/libzstd/lib/decompress/*.c
cp /opt/src/libzstd/lib/zstd.h /opt/src/libzstd/lib/zstd_errors.h /opt/darwin/include/

# SQLite's single file is written by tools that are compiled for this machine.
mkdir -p /tmp/sqlite && cd /tmp/sqlite
make -s -f /opt/src/sqlite3/main.mk TOP=/opt/src/sqlite3 NAWK=awk TCC=false \
    BCC="zig cc -O1 -g0 -fno-sanitize=undefined -Wno-date-time" sqlite3.c > make.log
cd /opt/darwin/lib
archive libsqlite3 -I/tmp/sqlite -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION \
    -DSQLITE_SECURE_DELETE -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_USE_URI=1 \
    -DSQLITE_MAX_SCHEMA_RETRY=25 -DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DHAVE_USLEEP=1 \
    -DHAVE_LOCALTIME_R=1 -DHAVE_GMTIME_R=1 -DHAVE_STRERROR_R=1 -- /tmp/sqlite/sqlite3.c
cp /tmp/sqlite/sqlite3.h /opt/darwin/include/
