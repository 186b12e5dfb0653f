# SPDX-License-Identifier: Apache-2.0
"""Coverage-guided fuzzing of what the core takes from the air, a short while of it (fuzz.h)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sources import ROOT

TARGETS = sorted(path.stem for path in (ROOT / "tests/core").glob("fuzz_*.c"))
CLANGS = ("clang", *(f"clang-{n}" for n in range(25, 11, -1)))
SECONDS = 20


@pytest.fixture(scope="module")
def clang(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A clang that has libFuzzer."""
    name = next((c for c in CLANGS if shutil.which(c)), None)
    if name is None:
        pytest.skip("clang is missing; Debian has it in clang and libclang-rt-dev")
    trial = tmp_path_factory.mktemp("clang") / "trial"
    source = "int LLVMFuzzerTestOneInput(const char *d, long n){(void)d;(void)n;return 0;}"
    command = [name, "-fsanitize=fuzzer,address", "-x", "c", "-", "-o", str(trial)]
    done = subprocess.run(command, input=source, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{name} has no libFuzzer; Debian has it in libclang-rt-dev")
    return name


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_fuzzer_finds_nothing(clang: str, target: str, tmp_path: Path) -> None:
    """So many seconds of libFuzzer with ASan and UBSan end without a finding."""
    core = ROOT / "node/core"
    program = tmp_path / target
    build = [
        clang, "-std=c99", "-DQRES_FUZZ", "-g", "-O1", "-fsanitize=fuzzer,address,undefined",
        "-fno-sanitize-recover=all", f"-I{core / 'include'}", f"-I{core / 'src'}",
        str(ROOT / f"tests/core/{target}.c"), *map(str, sorted((core / "src").glob("*.c"))),
        "-o", str(program),
    ]  # fmt: skip
    subprocess.run(build, check=True)
    run = [
        str(program), "-max_len=2048", "-len_control=0", "-seed=1",
        f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/",
    ]  # fmt: skip
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=10 * SECONDS)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "DONE" in done.stderr
