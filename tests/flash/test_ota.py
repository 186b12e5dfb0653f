# SPDX-License-Identifier: Apache-2.0
"""otadata and application images: against ESP-IDF's bootloader in words, and esptool's reader."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from esptool.bin_image import LoadFirmwareImage  # type: ignore[import-untyped]

from qres_gateway.flash.app_image import (
    HEAD_BYTES,
    Description,
    chip_id,
    describe,
    image_length,
    is_whole,
)
from qres_gateway.flash.firmware import CHIPS
from qres_gateway.flash.ota import (
    OTADATA_BYTES,
    State,
    entry_sector,
    parse_entry,
    plan_update,
    start_order,
)
from tests.flash.mock_board import app_image
from tests.flash.nodes import OTADATA, entry, start

STATES = (*State, 5, 0xFFFF0000)


def flash_with(*entries: bytes) -> bytearray:
    """A flash of which only otadata matters."""
    flash = bytearray(b"\xff" * (OTADATA + OTADATA_BYTES))
    for i, data in enumerate(entries):
        flash[OTADATA + 4096 * i : OTADATA + 4096 * i + len(data)] = data
    return flash


def otadata(flash: bytearray) -> tuple[bytes, bytes]:
    """Its two sectors."""
    return bytes(flash[OTADATA : OTADATA + 4096]), bytes(flash[OTADATA + 4096 :])


def reader(data: bytes) -> Callable[[int, int], bytes]:
    """Reads from *data*."""
    return lambda at, n: data[at : at + n]


def random_entry(dice: random.Random) -> bytes:
    """An entry of any kind: erased, torn, or whole in any state."""
    kind = dice.randrange(8)
    if kind == 0:
        return b"\xff" * 32
    data = entry(dice.randint(1, 9), dice.choice(STATES))
    return data if kind > 1 else bytes(b | dice.randrange(256) for b in data)


def test_an_entry_is_that_of_esp_idf() -> None:
    """Slot 0, confirmed. Source of the checksum: ESP-IDF's otatool for sequence 1, 0x4743989a."""
    sector = entry_sector(1, State.VALID)
    assert sector[:32] == bytes.fromhex("01000000" + "ff" * 20 + "02000000" + "9a984347")
    assert sector[32:] == b"\xff" * (4096 - 32)
    assert parse_entry(sector) == (1, State.VALID, True)
    assert not parse_entry(b"\xff" * 32).is_whole
    assert not parse_entry(b"\x02" + sector[1:]).is_whole


@pytest.mark.parametrize("slots", [2, 3])
def test_what_starts_is_what_the_bootloader_starts(slots: int) -> None:
    """2000 pairs of entries: the first slot in order is that of the bootloader in words."""
    dice = random.Random(slots)
    for _ in range(2000):
        pair = (random_entry(dice), random_entry(dice))
        order = start_order([parse_entry(e) for e in pair], slots)
        assert sorted(order) == list(range(slots))
        assert order[0] == start(flash_with(*pair), tuple(range(slots))), pair


def torn(dice: random.Random, before: bytes, after: bytes) -> bytes:
    """A sector in the middle of being erased, or of being written after that."""
    if dice.random() < 0.5:
        return bytes(b | dice.randrange(256) for b in before[:32]).ljust(4096, b"\xff")
    until = dice.randrange(33)
    half = (after[until] | dice.randrange(256)) if until < 32 else 0xFF
    return (after[:until] + bytes((half,))).ljust(4096, b"\xff")


@pytest.mark.parametrize("slots", [2, 3])
def test_a_plan_never_leaves_a_board_without_an_application(slots: int) -> None:
    """
    1000 boards in any state, power cut in any write of otadata and while the slot is written.

    Before, what starts is whole if it was; while the target is written it is the kept slot; after
    the last write it is the new one, and the kept one again if that does not confirm itself.
    """
    dice = random.Random(100 + slots)
    planned = 0
    for _ in range(1000):
        pair = (random_entry(dice), random_entry(dice))
        whole = [dice.random() < 0.8 for _ in range(slots)]
        flash = flash_with(*pair)
        plan = plan_update([parse_entry(e) for e in pair], slots, whole.__getitem__)
        if plan is None:
            assert not any(whole)
            continue
        planned += 1
        assert whole[plan.keep]
        assert plan.target != plan.keep
        safe = start_order([parse_entry(e) for e in pair], slots)
        begun = next(s for s in safe if whole[s])
        for index, sector in plan.before:
            old = otadata(flash)[index]
            for _ in range(3):
                cut = bytearray(flash)
                cut[OTADATA + 4096 * index : OTADATA + 4096 * (index + 1)] = torn(dice, old, sector)
                order = start_order([parse_entry(s) for s in otadata(cut)], slots)
                assert next(s for s in order if whole[s]) in {begun, plan.keep, plan.target}
            flash[OTADATA + 4096 * index : OTADATA + 4096 * (index + 1)] = sector
        assert start(bytearray(flash), tuple(range(slots))) == plan.keep
        index, sector = plan.after
        for _ in range(5):
            cut = bytearray(flash)
            place = slice(OTADATA + 4096 * index, OTADATA + 4096 * (index + 1))
            cut[place] = torn(dice, otadata(flash)[index], sector)
            assert start(cut, tuple(range(slots))) in {plan.keep, plan.target}
        flash[OTADATA + 4096 * index : OTADATA + 4096 * (index + 1)] = sector
        assert start(flash, tuple(range(slots))) == plan.target
        assert start(flash, tuple(range(slots))) == plan.keep
    assert planned > 850


def test_the_proven_application_is_kept() -> None:
    """An application that never ran gives way to one that did, though it would start next."""
    pair = [parse_entry(entry(3, State.VALID)), parse_entry(entry(4, State.NEW))]
    plan = plan_update(pair, 2, lambda _slot: True)
    assert plan is not None
    assert (plan.keep, plan.target) == (0, 1)
    assert [index for index, _ in plan.before] == [1]
    assert parse_entry(plan.after[1]) == (4, State.NEW, True)


@pytest.mark.parametrize("chip", CHIPS)
def test_an_image_is_read_as_esptool_reads_it(tmp_path: Path, chip: str) -> None:
    """Length, chip and description; esptool calls checksum and SHA-256 of the same bytes right."""
    image = b""
    for length in range(300, 316):
        image = app_image(CHIPS[chip], length, version="2.3.4-rc1")
        file = tmp_path / f"{length}.bin"
        file.write_bytes(image)
        read = LoadFirmwareImage(chip, str(file))
        assert read.checksum == read.calculate_checksum()
        assert read.stored_digest == read.calc_digest
        assert image_length(reader(image), 10**6) == len(image)
        assert is_whole(image)
        assert chip_id(image) == CHIPS[chip]
    assert describe(image[:HEAD_BYTES]) == Description(
        "qres_node", "2.3.4-rc1", "Nov 22 2026 12:00:00", "v6.0.2"
    )


def test_a_damaged_image_is_not_whole() -> None:
    """Any changed bit, a missing end and more bytes are seen; what is no image has no length."""
    image = app_image(CHIPS["esp32c3"], 320)
    dice = random.Random(1)
    for _ in range(300):
        at = dice.randrange(len(image))
        bent = bytearray(image)
        bent[at] ^= 1 << dice.randrange(8)
        assert not is_whole(bytes(bent)), at
    assert not any(is_whole(image[:n]) for n in range(0, len(image), 7))
    assert not is_whole(image + b"\xff")
    for wrong in (0, 1):
        body = image[:-33] + bytes((image[-33] ^ wrong,))
        assert is_whole(body + hashlib.sha256(body).digest()) is not bool(wrong)
        without_sha = body[:23] + b"\0" + body[24:]
        assert is_whole(without_sha) is not bool(wrong)
    for nothing in (b"\xff" * 4096, bytes(4096), b"\xe9" + b"\xff" * 4095, b""):
        assert image_length(reader(nothing), len(nothing)) is None
        assert describe(nothing) is None
