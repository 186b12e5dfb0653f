# SPDX-License-Identifier: Apache-2.0
"""Static analysis of drivers and sniffer, and a fuzzing of what comes from the radio's bus."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.firmware.drivers.rig import DRIVERS, INCLUDES
from tests.sources import ROOT

pytestmark = pytest.mark.slow

FIRMWARE = ROOT / "firmware"
SOURCES = sorted([*DRIVERS.glob("*/*.c"), *(FIRMWARE / "sniffer").glob("*.c")])
PLACES = [*INCLUDES, f"-I{DRIVERS / 'power'}"]
SECTION = "## Drivers and sniffer"
FUZZ_S = 5


def need(program: str) -> None:
    """Skip where *program* is missing, and say so."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is missing; Debian has it in the package of that name")


def run(*command: object) -> subprocess.CompletedProcess[str]:
    """Run and capture."""
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)


def test_misra_findings_are_justified() -> None:
    """Each rule that is broken is justified in MISRA.md; each justification is used."""
    need("cppcheck")
    done = run("cppcheck", "--std=c99", "--addon=misra", "--quiet", *PLACES, *SOURCES)
    own = re.findall(
        r"(?m)^(\S*/firmware/(?:drivers|sniffer)/\S+?):\d+:\d+: .*\[misra-c2012-(\d+\.\d+)\]$",
        done.stderr,
    )
    found = {rule for _, rule in own}
    assert len(own) > 100, "the addon did not run"
    general, section = (FIRMWARE / "MISRA.md").read_text(encoding="utf-8").split(SECTION)
    everywhere = general.split("## Single places")[0]
    rules = set(re.findall(r"(?m)^\| (\d+\.\d+) \|", everywhere))
    here = set(re.findall(r"(?m)^\| (\d+\.\d+) \|", section))
    assert found - rules - here == set()
    assert here - found == set()


def test_cppcheck_finds_nothing() -> None:
    """No warning, style, performance or portability finding."""
    need("cppcheck")
    checks = "--enable=warning,style,performance,portability"
    done = run(
        "cppcheck", "--std=c99", "--quiet", checks, "--error-exitcode=1",
        "--suppress=*:*/node/core/*", *PLACES, *SOURCES,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_clang_tidy_finds_nothing() -> None:
    """No finding of bugprone, cert and the static analyser."""
    need("clang-tidy")
    checks = (
        "-*,bugprone-*,cert-*,clang-analyzer-*,-bugprone-easily-swappable-parameters,"
        "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling"
    )
    done = run(
        "clang-tidy", "--quiet", "--warnings-as-errors=*", f"-checks={checks}", *SOURCES,
        "--", "-std=c99", *PLACES,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("compiler", ["gcc", "clang", "rv32"])
def test_strict_compilers_and_the_analyzer(compiler: str) -> None:
    """Gcc with -fanalyzer, clang and RV32 gcc compile every source without a warning."""
    commands = {
        "gcc": ["gcc", "-O2", "-fanalyzer"],
        "clang": ["clang", "-O2"],
        "rv32": ["riscv64-unknown-elf-gcc", "--specs=picolibc.specs", "-march=rv32imc",
                 "-mabi=ilp32", "-misa-spec=2.2", "-Os"],
    }  # fmt: skip
    command = commands[compiler]
    need(command[0])
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wmissing-prototypes"]
    flags = ["-std=c99", *warnings, "-Wshadow", "-Werror", "-ffreestanding"]
    for source in SOURCES:
        done = run(*command, *flags, *PLACES, "-c", source, "-o", "/dev/null")
        assert done.returncode == 0, done.stderr


def test_any_bytes_on_the_bus_are_survived(tmp_path: Path) -> None:
    """Some seconds of fuzzing: whatever MISO, pins and I2C say, no call misbehaves or hangs."""
    need("clang")
    harness = Path(__file__).with_name("fuzz_bus.c")
    program = tmp_path / "fuzz_bus"
    sanitize = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    airtime = ROOT / "node/core/src/airtime.c"
    built = run(
        "clang", "-std=c99", "-g", "-O1", *sanitize, *PLACES, harness, *SOURCES, airtime,
        "-o", program,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    done = run(program, f"-max_total_time={FUZZ_S}", "-max_len=4096", "-seed=1", "-timeout=5")
    assert done.returncode == 0, done.stderr[-2000:]
