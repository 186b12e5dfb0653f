# SPDX-License-Identifier: Apache-2.0
"""Boards that are nodes already, and what ESP-IDF's bootloader makes of their flash."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

from qres.provisioning import encode
from qres.site import load_site
from tests.flash.builds import MADE_S, make_build, make_site_file, merged
from tests.flash.mock_board import MockBoard
from tests.qres.site_text import KEY
from tests.sources import ROOT

LOG_BYTES = 0x4000
"""Length of the raw log of these boards: less to read than a node's. [bytes]"""

NEW, PENDING, VALID, INVALID, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 2**32 - 1


def node_rows() -> tuple[tuple[str, int, int, int, int], ...]:
    """partitions.csv, with a short raw log."""
    text = (ROOT / "firmware/ports/esp32/partitions.csv").read_text(encoding="utf-8")
    words = {"app": 0, "data": 1, "nvs": 2, "ota": 0, "ota_0": 0x10, "ota_1": 0x11}
    rows = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, kind, sub, at, size = re.split(r",\s*", line)
            number = words[sub] if sub in words else int(sub, 0)
            length = LOG_BYTES if name == "raw_log" else int(size, 0)
            rows.append((name, words[kind], number, int(at, 0), length))
    return tuple(rows)


ROWS = node_rows()
AT = {name: offset for name, _, _, offset, _ in ROWS}
SLOTS = (AT["ota_0"], AT["ota_1"])
OTADATA = AT["otadata"]


def entry(sequence: int, state: int) -> bytes:
    """An entry of otadata."""
    crc = zlib.crc32(struct.pack("<I", sequence), 0xFFFFFFFF)
    return struct.pack("<I20sII", sequence, b"\xff" * 20, state, crc)


def put(board: MockBoard, offset: int, data: bytes) -> None:
    """Data into the flash, as if it had always been there."""
    board.flash.data[offset : offset + len(data)] = data


def make_node(
    folder: Path, chip: str, *entries: bytes, log: bytes = b"", app_bytes: int = 12_000
) -> tuple[MockBoard, Path]:
    """Node 3 with version 1.0.0 in ota_0 and *entries* in otadata, and its site file."""
    site_file = make_site_file(folder)
    build = make_build(folder / "old", chip, ROWS, app_bytes=app_bytes)
    board = MockBoard(chip)
    put(board, 0, merged(build))
    put(board, AT["qres_prov"], encode(load_site(site_file), 3, KEY, MADE_S))
    for name in ("nvs", "state", "replica"):
        put(board, AT[name], f"what the node keeps in {name}".encode())
    put(board, AT["raw_log"], log)
    for i, data in enumerate(entries):
        put(board, OTADATA + 4096 * i, data)
    return board, site_file


def start(flash: bytearray, slots: tuple[int, ...] = SLOTS) -> int:
    """
    Do to otadata what the bootloader does at a start; the slot that it tries first.

    Written after bootloader_utility.c of ESP-IDF 6.0, with rollback, without factory application.
    """

    def read(i: int) -> tuple[int, int, int]:
        sequence, _, state, crc = struct.unpack_from("<I20sII", flash, OTADATA + 4096 * i)
        return sequence, state, crc

    def write(i: int, sequence: int, state: int) -> None:
        flash[OTADATA + 4096 * i : OTADATA + 4096 * (i + 1)] = entry(sequence, state).ljust(
            4096, b"\xff"
        )

    for i in range(2):
        sequence, state, crc = read(i)
        if state == PENDING:
            flash[OTADATA + 4096 * i + 24 : OTADATA + 4096 * i + 28] = struct.pack("<I", ABORTED)
    able = []
    for i in range(2):
        sequence, state, crc = read(i)
        fits = crc == zlib.crc32(struct.pack("<I", sequence), 0xFFFFFFFF)
        if sequence != 2**32 - 1 and state not in {INVALID, ABORTED} and fits:
            able.append((sequence, -i, state))
    if not able:
        return 0
    sequence, index, state = max(able)
    if state == NEW:
        write(-index, sequence, PENDING)
    return (sequence - 1) % len(slots)


def qres_node(*arguments: str | Path, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """`qres node` as a user runs it."""
    command = [sys.executable, "-c", "from qres_gateway.cli import main; main()", "node"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=60, **kwargs,
    )  # fmt: skip
