# Sourced by ./demo and ./check, which set $help: finds a Python, makes the one environment.
# POSIX sh; everything it makes lies in .cache/ of this checkout.

set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cd "$root"

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] || continue
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

for argument in "$@"; do
    case "$argument" in -h | --help) say "$help"; exit 0 ;; esac
done

# A laptop that brings its own engine needs no root; everything else does.
as_root() {
    [ "$(id -u)" -eq 0 ] && return 0
    for argument in "$@"; do
        case "$argument" in --engine | --engine=*) return 0 ;; esac
    done
    if command -v sudo >/dev/null 2>&1; then
        say "root is needed to start a Docker engine of our own: asking sudo"
        exec sudo -E "$root/$(basename -- "$0")" "$@"
    fi
    fail "root or sudo is needed to start a Docker engine of our own (or name one that is there: --engine unix:///var/run/docker.sock)"
}

# Debian keeps ensurepip in a package of its own.
have_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

install_venv() {
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing python$version-venv"
        apt-get update -qq || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "python$version-venv" >/dev/null 2>&1 ||
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                python3-venv >/dev/null || true
    fi
    have_venv "$1" || fail "python$version has no venv module: install python$version-venv (or python3-venv)"
}

as_root "$@"

# environment EXTRAS: a virtual environment in .cache/venv with this checkout's pinned packages.
environment() {
    python=$(find_python) || fail "Python 3.11 or newer is needed and was not found (set PYTHON to name one)"
    have_venv "$python" || install_venv "$python"
    stamp="$(cksum <pyproject.toml) $("$python" -V) $1"
    venv="$root/.cache/venv"
    if [ "$(cat "$venv/.stamp" 2>/dev/null || true)" != "$stamp" ]; then
        say "making the Python environment in .cache/venv"
        mkdir -p "$root/.cache"
        "$venv/bin/python" -V >/dev/null 2>&1 || rm -rf "$venv"
        "$python" -m venv "$venv"
        PIP_DISABLE_PIP_VERSION_CHECK=1 AUTOBAHN_USE_NVX=0 \
            "$venv/bin/python" -m pip install -q --upgrade pip
        PIP_DISABLE_PIP_VERSION_CHECK=1 AUTOBAHN_USE_NVX=0 \
            "$venv/bin/python" -m pip install -q -e ".[$1]"
        printf '%s' "$stamp" >"$venv/.stamp"
    fi
    # What a program named by `python -m` must find: the packages of this checkout.
    PYTHONPATH="$root/src:$root/build:$root/release:$root"
    export PYTHONPATH
    python="$venv/bin/python"
}
