# SPDX-License-Identifier: Apache-2.0
"""The drivers as a library that Python calls: compiled as strictly as for a node, traps on UB."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cffi

from tests.sources import ROOT

DRIVERS = ROOT / "firmware" / "drivers"
CORE = ROOT / "node" / "core"
INCLUDES = [
    f"-I{path}"
    for path in (
        DRIVERS / "radio",
        DRIVERS / "sensors",
        DRIVERS / "power",
        ROOT / "firmware" / "include",
        ROOT / "firmware" / "sniffer",
        CORE / "include",
        CORE / "src",
    )
]
STRICT = [
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wmissing-prototypes",
    "-Wshadow",
    "-Werror",
    "-ffreestanding",
]
TRAP = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
RADIO_HEADERS = ("qres_radio.h", "radio.h", "sx126x.h", "sx127x.h")


def header(name: str) -> Path:
    """Where a header of the drivers, the sniffer or the core lies."""
    folders = (
        CORE / "include",
        DRIVERS / "radio",
        DRIVERS / "sensors",
        DRIVERS / "power",
        ROOT / "firmware/include",
        ROOT / "firmware/sniffer",
    )
    return next(folder / name for folder in folders if (folder / name).exists())


@cache
def cutter() -> Any:
    """The core's gen_ffi.py: one way to cut headers, not two."""
    spec = importlib.util.spec_from_file_location("gen_ffi", CORE / "gen_ffi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cut(*names: str) -> str:
    """The marked declarations of headers, in this order, as cffi takes them."""
    declarations = cutter().declarations
    text = "\n".join(declarations(header(name).read_text(encoding="utf-8")) for name in names)
    # a minus in a computed constant is more than cffi's dlopen mode reads
    return re.sub(r"(?m)^#define \w+ \.\.\.$", "", text)


class Library:
    """Compiled sources and what cffi knows of them."""

    def __init__(self, sources: list[Path], headers: tuple[str, ...], before: str = "") -> None:
        self.ffi = cffi.FFI()
        self.ffi.cdef(before + cut(*headers))
        with TemporaryDirectory() as folder:
            path = Path(folder) / "drivers.so"
            command = ["gcc", *STRICT, *TRAP, "-O1", "-shared", "-fPIC", *INCLUDES]
            subprocess.run([*command, *map(str, sources), "-o", str(path)], check=True)
            self.lib: Any = self.ffi.dlopen(str(path))  # stays mapped when the file is gone


@cache
def radio_library() -> Library:
    """Both radio drivers, and the airtime functions of the core that they use."""
    sources = sorted((DRIVERS / "radio").glob("*.c"))
    return Library([*sources, CORE / "src" / "airtime.c"], RADIO_HEADERS)


@cache
def sensor_library() -> Library:
    """All sensor drivers."""
    sources = sorted([*(DRIVERS / "sensors").glob("*.c"), *(DRIVERS / "power").glob("*.c")])
    # sensor.h is the application's and has no marks for cffi: its one structure
    raw = """
    typedef struct { int32_t temp_degc, rh_pct, pressure_hpa, wind_dir_deg, battery_v, panel_v;
        uint32_t wind_pulses, rain_tips; uint8_t has_wind, has_rain, faults; } sensor_raw;
    """
    headers = ("i2c.h", "sht4x.h", "bme280.h", "pulse.h", "analog.h", "axp.h")
    return Library(sources, headers, before=raw)


RECEIVE_ONLY = [
    *(DRIVERS / "radio" / name for name in ("sx126x.c", "sx126x_bus.c", "sx126x_rx.c")),
    *(DRIVERS / "radio" / name for name in ("sx127x.c", "sx127x_rx.c")),
    *sorted((ROOT / "firmware" / "sniffer").glob("*.c")),
    CORE / "src" / "airtime.c",
]
"""What a sniffer is linked from: no *_tx.c, and nothing that includes one."""


@cache
def sniffer_library() -> Library:
    """The sniffer with both drivers, receiving parts only."""
    headers = (*RADIO_HEADERS, "record.h", "sniffer.h")
    return Library(RECEIVE_ONLY, headers)
