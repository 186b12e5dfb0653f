# SPDX-License-Identifier: Apache-2.0
"""The ESP-IDF port on the host: its files compiled against fakes of ESP-IDF's headers."""

from __future__ import annotations

import atexit
import importlib.util
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory, mkdtemp
from typing import Any

import cffi

from tests.firmware.drivers.rig import CORE, DRIVERS, INCLUDES, RECEIVE_ONLY, cutter
from tests.sources import ROOT

PORT = ROOT / "firmware" / "ports" / "esp32"
FAKES = Path(__file__).with_name("idf_fakes")
BOARD_PARTS = sorted((PORT / "components" / "qres_board").glob("*.c"))
NODE_PARTS = sorted((PORT / "node" / "main").glob("*.c"))
SNIFFER_PARTS = sorted((PORT / "sniffer" / "main").glob("*.c"))
OWN = {
    path.name
    for folder in ("firmware", "node/core/include")
    for path in (ROOT / folder).rglob("*.h")
}
STRICT = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wmissing-prototypes", "-Wshadow"]
SENSORS = [*sorted((DRIVERS / "sensors").glob("*.c")), *sorted((DRIVERS / "power").glob("*.c"))]
SENDING = [DRIVERS / "radio" / name for name in ("sx126x_tx.c", "sx127x_tx.c", "radio_wait.c")]


def board_header() -> Any:
    """firmware/boards/board_header.py as a module."""
    path = ROOT / "firmware" / "boards" / "board_header.py"
    spec = importlib.util.spec_from_file_location("board_header", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@cache
def stub_headers() -> Path:
    """A folder with one header for each of ESP-IDF's that the port includes: all are idf.h."""
    folder = Path(mkdtemp(prefix="idf_fakes_"))
    atexit.register(shutil.rmtree, folder)
    for source in PORT.rglob("*.[ch]"):
        for name in re.findall(
            r'(?m)^\s*#\s*include "([^"]+)"', source.read_text(encoding="utf-8")
        ):
            if name not in OWN and name != "board.h":
                stub = folder / name
                stub.parent.mkdir(parents=True, exist_ok=True)
                stub.write_text('#include "idf.h"\n', encoding="utf-8")
    return folder


def all_gauges(board: str) -> Any:
    """A kit with a gauge at each pin that *board* has for one."""
    header = board_header()
    wired = header.load(board)["kit"]
    return header.Kit(
        anemometer="davis-6410" if "wind" in wired else "none",
        rain_gauge="davis-6463-mm" if "rain" in wired else "none",
    )


def flags(board: str, folder: Path, idf: str = "6, 0, 2", kit: Any = None) -> list[str]:
    """Compiler arguments for a board with *kit*, or all gauges; writes its board.h to *folder*."""
    header = board_header()
    text = header.make(board, allow_disputed=True, kit=kit or all_gauges(board))
    (folder / "board.h").write_text(text, encoding="utf-8")
    target = header.load(board)["target"].upper()
    places = [FAKES, stub_headers(), folder, PORT / "components/qres_board", PORT / "node/main"]
    places += [PORT / "sniffer/main", ROOT / "firmware/app", DRIVERS / "power"]
    return [
        *STRICT,
        *(f"-I{place}" for place in places),
        *INCLUDES,
        f"-DCONFIG_IDF_TARGET_{target}=1",
        f"-DESP_IDF_VERSION=ESP_IDF_VERSION_VAL({idf})",
        "-Dgettimeofday=fake_gettimeofday",
        "-Dsettimeofday=fake_settimeofday",
    ]


DECLARATIONS = """
typedef enum { RESET_POWER_ON, RESET_BROWN_OUT, RESET_WATCHDOG, RESET_PANIC, RESET_DEEP_SLEEP,
    RESET_UPDATE } port_reset;
typedef struct { void *ctx; uint32_t bytes, sector_bytes;
    int (*read)(void *ctx, uint32_t at, void *out, uint32_t len);
    int (*prog)(void *ctx, uint32_t at, const void *data, uint32_t len);
    int (*erase)(void *ctx, uint32_t at); } port_flash;
typedef struct { void *ctx; int (*transfer)(void *, const uint8_t *, uint8_t *, size_t);
    int (*busy)(void *); int (*wait_irq)(void *, uint64_t, uint64_t *);
    void (*reset)(void *, int); void (*delay_us)(void *, uint32_t);
    uint64_t (*now_us)(void *); void (*rf_switch)(void *, int); } radio_io;
typedef struct { int32_t temp_degc, rh_pct, pressure_hpa, wind_dir_deg, battery_v, panel_v;
    uint32_t wind_pulses, rain_tips; uint8_t has_wind, has_rain, faults; } sensor_raw;
uint64_t node_now_us(void); void node_set_clock(uint64_t); int node_clock_at_start(int);
port_flash node_flash(const char *name, _Bool writable);
typedef struct { uint32_t wind_um_per_pulse, wind_offset_um_s, rain_um_per_tip;
    int16_t antenna_cdbi; uint16_t battery_low_mv; } port_fitted;
port_fitted node_fitted(void); uint32_t node_console_read(uint8_t *out, uint32_t len);
typedef struct { struct { uint64_t time_us; uint32_t pulses; } mark[16];
    uint32_t newest, count, tips; uint8_t has_tips; uint64_t rain_um; } gauges;
void gauges_init(gauges *g, uint64_t rain_um);
void gauges_look(gauges *g, uint64_t now_us, const sensor_raw *raw, uint32_t um_per_tip);
int32_t gauges_wind_q16(const gauges *g, uint32_t um_per_pulse, uint32_t offset_um_s,
    uint32_t *pulses, uint32_t *span_s);
int32_t gauges_rain_q16(const gauges *g);
void node_sense(sensor_raw *raw); void node_count(sensor_raw *raw);
void node_sleep_light(uint64_t); void node_sleep_deep(uint64_t); void node_sleep_resume(int);
_Bool node_update_is_new(void); void node_update_look(void);
void board_pulse_start(_Bool); uint32_t board_pulse_count(int); int32_t board_battery_mv(void);
const radio_io *board_radio_io(uint64_t (*clock)(void), _Bool light_sleep);
uint64_t board_uptime_us(void);
"""


@cache
def node_library(board: str, kit: Any = None) -> bytes:
    """The node's port for a board with *kit*, compiled."""
    parts = [path for path in NODE_PARTS if path.name != "main.c"]
    sources = [*BOARD_PARTS, *parts, *SENSORS, *SENDING, *RECEIVE_ONLY, FAKES / "idf.c"]
    sources.append(ROOT / "firmware/app/gauges.c")
    with TemporaryDirectory() as name:
        folder = Path(name)
        out = folder / "node.so"
        command = [
            "gcc",
            *flags(board, folder, kit=kit),
            "-Wno-missing-prototypes",
            "-O1",
            "-shared",
            "-fPIC",
        ]
        subprocess.run([*command, *map(str, sources), "-o", str(out)], check=True)
        return out.read_bytes()


class Node:
    """The node's port for a board, loaded from a file of its own: fresh static variables."""

    def __init__(self, board: str, kit: Any = None) -> None:
        self.ffi = cffi.FFI()
        fake = cutter().declarations((FAKES / "fake.h").read_text(encoding="utf-8"))
        self.ffi.cdef(fake + DECLARATIONS)
        with NamedTemporaryFile(suffix=".so") as file:
            file.write(node_library(board, kit))
            file.flush()
            self.lib: Any = self.ffi.dlopen(file.name)
        self.lib.fake_start()
        self.fake: Any = self.lib.fake


def link(image: str, board: str, folder: Path) -> set[str]:
    """Link a whole image against the fakes; its symbols, local ones too."""
    main = folder / "entry.c"
    main.write_text(
        "void app_main(void);\nint main(void)\n{\n    app_main();\n    return 0;\n}\n", "utf-8"
    )
    sources = [*BOARD_PARTS, *SENSORS, *RECEIVE_ONLY, FAKES / "idf.c", main]
    if image == "node":
        core = [path for path in sorted((CORE / "src").glob("*.c")) if path.name != "airtime.c"]
        app = sorted((ROOT / "firmware/app").glob("*.c"))
        sources += [*NODE_PARTS, *SENDING, *core, *app]
    else:
        sources += SNIFFER_PARTS
    command = [
        "gcc",
        *flags(board, folder),
        "-Wno-missing-prototypes",
        "-O1",
        "-o",
        str(folder / image),
    ]
    subprocess.run([*command, *map(str, dict.fromkeys(sources))], check=True)
    out = subprocess.run(["nm", folder / image], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in out.splitlines()}
