# SPDX-License-Identifier: Apache-2.0
"""Firmware folders, sites and calls of `qres flash` for the tests."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from qres.keys import write_key_file
from qres.site import load_site
from qres_gateway.flash.firmware import CHIPS, load_folder
from qres_gateway.flash.job import Job
from qres_gateway.flash.register import load_register, register_path
from qres_gateway.flash.tray import Manner, Place, jobs_for
from tests.flash.mock_board import app_image
from tests.qres.site_text import GOOD, KEY

RECORD_AT = 0x9000
MADE_S = 1_795_305_600  # 2026-11-22T00:00:00Z
BOOTLOADER_AT = {"esp32": 0x1000}


def table(*rows: tuple[str, int, int, int, int]) -> bytes:
    """A partition table as ESP-IDF writes it, its MD5 entry included."""
    entries = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", kind, sub, at, size, name.encode(), 0)
        for name, kind, sub, at, size in rows
    )
    end = b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entries).digest()  # noqa: S324  as ESP-IDF does
    return (entries + end).ljust(0xC00, b"\xff")


STANDARD = (
    ("qres_prov", 1, 0x40, RECORD_AT, 0x1000),
    ("nvs", 1, 2, 0xA000, 0x4000),
    ("otadata", 1, 0, 0xE000, 0x2000),
    ("ota_0", 0, 0x10, 0x10000, 0x180000),
)


def make_build(
    folder: Path,
    chip: str,
    rows: Any = STANDARD,
    app_for: str = "",
    app_bytes: int = 12_000,
    **said: str,
) -> Path:
    """A folder like ESP-IDF's build folder for *chip*; *said*: see `app_image`."""
    folder.mkdir()
    boot = BOOTLOADER_AT.get(chip, 0)
    (folder / "bootloader.bin").write_bytes(app_image(CHIPS[chip], 6_000))
    (folder / "table.bin").write_bytes(table(*rows))
    (folder / "app.bin").write_bytes(app_image(CHIPS[app_for or chip], app_bytes, **said))
    args = {
        "flash_settings": {"flash_mode": "dio"},
        "flash_files": {
            f"{boot:#x}": "bootloader.bin",
            "0x8000": "table.bin",
            "0x10000": "app.bin",
        },
        "extra_esptool_args": {"after": "hard_reset", "stub": True, "chip": chip},
    }
    (folder / "flasher_args.json").write_text(json.dumps(args))
    return folder


def merged(build: Path) -> bytes:
    """The files of a build folder in one image, gaps erased, as `merge-bin` makes it."""
    files = json.loads((build / "flasher_args.json").read_text())["flash_files"]
    parts = {int(at, 0): (build / name).read_bytes() for at, name in files.items()}
    out = bytearray(b"\xff" * max(at + len(data) for at, data in parts.items()))
    for at, data in parts.items():
        out[at : at + len(data)] = data
    return bytes(out)


def make_site_file(folder: Path) -> Path:
    """A site of the nodes 1 (south) and 3 (north), with its key."""
    write_key_file(folder / "site.key", KEY)
    path = folder / "site.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def jobs(site_file: Path, ports: dict[int, str], build: Path | None, **how: Any) -> tuple[Job, ...]:
    """The work of `qres flash`: node id to port, with or without firmware."""
    site = load_site(site_file)
    places = [Place(node, port) for node, port in ports.items()]
    known = load_register(register_path(site_file), site.field_id)
    load = load_folder(build) if build else None
    return jobs_for(places, site, KEY, load, known, now_s=MADE_S, how=Manner(**how))


def qres_flash(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`qres flash` as a user runs it."""
    command = [sys.executable, "-c", "from qres_gateway.cli import main; main()", "flash"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
