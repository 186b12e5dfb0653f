# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script of the firmware's build, not a package
"""
Check a board file and write the header that a port is compiled with.

    python board_header.py heltec-v3 [--allow-disputed] OUTPUT.h

Every fact of a board needs two public sources that agree. A board with a fact that has fewer, or
on which sources disagree, is refused unless --allow-disputed says that somebody has measured it.
Standard library only: it runs inside ESP-IDF's own Python, too.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REQUIRED = (
    "lora_sck", "lora_miso", "lora_mosi", "lora_nss", "lora_reset", "lora_irq",
    "tcxo_mv", "dio2_rf_switch",
)  # fmt: skip
OPTIONAL = (
    "lora_busy", "lora_rxen", "lora_txen", "lora_power", "lora_power_active", "i2c_sda", "i2c_scl",
    "sensor_power", "sensor_power_active", "battery_adc", "battery_control", "battery_scale_1e4",
    "pmu",
)  # fmt: skip
NO_PIN = {
    "tcxo_mv", "dio2_rf_switch", "lora_power_active", "sensor_power_active", "battery_scale_1e4",
    "pmu",
}  # fmt: skip
KIT = ("i2c_sda", "i2c_scl", "wind", "rain", "vane")
RADIOS = {"sx1261": 1261, "sx1262": 1262, "sx1276": 1276}
CONSOLES = {"uart0": 0, "usb": 1}


@dataclass(frozen=True)
class Target:
    """What the pins of a chip can do. Source: Espressif data sheets, chapter on pins."""

    pins: frozenset[int]
    input_only: frozenset[int]
    adc1: frozenset[int]
    wakes_deep_sleep: frozenset[int]


def _span(*parts: int | tuple[int, int]) -> frozenset[int]:
    spans = [(part, part) if isinstance(part, int) else part for part in parts]
    return frozenset(n for low, high in spans for n in range(low, high + 1))


TARGETS = {
    # without the pins of the flash: 6..11, 26..32, 12..17, 24..30
    "esp32": Target(
        _span((0, 5), (12, 19), (21, 23), (25, 27), (32, 36), 39),
        _span((34, 36), 39),
        _span((32, 36), 39),
        _span(0, 2, 4, (12, 15), (25, 27), (32, 36), 39),
    ),
    "esp32s3": Target(_span((0, 21), (33, 48)), _span(), _span((1, 10)), _span((0, 21))),
    "esp32c3": Target(_span((0, 10), (18, 21)), _span(), _span((0, 4)), _span((0, 5))),
    "esp32c6": Target(_span((0, 23)), _span(), _span((0, 6)), _span((0, 7))),
}
INPUTS = {"lora_miso", "lora_irq", "lora_busy", "battery_adc", "wind", "rain", "vane"}
OWN_PULL_UP = {"wind", "rain"}
"""Inputs that need the chip's pull-up, which input-only pins of the ESP32 do not have."""


class BoardError(ValueError):
    """A board file that breaks a rule; the text says which."""


def load(name: str, folder: Path = HERE) -> dict[str, Any]:
    """The board file *name*. Raises BoardError if there is none."""
    path = folder / f"{name}.toml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
        raise BoardError(f"no board {name!r}; there are: {known}")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def doubts(board: dict[str, Any]) -> list[str]:
    """What is not certain: facts in dispute, and facts with fewer than two sources."""
    found = []
    for name, fact in board["facts"].items():
        sources = set(fact["sources"])
        others = fact.get("disputed", {})
        if others:
            said = ", ".join(f"{source} says {value}" for source, value in others.items())
            found.append(f"{name}: {', '.join(sorted(sources))} say {fact['value']}, but {said}")
        elif len(sources) < 2:
            found.append(f"{name}: only {', '.join(sources) or 'nobody'} says {fact['value']}")
    return found


def problems(board: dict[str, Any]) -> list[str]:
    """Rules that a board file breaks, whatever its sources say."""
    facts = board["facts"]
    found = [f"{name} is missing" for name in REQUIRED if name not in facts]
    found += [f"{name} is not known" for name in facts if name not in REQUIRED + OPTIONAL]
    if board["radio"] not in RADIOS:
        found.append(f"radio {board['radio']!r} is none of {', '.join(RADIOS)}")
    elif board["radio"] != "sx1276" and "lora_busy" not in facts:
        found.append("lora_busy is missing")
    for name, fact in facts.items():
        unknown = set(fact["sources"]) - set(board["sources"])
        found += [f"{name}: source {source!r} is not listed" for source in sorted(unknown)]
    if board["target"] not in TARGETS:
        return [*found, f"target {board['target']!r} is none of {', '.join(TARGETS)}"]
    return found + _pin_problems(board)


def _pins(board: dict[str, Any]) -> dict[str, int]:
    """Role of each pin in use: facts, then this kit's wiring."""
    pins = {name: fact["value"] for name, fact in board["facts"].items() if name not in NO_PIN}
    pins |= {name: value for name, value in board["kit"].items() if name != "console"}
    return {name: pin for name, pin in pins.items() if pin >= 0}


def _pin_problems(board: dict[str, Any]) -> list[str]:
    target = TARGETS[board["target"]]
    found, taken = [], dict[int, str]()
    for name, pin in _pins(board).items():
        if pin not in target.pins:
            found.append(f"{name}: {board['target']} has no free GPIO {pin}")
        if pin in taken:
            found.append(f"{name} and {taken[pin]} are both GPIO {pin}")
        taken[pin] = name
        if pin in target.input_only and (name not in INPUTS or name in OWN_PULL_UP):
            found.append(f"{name}: GPIO {pin} can only read, without pull-up")
        if name in {"battery_adc", "vane"} and pin not in target.adc1:
            found.append(f"{name}: GPIO {pin} is not on ADC1")
    return found


def header(name: str, board: dict[str, Any]) -> str:
    """The text of board.h."""
    values: dict[str, int] = dict.fromkeys(REQUIRED + OPTIONAL + KIT, -1)
    values |= dict.fromkeys(NO_PIN, 0)
    values |= {key: fact["value"] for key, fact in board["facts"].items()}
    values |= {key: value for key, value in board["kit"].items() if key != "console"}
    wakes = values["lora_irq"] in TARGETS[board["target"]].wakes_deep_sleep
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        f"/* Made by board_header.py from {name}.toml: change that file, not this one. */",
        "#ifndef QRES_BOARD_H",
        "#define QRES_BOARD_H",
        f'#define BOARD_NAME "{name}"',
        f"#define BOARD_CRC32 0x{zlib.crc32(name.encode()):08x}u",
        f'#define BOARD_TARGET "{board["target"]}"',
        f"#define BOARD_RADIO {RADIOS[board['radio']]}",
        f"#define BOARD_CONSOLE_USB {CONSOLES[board['kit']['console']]}",
        f"#define BOARD_IRQ_WAKES_DEEP_SLEEP {int(wakes)}",
        *(f"#define BOARD_{key.upper()} {value}" for key, value in values.items()),
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def make(name: str, *, allow_disputed: bool, folder: Path = HERE) -> str:
    """The header of a board, or BoardError with every reason."""
    board = load(name, folder)
    broken = problems(board)
    if broken:
        raise BoardError(f"{name}.toml: " + "; ".join(broken))
    unsure = doubts(board)
    if unsure and not allow_disputed:
        raise BoardError(
            f"{name} is refused, its sources do not agree: {'; '.join(unsure)}."
            " Measure it, or build with --allow-disputed and know that it may not work."
        )
    return header(name, board)


def main() -> int:
    """Command line. Exit code 1 if the board is refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board")
    parser.add_argument("output", type=Path)
    parser.add_argument("--allow-disputed", action="store_true")
    arguments = parser.parse_args()
    try:
        text = make(arguments.board, allow_disputed=arguments.allow_disputed)
    except BoardError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not arguments.output.exists() or arguments.output.read_text(encoding="utf-8") != text:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
