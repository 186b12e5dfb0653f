# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.firmware.drivers.idf_rig import board_header as load_board_header
from tests.sources import ROOT

BOARDS = ROOT / "firmware" / "boards"
NAMES = sorted(path.stem for path in BOARDS.glob("*.toml"))
CERTAIN = {
    *("heltec-v3", "ht-ct62", "rak3312", "t-lora-c6", "t3-s3", "t3-v1.6", "tbeam-sx1262"),
    "xiao-s3-wio",
}
REFUSED = {"m5stack-c6l", "tbeam-supreme"}


board_header = load_board_header()


def test_every_board_is_listed_here() -> None:
    """A new board file is put into one of the two lists by somebody who has read it."""
    assert set(NAMES) == CERTAIN | REFUSED


@pytest.mark.parametrize("name", NAMES)
def test_no_board_breaks_a_rule_of_its_chip(name: str) -> None:
    """All pins exist, none is used twice, outputs can drive, analogue pins are on ADC1."""
    assert board_header.problems(board_header.load(name)) == []


@pytest.mark.parametrize("name", sorted(CERTAIN))
def test_certain_boards_have_two_sources_for_every_fact(name: str) -> None:
    """Each fact of a board that builds by default is named by two listed public sources or more."""
    board = board_header.load(name)
    for fact, content in board["facts"].items():
        assert len(set(content["sources"])) >= 2, fact
        assert set(content["sources"]) <= set(board["sources"]), fact
        assert "disputed" not in content, fact
    assert "BOARD_LORA_NSS" in board_header.make(name, allow_disputed=False)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_disputed_boards_are_refused_and_told_why(name: str) -> None:
    """A board in dispute or without driver builds only on request; the refusal says why."""
    board = board_header.load(name)
    with pytest.raises(board_header.BoardError) as caught:
        board_header.make(name, allow_disputed=False)
    assert board.get("unsupported", "") in str(caught.value)
    for fact, content in board["facts"].items():
        if "disputed" in content or len(set(content["sources"])) < 2:
            assert f"{fact}: " in str(caught.value)
            assert content["sources"][0] in str(caught.value)
    assert "#define BOARD_NAME" in board_header.make(name, allow_disputed=True)


def changed(name: str, change: dict[str, Any]) -> dict[str, Any]:
    """A board with some facts replaced."""
    board: dict[str, Any] = board_header.load(name)
    board["facts"] = board["facts"] | change
    return board


@pytest.mark.parametrize(
    ("name", "fact", "value", "says"),
    [
        ("heltec-v3", "lora_nss", 9, "are both GPIO 9"),
        ("heltec-v3", "lora_nss", 27, "has no free GPIO 27"),
        ("heltec-v3", "battery_adc", 20, "not on ADC1"),
        ("tbeam-sx1262", "lora_nss", 34, "can only read"),
        ("ht-ct62", "lora_sck", 12, "has no free GPIO 12"),
        ("tbeam-sx1262", "lora_rxen", 39, "can only read"),
    ],
)
def test_a_wrong_pin_is_found(name: str, fact: str, value: int, says: str) -> None:
    """Double use, flash pins, input-only pins and pins without ADC1 are refused."""
    board = changed(name, {fact: {"value": value, "sources": ["meshtastic", "meshcore"]}})
    assert any(says in problem for problem in board_header.problems(board))


@pytest.mark.parametrize(
    ("sources", "maker", "stands"),
    [
        (["rak", "meshtastic"], ["rak"], True),
        (["rak"], ["rak"], False),
        (["arduino", "meshtastic"], ["rak"], False),
        (["arduino", "meshtastic", "meshcore"], ["rak"], True),
        (["rak", "zephyr"], ["rak"], False),
    ],
)
def test_who_may_overrule(sources: list[str], maker: list[str], *, stands: bool) -> None:
    """A dissent yields to the maker and one more, or to three; nobody overrules with himself."""
    fact = {"value": 1, "sources": sources, "overruled": {"zephyr": 0}}
    board = changed("rak3312", {"lora_power_active": fact}) | {"maker": maker}
    found = board_header.problems(board)
    assert bool(found) is not stands, found
    assert all("cannot be overruled" in problem for problem in found)


def test_overruled_sources_and_makers_are_listed() -> None:
    """Who is overruled, and who is called the maker, stands among the sources."""
    sources = ["rak", "meshtastic", "arduino"]
    fact = {"value": 1, "sources": sources, "overruled": {"hearsay": 0}}
    board = changed("rak3312", {"lora_power_active": fact}) | {"maker": ["nobody"]}
    assert board_header.problems(board) == [
        "maker 'nobody' is not listed",
        "lora_power_active: source 'hearsay' is not listed",
    ]


def test_one_source_twice_is_one_source() -> None:
    """Naming the same source twice does not make two."""
    board = changed("heltec-v3", {"lora_nss": {"value": 8, "sources": ["meshcore", "meshcore"]}})
    assert board_header.doubts(board) == ["lora_nss: only meshcore says 8"]


def test_the_script_refuses_with_exit_code_1(tmp_path: Path) -> None:
    """What the build calls: a refused board and an unknown one leave no header."""
    for name, says in (
        ("tbeam-supreme", "is refused"),
        ("no-such", "no board 'no-such'; there are:"),
    ):
        run = subprocess.run(
            [sys.executable, BOARDS / "board_header.py", name, tmp_path / "board.h"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 1
        assert says in run.stderr
        assert not (tmp_path / "board.h").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_header_compiles(name: str, tmp_path: Path) -> None:
    """board.h is C, and has every name that the port uses."""
    assert shutil.which("gcc") is not None
    (tmp_path / "board.h").write_text(board_header.make(name, allow_disputed=True), "utf-8")
    source = tmp_path / "x.c"
    keys = [*board_header.REQUIRED, *board_header.OPTIONAL, *board_header.KIT]
    uses = "".join(f"    BOARD_{key.upper()},\n" for key in keys)
    source.write_text(
        f'#include "board.h"\nconst long used[] = {{\n{uses}    BOARD_CRC32}};\n', "utf-8"
    )
    command = [
        "gcc",
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-c",
        str(source),
        "-o",
        str(tmp_path / "x.o"),
    ]
    subprocess.run([*command, f"-I{tmp_path}"], check=True)
