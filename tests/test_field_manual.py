# SPDX-License-Identifier: Apache-2.0
"""docs/field-manual.md says what the board files, the command line and the firmware say."""

from __future__ import annotations

import re
import runpy
import shlex
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from esptool import cli as esptool_cli  # type: ignore[import-untyped]

from qres.plan.currents import BOARDS as BOARDS_OF_PLAN
from qres.plan.gauges import Gauges
from qres.plan.load import node_day
from qres.site import load_site
from qres_gateway.cli import build_app, main
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MANUAL = ROOT / "docs" / "field-manual.md"
TEXT = MANUAL.read_text(encoding="utf-8")
BOARDS = ROOT / "firmware" / "boards"
PORT = ROOT / "firmware" / "ports" / "esp32"
RADIO = ("sck", "miso", "mosi", "nss", "reset", "irq", "busy")
COMMAND = re.compile(r"(?m)^ {4,}((?:qres|idf\.py|esptool|echo) .*)$")
LINES = COMMAND.findall(TEXT)


HEADER = runpy.run_path(str(BOARDS / "board_header.py"))
"""The script that checks board files; it is no part of a package."""


@cache
def verb(name: str) -> Any:
    """The command `qres NAME`."""
    return typer.main.get_command(build_app(name)).commands[name]  # type: ignore[attr-defined]


def boards_that_build() -> dict[str, Any]:
    """Board files without doubt, by name."""
    named = {p.stem: HEADER["load"](p.stem) for p in sorted(BOARDS.glob("*.toml"))}
    return {name: board for name, board in named.items() if not HEADER["doubts"](board)}


def battery_of(facts: dict[str, Any]) -> str:
    """How a board measures its battery."""
    if "pmu" in facts:
        return "power chip, I2C"
    if "battery_adc" not in facts:
        return "none"
    switch = facts.get("battery_control", {}).get("value")
    by = facts["battery_scale_1e4"]["value"] / 10_000
    return f"{facts['battery_adc']['value']}, x {by:g}" + (f", switch {switch}" if switch else "")


def supply_of(facts: dict[str, Any]) -> str:
    """What feeds the sensors of a board."""
    if "sensor_power" not in facts:
        return "permanent"
    level = "high" if facts["sensor_power_active"]["value"] else "low"
    return f"{facts['sensor_power']['value']}, on when {level}"


def pin_table() -> str:
    """The table of section 2, made from the board files."""
    head = (
        "board", "chip", "I2C SDA, SCL", "wind", "rain", "vane", "battery", "sensor supply",
        "console", "radio SCK, MISO, MOSI, NSS, RESET, DIO1, BUSY", "RF switch",
    )  # fmt: skip
    rows = [head, ("---",) * len(head)]
    for name, board in boards_that_build().items():
        facts, kit = board["facts"], board["kit"]
        switches = ["DIO2"] if facts["dio2_rf_switch"]["value"] else []
        switches += [
            f"{pin.upper()} {facts[f'lora_{pin}']['value']}"
            for pin in ("rxen", "txen")
            if f"lora_{pin}" in facts
        ]
        rows.append((
            name, board["target"], f"{kit['i2c_sda']}, {kit['i2c_scl']}",
            *(str(kit.get(role, "none")) for role in ("wind", "rain", "vane")),
            battery_of(facts), supply_of(facts), kit["console"],
            ", ".join(str(facts.get(f"lora_{p}", {}).get("value", "none")) for p in RADIO),
            ", ".join(switches) or "none",
        ))  # fmt: skip
    return "".join(
        f"| {' | '.join(row)} |\n".replace("| --- ", "|---").replace("--- |\n", "---|\n")
        for row in rows
    )


def walk(line: str) -> tuple[Any, list[str]]:
    """The command that a `qres` line ends in, and the words that follow it."""
    _, name, *words = shlex.split(line)
    group = verb(name)
    while hasattr(group, "commands"):
        assert words, f"{line}: no verb"
        assert words[0] in group.commands, f"{line}: no {words[0]}"
        group, words = group.commands[words[0]], words[1:]
    return group, words


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a Markdown file, as GitHub makes them."""
    heads = re.findall(r"(?m)^#+ (.*)$", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}


def test_pin_table_is_that_of_the_board_files() -> None:
    """Who wires by the manual wires what the firmware reads; a failure prints the right table."""
    shown = TEXT.split("<!-- pins: begin -->\n")[1].split("<!-- pins: end -->")[0]
    assert shown == pin_table(), pin_table()


def test_boards_of_the_text_are_those_that_build() -> None:
    """The energy table has a row for each board that builds, and `-DBOARD` names no other."""
    names = set(boards_that_build())
    rows = set(re.findall(r"(?m)^\| ([\w.-]+) \| [\d.]+ \| ", TEXT))
    assert rows == names
    assert set(re.findall(r"-DBOARD=([\w.-]+)", TEXT)) <= names
    assert "one of the eight" in TEXT
    assert len(names) == 8


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("qres ")])
def test_every_qres_command_exists_with_its_options(line: str) -> None:
    """A reader who types a line of the manual is not told that there is no such verb or option."""
    command, words = walk(line)
    known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    unknown = {word for word in words if word.startswith("--")} - known
    assert not unknown, f"{line}: {unknown}"


def test_options_named_in_the_text_exist() -> None:
    """Options of the text outside code blocks belong to a verb that the manual uses."""
    known = {
        option
        for line in LINES
        if line.startswith("qres ")
        for p in walk(line)[0].params
        for option in p.opts
    }
    named = set(re.findall(r"`(--[a-z-]+)", TEXT))
    assert named - known == set()


def test_idf_lines_build_the_two_projects() -> None:
    """`idf.py` is given projects, targets and definitions that the port has."""
    idf = [line for line in LINES if line.startswith("idf.py")]
    cmake = "".join(p.read_text(encoding="utf-8") for p in PORT.rglob("CMakeLists.txt"))
    readme = (PORT / "README.md").read_text(encoding="utf-8")
    assert len(idf) == 3
    for line in idf:
        project = re.search(r"-C (\S+)", line)
        assert project is not None
        assert (ROOT / project[1] / "CMakeLists.txt").is_file()
        for name in re.findall(r"-D(\w+)=", line):
            assert name in cmake or name in readme, name


def test_raw_log_is_read_where_it_is() -> None:
    """The command is one of esptool's, and the numbers are those of the partition table."""
    (line,) = (line for line in LINES if line.startswith("esptool"))
    _, _, _, command, offset, size, _ = shlex.split(line)
    assert esptool_cli.get_command(None, command) is not None
    table = (PORT / "partitions.csv").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^raw_log,.*\b{offset},\s*{size}$", table)
    days = int(size, 0) // 4096 * 126 / 144  # ring.h: 126 samples a sector; 144 a day
    assert f"about {days:.0f} days" in TEXT


def test_links_resolve() -> None:
    """Files that the manual links to are there, with the headings it means; README links back."""
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = (MANUAL.parent / name).resolve()
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target
    named = re.findall(r"`(firmware/[\w/.]+\.(?:h|toml))`", TEXT)
    assert all((ROOT / name).is_file() for name in named)
    readme = (ROOT / "firmware" / "README.md").read_text(encoding="utf-8")
    assert "(../docs/field-manual.md)" in readme


def test_words_of_the_log_are_those_of_the_firmware() -> None:
    """Words that first light looks for are printed by the application."""
    sources = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "firmware/app").glob("*.c"))
    light = TEXT.split("**Serial log**")[1].split("**Silent or dead?**")[0]
    cells = "".join(re.findall(r"(?m)^\|[^|]*\|([^|]*)\|", light))
    words = set(re.findall(r"`([a-z]{3,})[ `]", cells))
    assert {"reset", "search", "found", "commit", "sent", "checkpoint"} <= words
    assert {word for word in words if f'"{word}"' not in sources} == set()


def test_energy_figures_are_those_of_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mAh a day of each board are what `qres plan energy` counts for the site of the manual."""
    first = next(line for line in LINES if "--nodes 10" in line)
    with pytest.raises(SystemExit) as ended:
        main([*shlex.split(first.replace("--out plan", f"--out {tmp_path}"))[1:]])
    assert ended.value.code in {0, None}, capsys.readouterr()
    site = load_site(tmp_path / "site.toml")
    for name, *shown in re.findall(r"(?m)^\| ([\w.-]+) \| ([\d.]+) \| ([\d.]+) \| \d", TEXT):
        divided = Gauges("davis-6410-div16") if BOARDS_OF_PLAN[name].has_wind_pin else None
        days = (node_day(site, name), node_day(site, name, gauges=divided))
        assert [f"{day.mah:.1f}" for day in days] == shown, name
    assert f": {node_day(site, 'heltec-v3', asleep_ua=1900).mah:.1f} mAh a day" in TEXT


@pytest.mark.parametrize(
    ("row", "missing", "where"),
    [
        ("Nothing can give the first node the time", ".console_read", "node/main"),
        ("Gauge constants and battery limit are not set", ".fitted", "node/main"),
    ],
)
def test_gaps_are_named_as_long_as_they_are_there(row: str, missing: str, where: str) -> None:
    """A gap that the firmware has is in the manual, and one that was closed is taken out of it."""
    sources = "".join(p.read_text(encoding="utf-8") for p in (PORT / where).glob("*.c"))
    assert (row in TEXT) == (missing not in sources)
