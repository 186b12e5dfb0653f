# SPDX-License-Identifier: Apache-2.0
"""`qres flash` through the real esptool, against mock boards: what is written and read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import structs

from qres.provisioning import decode, encode
from qres.site import load_site
from qres_gateway.flash.firmware import CHIPS, load_folder, load_image
from qres_gateway.flash.job import Message, Note, Step
from qres_gateway.flash.worker import flash
from tests.flash.builds import (
    MADE_S,
    RECORD_AT,
    jobs,
    make_build,
    make_site_file,
    merged,
    qres_flash,
)
from tests.flash.mock_board import MockBoard, on_pty, on_socket
from tests.flash.nodes import ROWS, VALID, entry, make_node, start
from tests.qres.site_text import KEY


def holds(board: MockBoard, build: Path) -> bool:
    """Whether the flash of *board* has every file of *build* at its place."""
    return all(
        board.flash.data[p.offset : p.offset + len(p.data)] == p.data
        for p in load_folder(build).parts
    )


@pytest.mark.parametrize("chip", CHIPS)
def test_writes_verifies_and_reads_back(tmp_path: Path, chip: str) -> None:
    """For each chip: the flash holds firmware and record, and the report what was read back."""
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", chip)
    board = MockBoard(chip)
    told: list[Message] = []
    with on_socket(board) as port:
        (job,) = jobs(site_file, {3: port}, build)
        done = flash(job, told.append)
    record = encode(load_site(site_file), 3, KEY, MADE_S)
    assert (done.chip, done.mac, done.before) == (chip, board.mac, "")
    assert done.identity == {
        "field_id": 0x01020304,
        "field": "Rim",
        "node_id": 3,
        "name": "north",
        "lat_deg": 50.98,
        "lon_deg": 3.81,
        "site_hash": f"{decode(record).site_hash:08x}",
    }
    assert holds(board, build)
    assert bytes(board.flash.data[RECORD_AT:][:4096]) == record.ljust(4096, b"\xff")
    steps = [m for m in told if isinstance(m, Step)]
    assert list(dict.fromkeys(s.what for s in steps)) == [
        *("connect", "check", "firmware", "record", "verify", "read back"),
    ]
    progress = [(s.done, s.total) for s in steps if s.what == "firmware"][1:]
    assert progress == sorted(progress)
    assert progress[-1][0] == progress[-1][1] > 0


def test_a_real_port_without_the_loader_in_ram(tmp_path: Path) -> None:
    """On a terminal device and with --no-stub the same is written and read back."""
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32c3")
    board = MockBoard("esp32c3")
    with on_pty(board) as port:
        (job,) = jobs(site_file, {1: port}, build, stub=False)
        done = flash(job, list[Message]().append)
    assert (done.mac, done.identity["name"]) == (board.mac, "south")
    assert holds(board, build)


def test_record_alone_goes_where_the_board_says(tmp_path: Path) -> None:
    """Without --firmware the board's own partition table decides, and firmware stays as it is."""
    site_file = make_site_file(tmp_path)
    rows = (("ota_0", 0, 0x10, 0x10000, 0x180000), ("qres_prov", 1, 0x40, 0x200000, 0x1000))
    image = merged(make_build(tmp_path / "build", "esp32s3", rows))
    board = MockBoard("esp32s3")
    board.flash.data[: len(image)] = image
    with on_socket(board) as port:
        (job,) = jobs(site_file, {3: port}, None)
        flash(job, list[Message]().append)
    assert decode(bytes(board.flash.data[0x200000:0x201000])).node_id == 3
    assert board.flash.data[: len(image)] == image


@pytest.mark.parametrize("kind", ["folder", "image"])
def test_what_was_flashed_is_what_starts(tmp_path: Path, kind: str) -> None:
    """
    A node that an update had brought to ota_1 starts ota_0 after `qres flash`: otadata is erased.

    What else the node keeps stays, and `qres node update` is named as the gentler way.
    """
    board, site_file = make_node(tmp_path, "esp32s3", entry(1, VALID), entry(2, VALID))
    kept = bytes(board.flash.data[0x311000:])
    build = make_build(tmp_path / "new", "esp32s3", ROWS, version="2.0.0")
    image = tmp_path / "image.bin"
    image.write_bytes(merged(build))
    load = load_folder(build) if kind == "folder" else load_image(image)
    assert start(bytearray(board.flash.data)) == 1
    told: list[Message] = []
    with on_pty(board) as port:
        (job,) = jobs(site_file, {3: port}, build)
        job = structs.replace(job, parts=load.parts)
        done = flash(job, told.append)
    assert done.before == "node 3 of field 0x01020304 (Rim)"
    assert holds(board, build)
    assert start(board.flash.data) == 0
    assert bytes(board.flash.data[0x311000:]) == kept
    (note,) = (m.text for m in told if isinstance(m, Note))
    assert "`qres node update` would keep its old application" in note


@pytest.mark.slow
def test_merged_image_leaves_the_nodes_own_data(tmp_path: Path) -> None:
    """An image's erased data partitions are not written: the node's nvs survives."""
    site_file = make_site_file(tmp_path)
    build = make_build(tmp_path / "build", "esp32")
    image = tmp_path / "image.bin"
    image.write_bytes(merged(build))
    board = MockBoard("esp32")
    board.flash.data[0xA000:0xA010] = b"airtime account!"
    with on_socket(board) as port:
        done = qres_flash(site_file, "--node", "3", "--port", port, "--image", image)
    assert done.returncode == 0, done.stderr
    assert holds(board, build)
    assert board.flash.data[0xA000:0xA010] == b"airtime account!"


@pytest.mark.slow
def test_tray_flashes_boards_at_once(tmp_path: Path) -> None:
    """Two boards in one call get two nodes, a label each, and both stand in the register."""
    site_file, build = make_site_file(tmp_path), make_build(tmp_path / "build", "esp32c6")
    first, second = MockBoard("esp32c6", 1), MockBoard("esp32c6", 2)
    with on_socket(first) as a, on_socket(second) as b:
        done = qres_flash(
            *(site_file, "--tray", f"3={a}", "--tray", b, "--firmware", build),
            *("--label", tmp_path / "labels"),
        )
    assert done.returncode == 0, done.stderr
    nodes = [decode(bytes(x.flash.data[RECORD_AT:][:4096])).node_id for x in (first, second)]
    assert nodes == [3, 1]
    boards = json.loads((tmp_path / "site.boards.json").read_text())["boards"]
    assert {(e["node_id"], e["mac"]) for e in boards} == {(3, first.mac), (1, second.mac)}
    assert sorted(p.name for p in (tmp_path / "labels").iterdir()) == [
        *("node-001.png", "node-001.svg", "node-003.png", "node-003.svg"),
    ]
