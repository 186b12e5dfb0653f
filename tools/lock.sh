#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Resolve pyproject.toml into requirements.lock: for Python 3.11 and later, every
# platform, with hashes and without the address of a package index.
set -eu
cd "$(dirname "$0")/.."
UV=build/uv
[ -x $UV/bin/uv ] || {
    .venv/bin/python -m venv $UV
    $UV/bin/python -m pip install -qq --disable-pip-version-check uv==0.13.9
}
$UV/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-header --group dev pyproject.toml --output-file requirements.lock
