# SPDX-License-Identifier: Apache-2.0
"""No branch and no address of the crypto code depends on a secret; valgrind watches."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sources import ROOT

# Memcheck reports a branch or an address that depends on undefined memory. So the
# secrets are marked undefined: what it then reports is a leak through timing.
PROGRAM = r"""
#include <stdio.h>
#include <valgrind/memcheck.h>
#include "qres_crypto.h"

int main(int argc, char **argv)
{
    uint8_t key[16] = {1}, nonce[13] = {2}, aad[20] = {3}, data[40] = {4}, tag[8] = {5};
    (void)argv;
    VALGRIND_MAKE_MEM_UNDEFINED(key, sizeof key);
    VALGRIND_MAKE_MEM_UNDEFINED(aad, sizeof aad);
    VALGRIND_MAKE_MEM_UNDEFINED(data, sizeof data);
    VALGRIND_MAKE_MEM_UNDEFINED(tag, sizeof tag);

    qres_aes128 ctx;
    qres_aes128_init(&ctx, key);
    qres_aes128_encrypt2(&ctx, data, data);
    qres_cipher cipher = qres_aes128_cipher(&ctx);
    qres_ccm_seal(&cipher, nonce, 13, aad, 20, data, 40, tag, 8);
    qres_ccm_crypt(&cipher, nonce, 13, data, 40);
    int equal = qres_ct_equal(tag, data, 8);
    if (argc > 1 && data[0] != 0) { /* the control: a branch on a secret */
        puts("leak");
    }
    VALGRIND_MAKE_MEM_DEFINED(&equal, sizeof equal);
    return equal < 0;
}
"""


@pytest.fixture(scope="module", params=["-O0", "-O2", "-O3", "-Os"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PROGRAM with the core's crypto, compiled at one level of optimisation."""
    if shutil.which("valgrind") is None or not Path("/usr/include/valgrind/memcheck.h").exists():
        pytest.skip("valgrind is missing; it is in Debian's package valgrind")
    folder = tmp_path_factory.mktemp("constant-time")
    core = ROOT / "node/core"
    (folder / "main.c").write_text(PROGRAM)
    sources = [folder / "main.c", core / "src/aes128.c", core / "src/ccm.c"]
    options = ["-std=c99", request.param, "-I", core / "include", "-o", folder / "main"]
    subprocess.run([os.environ.get("CC", "cc"), *options, *sources], check=True)
    return folder / "main"


def watched(program: Path, *arguments: str) -> int:
    """Exit status under memcheck, 99 if it had anything to report."""
    valgrind = ["valgrind", "--quiet", "--error-exitcode=99"]
    done = subprocess.run([*valgrind, program, *arguments], check=False, capture_output=True)
    return done.returncode


def test_crypto_does_not_depend_on_secrets(program: Path) -> None:
    """Key, plaintext, additional data and tag steer neither branch nor address."""
    assert watched(program) == 0


def test_a_leak_would_be_seen(program: Path) -> None:
    """The control: one branch on a decrypted byte is reported."""
    assert watched(program, "control") == 99
