# same-versions.sh ARCHITECTURE COMPILER MULTIARCH: the archives of one more architecture, each in
# exactly the version that the image holds for its own. So all targets of a release are linked from
# the same sources, and no security update that one of them has is missing in another.
#
# A mirror that is in the middle of an update gives lists that do not fit its signature, most often
# of the architectures that are asked for least. Apt ignores those; what the others name in the wanted
# version is as good, so a failing update alone is no reason to stop. Where a package itself is not
# there, standins.txt may name another of it; what was taken from there is kept in
# /opt/build/stood-in, and every build that links it says so.
set -eu
architecture=$1 compiler=$2 multiarch=$3
images=/opt/build/images
own=$(dpkg --print-architecture)

all_exact() {
    # shellcheck disable=SC2046 # a list of words
    apt-get install --yes --no-install-recommends "$gcc" $(for name in $archives; do exact "$name"; done)
}

exact() {
    echo "$1:$architecture=$(dpkg-query -W -f '${Version}' "$1:$own")"
}

# With what the archives alone are needed for: nothing of that architecture is run here.
one_by_one() {
    apt-get install --yes --no-install-recommends "$gcc"
    dpkg --purge --force-depends "libc6-dev-$architecture-cross"
    mkdir /tmp/archives && cd /tmp/archives
    for name in $archives; do
        apt-get download "$(exact "$name")" || stand_in "$name" || missing="$missing $(exact "$name")"
    done
    [ -z "$missing" ] || return 1
    # Headers that are the same everywhere stay those of the image's own architecture.
    dpkg --unpack --force-depends --force-overwrite --path-exclude='/usr/share/*' \
        --path-exclude='/usr/include/*' --path-include="/usr/include/$multiarch*" ./*.deb
    cd / && rm -r /tmp/archives
}

stand_in() {
    line=$(grep "^$architecture $1 " "$images/standins.txt") || return 1
    # shellcheck disable=SC2086 # columns
    set -- $line
    # Not what apt knows: it has forgotten the places whose lists it could not get.
    for mirror in $(grep -rhoE 'https?://[^] ]+' /etc/apt/sources.list* | sort -u); do
        file=$(basename "$3")
        if /usr/lib/apt/apt-helper download-file "${mirror%/}/$3" "$file" "SHA256:$4"; then
            version=$(dpkg-deb --field "$file" Version)
            [ "$(exact "$2")" = "$2:$1=$version" ] ||
                echo "$1: $2 $version stands in for $(exact "$2" | cut -d= -f2)" >> /opt/build/stood-in
            return 0
        fi
    done
    return 1
}

if [ "$architecture" != "$own" ]; then
    archives=$(cat "$images/archives.txt")
    gcc=gcc-$(echo "$compiler" | tr _ -)
    dpkg --add-architecture "$architecture"
    done=''
    for pause in 0 20; do
        sleep "$pause"
        apt-get update || echo "some lists cannot be had"
        if all_exact; then done=1 && break; fi
    done
    missing=''
    [ -n "$done" ] || one_by_one || {
        echo "the mirror does not have for $architecture what the image has for $own:$missing" >&2
        exit 1
    }
    rm -rf /var/lib/apt/lists/*
fi

# The cross compiler can bring a libc of its own, of another version.
libc=$(readlink -f "$("$compiler-gcc" -print-file-name=libc.a)")
if [ "$libc" != "$(readlink -f "/usr/lib/$multiarch/libc.a")" ]; then
    echo "$compiler-gcc links $libc, not the libc of /usr/lib/$multiarch" >&2
    exit 1
fi
