#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Make .venv hold `qres` and everything it needs; cheap when nothing changed.
#
#   tools/setup.sh            host packages, .venv, locked packages, the compiled core
#   tools/setup.sh browser    also a Chromium, for the console's browser tests
#   tools/setup.sh servers    also mosquitto and InfluxDB, for the sinks' and dashboards' tests
#   tools/setup.sh firmware   also cross compilers, emulators and analysers, for the firmware's
#
# As root on Debian or Ubuntu missing system packages are installed; otherwise
# they are named, with the command that installs them, and the script stops.
#
#   PYTHON   interpreter to build .venv from (default: the first of python3,
#            python3.14 ... python3.11 that is 3.11 or later)
set -eu
cd "$(dirname "$0")/.."
VENV=.venv
SOURCE_ONLY=esptool
apt_updated=

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# need_packages WHAT PACKAGE...: install them, or say how to and stop.
need_packages() {
    what=$1
    shift
    if ! command -v apt-get >/dev/null 2>&1; then
        die "missing: $what. On Debian or Ubuntu it is in: $*. Install its equivalent and try again."
    elif [ "$(id -u)" -ne 0 ]; then
        die "missing: $what. Install with:  sudo apt-get install $*"
    fi
    say "missing: $what; installing with apt-get: $*"
    if [ -z "$apt_updated" ]; then
        DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null
        apt_updated=1
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        </dev/null >/dev/null || die "apt-get could not install: $*"
}

python_is_new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        python_is_new_enough "$PYTHON" || die "PYTHON=$PYTHON is not a Python 3.11 or later"
        return
    fi
    for PYTHON in python3 python3.14 python3.13 python3.12 python3.11; do
        if python_is_new_enough "$PYTHON"; then return; fi
    done
    PYTHON=
}

# The suffix Debian gives its packages for this interpreter: "3", "3.12", ...
debian_suffix() {
    case $("$PYTHON" -c 'import sys; print(sys.executable)') in
    /usr/bin/python3) echo 3 ;;
    *) "$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])' ;;
    esac
}

check_host() {
    find_python
    if [ -z "$PYTHON" ]; then
        need_packages "Python 3.11 or later" python3 python3-venv python3-dev
        find_python
        [ -n "$PYTHON" ] || die "$(python3 --version) is what apt-get offers; 3.11 or later is needed. \
Install one (Debian 12, Ubuntu 24.04 or later have it) and set PYTHON to its path."
    fi
    missing=
    packages=
    if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
        missing="$missing, Python's venv module"
        packages="$packages python$(debian_suffix)-venv"
    fi
    if ! printf '#include <stdint.h>\nint main(void){return 0;}\n' |
        cc -x c -o /dev/null - 2>/dev/null; then
        missing="$missing, a working C compiler"
        packages="$packages gcc libc6-dev"
    fi
    include=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    if [ ! -f "$include/Python.h" ]; then
        missing="$missing, Python's C header $include/Python.h"
        packages="$packages python$(debian_suffix)-dev"
    fi
    # shellcheck disable=SC2086  # package names are separate words
    [ -z "$packages" ] || need_packages "${missing#, }" $packages
    [ -f "$include/Python.h" ] || die "there is still no $include/Python.h; \
give a Python with its headers in PYTHON"
}

# A .venv that was copied, whose interpreter went away or whose lock file changed
# is made anew: packages that are no longer locked must not linger in it.
make_venv() {
    identity="$PWD $("$PYTHON" -c 'import sys; print(sys.base_prefix, sys.version)' | tr '\n' ' ')"
    identity="$identity $(sha256sum <requirements.lock)"
    if [ "$(cat $VENV/.qres-identity 2>/dev/null)" = "$identity" ] &&
        $VENV/bin/python -c '' 2>/dev/null; then
        return
    fi
    say "making $VENV with $("$PYTHON" --version)"
    rm -rf $VENV
    "$PYTHON" -m venv $VENV
    printf '%s\n' "$identity" >$VENV/.qres-identity
}

install_locked() {
    [ -f $VENV/.qres-locked ] && return
    say "installing the packages of requirements.lock (about 300 MB to fetch the first time)"
    # What comes as source only is built afterwards, with the locked setuptools.
    mkdir -p build
    awk -v only="$SOURCE_ONLY" -v wheels=build/wheels.txt -v source=build/source.txt '
        BEGIN { printf "" >wheels; printf "" >source }
        /^[^ #]/ { name = $0; sub(/[=; ].*/, "", name); file = name == only ? source : wheels }
        { print >file }' requirements.lock
    $VENV/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
        --no-deps --only-binary :all: --no-compile --requirement build/wheels.txt
    PATH="$PWD/$VENV/bin:$PATH" $VENV/bin/python -m pip install -qq --disable-pip-version-check \
        --require-hashes --no-deps --no-build-isolation --no-binary "$SOURCE_ONLY" --no-compile \
        --requirement build/source.txt
    touch $VENV/.qres-locked
}

# Editable for Python; the C core is compiled whenever one of its files changed.
build_core() {
    core="$($VENV/bin/python node/core/gen_ffi.py --digest) $(sha256sum <pyproject.toml)"
    [ "$(cat $VENV/.qres-core 2>/dev/null)" = "$core" ] && return
    say "compiling the C core"
    rm -f $VENV/.qres-core
    PATH="$PWD/$VENV/bin:$PATH" $VENV/bin/python -m pip install --quiet \
        --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
    $VENV/bin/python -c 'import qres._core' ||
        die "the compiled core does not load: a function that its header declares may lack a body"
    printf '%s\n' "$core" >$VENV/.qres-core
}

# need_programs PROGRAM PACKAGE...: install the packages of those that are missing.
need_programs() {
    missing=
    packages=
    while [ $# -gt 0 ]; do
        if ! command -v "$1" >/dev/null 2>&1; then
            missing="$missing, $1"
            packages="$packages $2"
        fi
        shift 2
    done
    # What comes with them, and has no program to look for.
    case $packages in
    *clang*) packages="$packages libclang-rt-dev" ;;
    esac
    case $packages in
    *i686*) packages="$packages libc6-dev-i386-cross" ;;
    esac
    case $packages in
    *powerpc*) packages="$packages libc6-dev-powerpc-cross" ;;
    esac
    # shellcheck disable=SC2086  # package names are separate words
    [ -z "$packages" ] || need_packages "${missing#, }" $packages
}

find_browser() {
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

# One setup at a time: two makes may run in one tree.
if [ "${QRES_SETUP_LOCKED:-}" != 1 ] && command -v flock >/dev/null 2>&1; then
    mkdir -p build
    QRES_SETUP_LOCKED=1 exec flock build/.setup.lock "$0" "$@"
fi

check_host
make_venv
install_locked
build_core
case ${1:-} in
'') ;;
browser)
    if ! find_browser; then
        # Not fatal: the browser tests say that they were skipped, and why.
        (need_packages "a Chromium" chromium) || say "browser tests will be skipped"
    fi
    ;;
servers)
    # Not fatal: what they are for says that it was skipped, and why.
    (need_programs mosquitto mosquitto mosquitto_sub mosquitto-clients influxd influxdb) ||
        say "tests against a broker or a database will be skipped"
    ;;
firmware)
    (need_programs riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf qemu-system-riscv32 \
        qemu-system-misc arm-none-eabi-gcc gcc-arm-none-eabi qemu-system-arm qemu-system-arm \
        xtensa-lx106-elf-gcc gcc-xtensa-lx106 clang clang ld.lld lld clang-tidy clang-tidy \
        cppcheck cppcheck i686-linux-gnu-gcc gcc-i686-linux-gnu powerpc-linux-gnu-gcc \
        gcc-powerpc-linux-gnu qemu-ppc qemu-user) || say "some firmware tests will be skipped"
    ;;
*) die "unknown argument '$1'; expected none, 'browser', 'servers' or 'firmware'" ;;
esac
