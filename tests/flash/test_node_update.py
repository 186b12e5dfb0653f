# SPDX-License-Identifier: Apache-2.0
"""`qres node update` through the real esptool: one of two whole applications starts, always."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from qres.provisioning import decode
from qres_gateway.flash import worker
from qres_gateway.flash.errors import REASONS, FirmwareError
from qres_gateway.flash.firmware import CHIPS, application, load_folder
from qres_gateway.flash.job import Failed, Message, Note, Outcome, Step, Update, Updated
from qres_gateway.flash.ota import ENTRY_BYTES, parse_entry, plan_update
from qres_gateway.flash.runner import run_task
from tests.flash.builds import STANDARD, make_build
from tests.flash.mock_board import MockBoard, app_image, on_pty
from tests.flash.nodes import (
    ABORTED,
    AT,
    NEW,
    OTADATA,
    PENDING,
    ROWS,
    SLOTS,
    VALID,
    entry,
    make_node,
    put,
    qres_node,
    start,
)
from tests.lanes import slow

SLOT_BYTES = 0x180000


def task_for(port: str, build: Path, **how: object) -> Update:
    """The work of `qres node update`."""
    load = load_folder(build)
    return Update(port, load.chip, application(load), load.table, **how)  # type: ignore[arg-type]


def update(board: MockBoard, build: Path, told: list[Message] | None = None) -> Outcome:
    """What becomes of an update of *board* in this process."""
    with on_pty(board) as port:
        return worker.attempt(task_for(port, build), (told if told is not None else []).append)


def new_build(folder: Path, chip: str, **options: object) -> Path:
    """Version 2.0.0 for nodes."""
    return make_build(folder / "new", chip, ROWS, version="2.0.0", **options)  # type: ignore[arg-type]


def kept(board: MockBoard) -> bytes:
    """All of a flash but otadata and slots."""
    return bytes(board.flash.data[:OTADATA]) + bytes(board.flash.data[AT["qres_prov"] :])


def holds(flash: bytearray | bytes, slot: int, app: bytes) -> bool:
    """Whether *slot* holds *app*."""
    return bytes(flash[SLOTS[slot] : SLOTS[slot] + len(app)]) == app


@pytest.mark.parametrize("chip", ["esp32c3", *slow(sorted(set(CHIPS) - {"esp32c3"}))])
def test_the_new_application_starts_and_can_be_taken_back(tmp_path: Path, chip: str) -> None:
    """For each chip: slot, otadata as new, all else untouched; unconfirmed, the old one is back."""
    board, _ = make_node(tmp_path, chip, entry(1, VALID))
    build = new_build(tmp_path, chip)
    before, told = kept(board), list[Message]()
    done = update(board, build, told)
    assert isinstance(done, Updated)
    assert (done.slot, done.keeps, done.version) == ("ota_1", "ota_0", "2.0.0")
    assert (done.seen.mac, done.seen.identity["name"]) == (board.mac, "north")
    new, old = application(load_folder(build)), application(load_folder(tmp_path / "old"))
    assert done.written_bytes == len(new) + 4096
    assert kept(board) == before
    assert holds(board.flash.data, 1, new)
    assert holds(board.flash.data, 0, old)
    assert bytes(board.flash.data[OTADATA + 4096 :][:32]) == entry(2, NEW)
    assert start(board.flash.data) == 1
    assert start(board.flash.data) == 0
    steps = dict.fromkeys(m.what for m in told if isinstance(m, Step))
    assert list(steps) == ["connect", "check", "write", "switch"]


def test_three_updates_in_turn(tmp_path: Path) -> None:
    """Confirmed each time, updates go to ota_1, ota_0, ota_1; from erased otadata, too."""
    board, _ = make_node(tmp_path, "esp32c3")
    for number, slot in enumerate((1, 0, 1)):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        version = f"2.{number}.0"
        done = update(board, make_build(folder / "b", "esp32c3", ROWS, version=version))
        assert isinstance(done, Updated)
        assert (done.slot, done.version) == (f"ota_{slot}", version)
        assert start(board.flash.data) == slot
        pair = [parse_entry(bytes(board.flash.data[OTADATA + 4096 * i :][:32])) for i in range(2)]
        index = max((0, 1), key=lambda i: (pair[i].is_whole, pair[i].sequence))
        put(board, OTADATA + 4096 * index + 24, VALID.to_bytes(4, "little"))  # as the node confirms


def cut_flashes(board: MockBoard, before: bytes, dice: random.Random) -> Iterator[bytearray]:
    """The flash after each write of otadata, and as each change leaves it that power cuts."""
    flash = bytearray(before)
    for change in board.flash.changes:
        if change.erased:
            place = slice(change.offset, change.offset + change.erased)
            for _ in range(4):
                half = bytearray(flash)
                done = dice.randrange(change.erased)
                half[change.offset : change.offset + done] = b"\xff" * done
                rest = slice(change.offset + done, change.offset + min(done + 64, change.erased))
                half[rest] = bytes(b | dice.randrange(256) for b in half[rest])
                yield half
            flash[place] = b"\xff" * change.erased
        else:
            for _ in range(8):
                half = bytearray(flash)
                done = dice.randrange(len(change.written) + 1)
                if dice.random() < 0.7:
                    done = min(done, dice.randrange(ENTRY_BYTES + 1))
                half[change.offset : change.offset + done] = change.written[:done]
                if done < len(change.written):
                    half[change.offset + done] = change.written[done] | dice.randrange(256)
                yield half
            flash[change.offset : change.offset + len(change.written)] = change.written
        yield bytearray(flash)
    assert flash == board.flash.data


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (entry(1, VALID),),
        (entry(1, VALID), entry(2, NEW)),
        *(
            pytest.param(pair, marks=pytest.mark.slow)
            for pair in (
                (entry(3, VALID), entry(2, VALID)),
                (entry(1, VALID), entry(2, ABORTED)),
                (entry(1, VALID), entry(2, PENDING)),
                (entry(2, ABORTED), b"\xff" * 32),
                (entry(4, NEW), entry(2, NEW)),
            )
        ),
    ],
)
def test_power_may_fail_at_any_time(tmp_path: Path, entries: tuple[bytes, ...]) -> None:
    """
    At each cut otadata selects a slot whose application is whole, and an update can be made again.

    Only otadata and the slot that did not run are ever touched.
    """
    board, _ = make_node(tmp_path, "esp32s3", *entries, app_bytes=60_000)
    build = new_build(tmp_path, "esp32s3", app_bytes=90_000)
    old, new = application(load_folder(tmp_path / "old")), application(load_folder(build))
    second = app_image(CHIPS["esp32s3"], 40_000, version="0.9.0")
    put(board, SLOTS[1], second)
    before = bytes(board.flash.data)
    done = update(board, build)
    assert isinstance(done, Updated)
    number = int(done.slot[-1])
    target = range(SLOTS[number], SLOTS[number] + SLOT_BYTES)
    whole = ((old, new), (second, new))
    seen, cuts = set(), 0
    for flash in cut_flashes(board, before, random.Random(len(entries))):
        cuts += 1
        after = bytearray(flash)
        slot = start(after)
        app = next((a for a in whole[slot] if holds(flash, slot, a)), None)
        assert app is not None, f"cut {cuts}: slot {slot} is not whole"
        seen.add(app)
        pair = [parse_entry(bytes(after[OTADATA + 4096 * i :][:32])) for i in range(2)]
        there = [any(holds(flash, s, a) for a in whole[s]) for s in range(2)]
        assert plan_update(pair, 2, there.__getitem__) is not None
    assert cuts > 50
    assert new in seen
    assert len(seen) >= 2
    for change in board.flash.changes:
        ours = OTADATA <= change.offset < OTADATA + 8192 or change.offset in target
        assert ours, f"{change.offset:#x}"


def run_unplugged(board: MockBoard, build: Path, after: int) -> Failed:
    """What a worker process says of a board that is unplugged after so many bytes."""
    board.unplug_after = after
    with on_pty(board) as port:
        outcome = run_task(task_for(port, build), lambda _message: None)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "unplugged"
    return outcome


@pytest.mark.slow
def test_unplugged(tmp_path: Path) -> None:
    """Before, while the slot is written, while otadata is: what the node does now, in words."""
    folders = [tmp_path / f"{i}" for i in range(4)]
    for folder in folders:
        folder.mkdir()
    boards = [make_node(folder, "esp32c6", entry(1, VALID))[0] for folder in folders]
    build = new_build(tmp_path, "esp32c6")
    app = application(load_folder(build))
    at: dict[str, int] = {}

    def note(message: Message) -> None:
        if isinstance(message, Step):
            at.setdefault(message.what, boards[0].received)

    with on_pty(boards[0]) as port:
        assert isinstance(worker.attempt(task_for(port, build), note), Updated)
    assert "nothing was written" in run_unplugged(boards[1], build, at["write"] - 200).text
    text = run_unplugged(boards[2], build, at["write"] + len(app) // 2).text
    assert "(write); it goes on with its old application" in text
    text = run_unplugged(boards[3], build, at["switch"] + 100).text
    assert "(switch); it starts the old application or the new one, both are whole" in text
    assert not holds(boards[2].flash.data, 1, app)
    assert holds(boards[3].flash.data, 1, app)
    assert [start(board.flash.data) for board in boards] == [1, 0, 0, 0]


def refusal(board: MockBoard, build: Path, **how: object) -> Failed:
    """Why *board* is not updated. Nothing was written, and it was started again."""
    before = bytes(board.flash.data)
    with on_pty(board) as port:
        outcome = worker.attempt(task_for(port, build, **how), list[Message]().append)
    assert isinstance(outcome, Failed)
    assert outcome.reason in REASONS
    assert bytes(board.flash.data) == before
    return outcome


def test_refusals(tmp_path: Path) -> None:
    """Wrong chip, no table, no record, another table, another field, nothing whole: in words."""
    board, _ = make_node(tmp_path, "esp32c3", entry(1, VALID))
    build = new_build(tmp_path, "esp32c3")
    other = make_build(tmp_path / "s3", "esp32s3", ROWS)
    told = refusal(board, other)
    assert told.reason == "wrong_chip"
    assert "the chip is esp32c3, the firmware is for esp32s3; nothing was written" in told.text
    told = refusal(board, build, field_id=7)
    assert (told.reason, "0x01020304 (Rim), the site is 0x00000007" in told.text) == (
        *("other_field", True),
    )
    rows = (*ROWS[:-1], ("raw_log", 1, 0x43, ROWS[-1][3], 0x8000))
    told = refusal(board, make_build(tmp_path / "rows", "esp32c3", rows))
    assert told.reason == "other_table"
    assert "not the build's: raw_log differ. Fetch its raw log, then flash it anew" in told.text
    put(board, SLOTS[0] + 5000, b"\0\0\0\0")
    told = refusal(board, build)
    assert told.reason == "no_application"
    assert "none to go back to. Flash it anew: qres flash" in told.text
    put(board, AT["qres_prov"], b"\xff" * 4096)
    told = refusal(board, build)
    assert told.reason == "no_record"
    assert "it is no node yet. Make it one: qres flash SITE --node ID" in told.text
    empty = refusal(MockBoard("esp32c3"), build)
    assert (empty.reason, "has no partition table" in empty.text) == ("no_table", True)


def test_builds_that_are_no_update(tmp_path: Path) -> None:
    """Too long for a slot, another project, damaged, no slots: refused before a port is opened."""

    def bad(name: str, text: str, **options: object) -> None:
        build = make_build(tmp_path / name, "esp32c3", options.pop("rows", ROWS), **options)  # type: ignore[arg-type]
        if name == "damaged":
            data = bytearray((build / "app.bin").read_bytes())
            data[3000] ^= 1
            (build / "app.bin").write_bytes(data)
        with pytest.raises(FirmwareError, match=text):
            application(load_folder(build))

    small = tuple((n, k, s, a, 0x2000 if n == "ota_1" else z) for n, k, s, a, z in ROWS)
    bad("long", "the application has 12[0-9]* bytes: must be at most 8192, a slot", rows=small)
    bad("sniffer", "the application is qres_sniffer: must be qres_node", project="qres_sniffer")
    bad("damaged", "app.bin: no whole application; build again")
    bad("slots", "has no slot ota_0", rows=(ROWS[0], *ROWS[4:]))
    assert application(load_folder(make_build(tmp_path / "standard", "esp32c3", STANDARD)))


def test_a_worn_slot_leaves_the_old_application(tmp_path: Path) -> None:
    """A cell of the slot that keeps its bit: `bad_verify` before otadata is switched."""
    board, _ = make_node(tmp_path, "esp32c3", entry(1, VALID))
    build = new_build(tmp_path, "esp32c3")
    app = application(load_folder(build))
    board.flash.worn_at = SLOTS[1] + next(i for i in range(5000, 6000) if app[i] & 1)
    outcome = update(board, build)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "bad_verify"
    assert "the node goes on with its old application" in outcome.text
    assert start(board.flash.data) == 0


def test_a_cell_that_fades_is_found_by_reading_back(tmp_path: Path) -> None:
    """Bytes that were right when the chip made its digest, and are not when they are read."""
    board, _ = make_node(tmp_path, "esp32c3", entry(1, VALID))
    build = new_build(tmp_path, "esp32c3")
    app = application(load_folder(build))
    board.flash.fades_at = SLOTS[1] + next(i for i in range(5000, 6000) if app[i] & 1)
    outcome = update(board, build)
    assert isinstance(outcome, Failed)
    assert outcome.reason == "bad_verify"
    assert start(board.flash.data) == 0


def test_an_application_on_trial_is_told(tmp_path: Path) -> None:
    """A second update within ten minutes says that the first is over, and takes its slot."""
    board, _ = make_node(tmp_path, "esp32c3", entry(1, VALID), entry(2, PENDING))
    told = list[Message]()
    done = update(board, new_build(tmp_path, "esp32c3"), told)
    assert isinstance(done, Updated)
    assert (done.slot, done.keeps) == ("ota_1", "ota_0")
    (note,) = (m for m in told if isinstance(m, Note))
    assert "the application in ota_1 was on trial" in note.text


@pytest.mark.slow
def test_the_command_updates_and_enters_it(tmp_path: Path) -> None:
    """`qres node update --site --json`: exit code 0, the facts, and the build in the register."""
    board, site_file = make_node(tmp_path, "esp32s3", entry(1, VALID))
    build = new_build(tmp_path, "esp32s3")
    with on_pty(board) as port:
        command = ("update", "--port", port, "--firmware", build, "--site", site_file)
        done = qres_node(*command, "--json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert (row["ok"], row["slot"], row["keeps"], row["version"]) == (
        *(True, "ota_1", "ota_0", "2.0.0"),
    )
    (known,) = json.loads((tmp_path / "site.boards.json").read_text())["boards"]
    assert (known["mac"], known["node_id"]) == (board.mac, 3)
    assert known["firmware"] == load_folder(build).digest
    assert decode(bytes(board.flash.data[AT["qres_prov"] :][:4096])).node_id == 3
