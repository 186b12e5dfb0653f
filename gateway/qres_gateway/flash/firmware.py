# SPDX-License-Identifier: Apache-2.0
"""
What is to be written: the output folder of an ESP-IDF build, or one merged image.

Source:
    ESP-IDF writes `flasher_args.json` into its build folder: "flash_files" maps offsets to files,
    "extra_esptool_args" names the chip. Image header: ESP-IDF, "Firmware Image Format": magic
    0xE9, chip id u16 at byte 12.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from qres_gateway.flash.app_image import chip_id, describe, image_length, is_whole
from qres_gateway.flash.errors import FirmwareError
from qres_gateway.flash.job import Part
from qres_gateway.flash.partitions import (
    TABLE_BYTES,
    TABLE_OFFSET,
    TYPE_DATA,
    Partition,
    app_slots,
    ota_data,
    parse_table,
    provisioning_partition,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CHIPS", "PROJECT", "Firmware", "application", "load_folder", "load_image"]

CHIPS: Final = {"esp32": 0, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13}
"""Chips that the node firmware runs on, and their ids in an image's header."""

PROJECT: Final = "qres_node"
"""Name of the node's project, as its application says it."""

_BOOTLOADER_OFFSET: Final = {"esp32": 0x1000, "esp32c3": 0, "esp32s3": 0, "esp32c6": 0}
_SECTOR: Final = 4096
_IMAGE_MAX: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Firmware:
    """
    Firmware for one kind of chip.

    Attributes:
        name: Where it came from, for people.
        chip: One of `CHIPS`.
        parts: What goes where, ascending offsets.
        record: The partition for the provisioning record.
        table: All partitions.
    """

    name: str
    chip: str
    parts: tuple[Part, ...]
    record: Partition
    table: tuple[Partition, ...]

    @property
    def digest(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of all parts and their places."""
        total = hashlib.sha256()
        for part in self.parts:
            total.update(part.offset.to_bytes(4, "little") + len(part.data).to_bytes(4, "little"))
            total.update(part.data)
        return total.hexdigest()[:16]


class _Extra(msgspec.Struct):
    chip: str


class _FlasherArgs(msgspec.Struct):
    flash_files: dict[str, str]
    extra_esptool_args: _Extra


def load_folder(folder: Path) -> Firmware:
    """
    The output folder of an ESP-IDF build.

    Raises:
        FirmwareError: It has no usable `flasher_args.json`, a file is absent or for another chip,
            parts overlap, or there is no partition for the provisioning record.
        OSError: A file cannot be read.
    """
    path = folder / "flasher_args.json"
    if not path.is_file():
        raise FirmwareError(f"{folder}: no flasher_args.json; give the build folder of `idf.py`")
    try:
        args = msgspec.json.decode(path.read_bytes(), type=_FlasherArgs)
        places = sorted((int(at, 0), name) for at, name in args.flash_files.items())
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as e:
        raise FirmwareError(f"{path}: {e}") from e
    chip = _known_chip(path, args.extra_esptool_args.chip)
    parts = []
    for offset, name in places:
        file = folder / name
        if not file.is_file():
            raise FirmwareError(f"{path}: names {name}, which is not there; build again")
        parts.append(Part(offset, file.read_bytes(), name))
    return _checked(str(folder), chip, tuple(parts))


def load_image(path: Path) -> Firmware:
    """
    One image for offset 0, as `esptool merge-bin` writes it.

    Data partitions that the image leaves erased (0xFF) are not written: what a node keeps there,
    its airtime account and its log, survives. Only otadata is, or the board could go on with an
    application that an update had put into the other slot.

    Raises:
        FirmwareError: It is no such image, for no known chip, or without a partition for the
            provisioning record.
        OSError: The file cannot be read.
    """
    if path.stat().st_size > _IMAGE_MAX:
        raise FirmwareError(f"{path}: {path.stat().st_size} bytes: must be at most {_IMAGE_MAX}")
    data = path.read_bytes()
    chip = next((c for c, at in _BOOTLOADER_OFFSET.items() if chip_id(data[at:]) == CHIPS[c]), None)
    if chip is None:
        raise FirmwareError(
            f"{path}: no bootloader for {', '.join(CHIPS)} at its place: must be a merged image"
            " for offset 0"
        )
    keep = [
        range(p.offset, p.offset + p.size)
        for p in parse_table(data[TABLE_OFFSET:])
        if p.type == TYPE_DATA and not data[p.offset : p.offset + p.size].strip(b"\xff")
    ]
    parts: list[Part] = []
    for at in range(0, len(data), _SECTOR):
        sector = data[at : at + _SECTOR]
        if any(at in r for r in keep):
            continue
        if parts and parts[-1].offset + len(parts[-1].data) == at:
            parts[-1] = Part(parts[-1].offset, parts[-1].data + sector, path.name)
        else:
            parts.append(Part(at, sector, path.name))
    return _checked(str(path), chip, tuple(parts))


def application(firmware: Firmware) -> bytes:
    """
    The node's application in *firmware*, for a slot of a board that is a node already.

    Raises:
        FirmwareError: There is none, it is not whole, another project's, or longer than a slot.
    """
    slots = app_slots(firmware.table)
    if not slots:
        raise FirmwareError(f"{firmware.name}: its partition table has no slot ota_0")
    part = next((p for p in firmware.parts if _within(slots[0].offset, p)), None)
    if part is None:
        raise FirmwareError(f"{firmware.name}: has no application at {slots[0].offset:#x}")
    data = part.data[slots[0].offset - part.offset :]
    length = image_length(lambda at, n: data[at : at + n], len(data))
    if length is None or not is_whole(data[:length]):
        raise FirmwareError(f"{firmware.name}: {part.name}: no whole application; build again")
    said = describe(data)
    if said is None or said.project != PROJECT:
        name = said.project if said else "without a name"
        raise FirmwareError(f"{firmware.name}: the application is {name}: must be {PROJECT}")
    room = min(slot.size for slot in slots)
    if length > room:
        raise FirmwareError(
            f"{firmware.name}: the application has {length} bytes: must be at most {room}, a slot"
        )
    return data[:length]


def _within(offset: int, part: Part) -> bool:
    return part.offset <= offset < part.offset + len(part.data)


def _known_chip(path: Path, name: str) -> str:
    if name not in CHIPS:
        raise FirmwareError(f"{path}: chip {name}: must be one of {', '.join(CHIPS)}")
    return name


def _checked(name: str, chip: str, parts: tuple[Part, ...]) -> Firmware:
    """The firmware, if its parts fit each other and the chip."""
    end = 0
    for part in parts:
        if not part.data:
            raise FirmwareError(f"{name}: {part.name} is empty")
        if part.offset % _SECTOR or part.offset < end:
            raise FirmwareError(
                f"{name}: {part.name} at {part.offset:#x}: must begin at a multiple of"
                f" {_SECTOR:#x}, and not before {end:#x}, where the part before it ends"
            )
        end = part.offset + len(part.data)
        found = chip_id(part.data)
        if found is not None and found != CHIPS[chip]:
            other = next((c for c, i in CHIPS.items() if i == found), f"chip id {found}")
            raise FirmwareError(f"{name}: {part.name} is for {other}: must be for {chip}")
    table = _table(parts)
    record = provisioning_partition(table)
    if record is None:
        raise FirmwareError(
            f"{name}: its partition table has no data partition qres_prov of 0x1000 bytes or more"
        )
    for part in parts:
        if part.offset < record.offset + _SECTOR and record.offset < part.offset + len(part.data):
            raise FirmwareError(
                f"{name}: {part.name} covers the partition qres_prov at {record.offset:#x}"
            )
    return Firmware(name, chip, _with_ota_data(parts, table), record, table)


def _with_ota_data(parts: tuple[Part, ...], table: tuple[Partition, ...]) -> tuple[Part, ...]:
    """*parts*, and an erased otadata if they leave it out: the first slot is started then."""
    at = ota_data(table)
    if at is None or any(_within(at.offset, p) for p in parts):
        return parts
    erased = Part(at.offset, b"\xff" * at.size, "otadata")
    return tuple(sorted((*parts, erased), key=lambda p: p.offset))


def _table(parts: tuple[Part, ...]) -> tuple[Partition, ...]:
    for part in parts:
        at = TABLE_OFFSET - part.offset
        if 0 <= at < len(part.data):
            return parse_table(part.data[at : at + TABLE_BYTES])
    return ()
