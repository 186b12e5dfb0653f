# SPDX-License-Identifier: Apache-2.0
"""Static analysis of the application and a short fuzzing of what it reads."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.firmware.conftest import need
from tests.firmware.machines import core_folder
from tests.firmware.misra import deviations, findings
from tests.sources import ROOT

pytestmark = pytest.mark.slow

FIRMWARE = ROOT / "firmware"
SOURCES = [*sorted((FIRMWARE / "app").glob("*.c")), *sorted((FIRMWARE / "ports/link").glob("*.c"))]
FUZZ_S = 5


def include() -> list[str]:
    """Where the application's headers are."""
    parts = ("include", "app", "ports/link")
    return [*(f"-I{FIRMWARE / part}" for part in parts), f"-I{core_folder() / 'include'}"]


def test_misra_findings_are_justified() -> None:
    """Every MISRA finding is covered by firmware/MISRA.md, and every deviation there is in use."""
    need("cppcheck")
    rules, places = deviations()
    found = findings()
    assert len(found) > 100, "the addon did not run"

    def covers(place: tuple[str, str, str], finding: tuple[str, str, str]) -> bool:
        return place[:2] == finding[:2] and place[2] in finding[2]

    open_ = [f for f in found if f.rule not in rules and not any(covers(p, f) for p in places)]
    assert open_ == []
    assert [p for p in places if not any(covers(p, f) for f in found)] == []
    assert rules <= {f.rule for f in found}


def test_cppcheck_finds_nothing() -> None:
    """No warning, style, performance or portability finding."""
    need("cppcheck")
    done = subprocess.run(
        [
            *("cppcheck", "--std=c99", "--quiet", "--error-exitcode=1", "--inline-suppr"),
            *("--enable=warning,style,performance,portability", "--suppress=*:*/node/core/*"),
            *(*include(), "app", "ports/link", "ports/posix"),
        ],
        cwd=FIRMWARE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_clang_tidy_finds_nothing() -> None:
    """No finding of the checks that firmware/.clang-tidy names."""
    need("clang-tidy")
    done = subprocess.run(
        ["clang-tidy", "--quiet", *SOURCES, "--", "-std=c99", *include()],
        cwd=FIRMWARE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_gcc_analyzer_finds_nothing() -> None:
    """No path that GCC's analyzer follows ends in undefined behaviour."""
    flags = (
        "-std=c99",
        "-O1",
        "-fanalyzer",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-c",
        "-o",
        "/dev/null",
    )
    for source in [*SOURCES, FIRMWARE / "ports/posix/main.c"]:
        done = subprocess.run(
            ["gcc", *flags, *include(), source], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_any_bytes_are_survived(tmp_path: Path) -> None:
    """Some seconds of fuzzing: beacons off the air, any content of three flash partitions."""
    need("clang")
    sources = [
        ROOT / "tests/firmware/fuzz_app.c",
        FIRMWARE / "ports/link/ram_flash.c",
        *(FIRMWARE / f"app/{n}.c" for n in ("store", "ring", "snapshot", "crc32")),
        *sorted((core_folder() / "src").glob("*.c")),
    ]
    program = tmp_path / "fuzz_app"
    sanitize = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    flags = ("-std=c99", "-g", "-O1", "-D_POSIX_C_SOURCE=200809L")
    subprocess.run(["clang", *flags, *sanitize, *include(), *sources, "-o", program], check=True)
    words = tmp_path / "words"
    words.write_text('"QST1"\n"QRG1"\n"QSP1"\n"\\x5a"\n"\\xb1"\n', encoding="ascii")
    limits = (f"-max_total_time={FUZZ_S}", "-max_len=2048", "-seed=1", f"-dict={words}")
    done = subprocess.run(
        [program, *limits], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
