# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script of the firmware's build, not a package
"""
Check a board file and write the header that a port is compiled with.

    python board_header.py heltec-v3 [--allow-disputed] OUTPUT.h
        [--anemometer davis-6410] [--rain-gauge davis-6463-mm] [--cell lifepo4] [--antenna-cdbi 215]

Every fact of a board needs two public sources that agree. A board with a fact that has fewer, or
on which sources disagree, is refused unless --allow-disputed says that somebody has measured it;
so is one that needs a driver which is not there. A dissenting source is overruled by two others of
which one is the board's maker, or by three.
A gauge that is not named is not there: its pin stays unused and its quantity missing, not zero.
Standard library only: it runs inside ESP-IDF's own Python, too.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
GAUGES = HERE.parent / "drivers" / "sensors" / "gauges.toml"
NONE = "none"
CELLS = {NONE: 0, "li-ion": 3300, "lifepo4": 2950}
"""Below it a node hibernates, 0 never. [mV] Our choice: 200 mV below the dashboards' alert."""

OVERRULING, OVERRULING_WITH_MAKER = 3, 2
"""How many sources must agree to overrule others, without and with the maker among them."""

ANTENNA_CDBI = (-1000, 2000)
"""Limits of what an antenna's gain may be. [0.01 dBi]"""
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
    usb: frozenset[int]


class Kit(NamedTuple):
    """
    What is fitted to a board.

    Attributes:
        anemometer: A name of gauges.toml, or "none".
        rain_gauge: Likewise.
        cell: One of `CELLS`.
        antenna_cdbi: Gain of the antenna. [0.01 dBi]
    """

    anemometer: str = NONE
    rain_gauge: str = NONE
    cell: str = "li-ion"
    antenna_cdbi: int = 215


def _span(*parts: int | tuple[int, int]) -> frozenset[int]:
    spans = [(part, part) if isinstance(part, int) else part for part in parts]
    return frozenset(n for low, high in spans for n in range(low, high + 1))


TARGETS = {
    # without the pins of the flash: 6..11, 26..32, 12..17, 24..30
    "esp32": Target(
        _span((0, 5), (12, 19), (21, 23), (25, 27), (32, 36), 39),
        _span((34, 36), 39),
        _span((32, 36), 39),
        _span(),
    ),
    "esp32s3": Target(_span((0, 21), (33, 48)), _span(), _span((1, 10)), _span(19, 20)),
    "esp32c3": Target(_span((0, 10), (18, 21)), _span(), _span((0, 4)), _span(18, 19)),
    "esp32c6": Target(_span((0, 23)), _span(), _span((0, 6)), _span(12, 13)),
}
INPUTS = {"lora_miso", "lora_irq", "lora_busy", "battery_adc", "wind", "rain", "vane"}


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
    """What is not certain or not there: disputes, facts with one source, drivers that lack."""
    found = [f"not supported: {board['unsupported']}"] if "unsupported" in board else []
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
    makers = set(board.get("maker", []))
    found += [
        f"maker {source!r} is not listed" for source in sorted(makers - set(board["sources"]))
    ]
    for name, fact in facts.items():
        sources, overruled = set(fact["sources"]), set(fact.get("overruled", {}))
        unknown = (sources | overruled) - set(board["sources"])
        found += [f"{name}: source {source!r} is not listed" for source in sorted(unknown)]
        least = OVERRULING if makers.isdisjoint(sources) else OVERRULING_WITH_MAKER
        if overruled and len(sources - overruled) < least:
            who = ", ".join(sorted(overruled))
            found.append(f"{name}: {who} cannot be overruled by fewer than {least} sources")
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
        if pin in target.input_only and name not in INPUTS:
            found.append(f"{name}: GPIO {pin} can only read")
        if pin in target.usb and name in board["kit"]:
            found.append(f"{name}: GPIO {pin} is a line of the chip's USB")
        if name in {"battery_adc", "vane"} and pin not in target.adc1:
            found.append(f"{name}: GPIO {pin} is not on ADC1")
    return found


def _gauge(kind: str, name: str, pin: int) -> dict[str, Any]:
    """What gauges.toml says of a gauge, nothing for "none". *pin*: of the board, -1 for none."""
    if name == NONE:
        return {}
    known = tomllib.loads(GAUGES.read_text(encoding="utf-8"))[kind]
    if name not in known:
        raise BoardError(f"no {kind} {name!r}; there are: {NONE}, {', '.join(sorted(known))}")
    if pin < 0:
        raise BoardError(f"the board has no pin for {kind} {name!r}: must be {NONE}")
    found: dict[str, Any] = known[name]
    return found


def _kit_lines(board: dict[str, Any], kit: Kit) -> list[str]:
    """What is fitted, as definitions; the pin of a gauge that is not is -1."""
    if kit.cell not in CELLS:
        raise BoardError(f"no cell {kit.cell!r}; there are: {', '.join(CELLS)}")
    low, high = ANTENNA_CDBI
    if not low <= kit.antenna_cdbi <= high:
        raise BoardError(f"antenna_cdbi = {kit.antenna_cdbi}: must be {low}..{high}")
    pins = {role: board["kit"].get(role, -1) for role in ("wind", "rain")}
    wind = _gauge("anemometer", kit.anemometer, pins["wind"])
    rain = _gauge("rain", kit.rain_gauge, pins["rain"])
    values = {
        "BOARD_WIND": pins["wind"] if wind else -1,
        "BOARD_RAIN": pins["rain"] if rain else -1,
        "KIT_WIND_UM_PER_PULSE": wind.get("wind_um_per_pulse", 0),
        "KIT_WIND_OFFSET_UM_S": wind.get("wind_offset_um_s", 0),
        "KIT_WIND_DEBOUNCE_US": wind.get("debounce_us", 0),
        "KIT_RAIN_UM_PER_TIP": rain.get("rain_um_per_tip", 0),
        "KIT_RAIN_DEBOUNCE_US": rain.get("debounce_us", 0),
        "KIT_BATTERY_LOW_MV": CELLS[kit.cell],
        "KIT_ANTENNA_CDBI": kit.antenna_cdbi,
    }
    return [f"#define {name} {value}" for name, value in values.items()]


def header(name: str, board: dict[str, Any], kit: Kit = Kit()) -> str:  # noqa: B008  immutable
    """The text of board.h. Raises BoardError if *kit* does not fit the board."""
    values: dict[str, int] = dict.fromkeys(REQUIRED + OPTIONAL + KIT, -1)
    values |= dict.fromkeys(NO_PIN, 0)
    values |= {key: fact["value"] for key, fact in board["facts"].items()}
    values |= {key: value for key, value in board["kit"].items() if key != "console"}
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
        *(
            f"#define BOARD_{key.upper()} {value}"
            for key, value in values.items()
            if key not in {"wind", "rain"}
        ),
        *_kit_lines(board, kit),
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def make(
    name: str,
    *,
    allow_disputed: bool,
    folder: Path = HERE,
    kit: Kit = Kit(),  # noqa: B008  immutable
) -> str:
    """The header of a board with *kit*, or BoardError with every reason."""
    board = load(name, folder)
    broken = problems(board)
    if broken:
        raise BoardError(f"{name}.toml: " + "; ".join(broken))
    unsure = doubts(board)
    if unsure and not allow_disputed:
        raise BoardError(
            f"{name} is refused: {'; '.join(unsure)}."
            " Measure it, or build with --allow-disputed and know that it may not work."
        )
    return header(name, board, kit)


def main() -> int:
    """Command line. Exit code 1 if the board is refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board")
    parser.add_argument("output", type=Path)
    parser.add_argument("--allow-disputed", action="store_true")
    parser.add_argument("--anemometer", default=NONE, type=str.lower)
    parser.add_argument("--rain-gauge", default=NONE, type=str.lower)
    parser.add_argument("--cell", default="li-ion", type=str.lower, help=", ".join(CELLS))
    parser.add_argument("--antenna-cdbi", default=215, type=int)
    arguments = parser.parse_args()
    kit = Kit(
        anemometer=arguments.anemometer,
        rain_gauge=arguments.rain_gauge,
        cell=arguments.cell,
        antenna_cdbi=arguments.antenna_cdbi,
    )
    try:
        text = make(arguments.board, allow_disputed=arguments.allow_disputed, kit=kit)
    except BoardError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not arguments.output.exists() or arguments.output.read_text(encoding="utf-8") != text:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
