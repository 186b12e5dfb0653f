# SPDX-License-Identifier: Apache-2.0
"""A gateway's database: is it whole, is everything decoded, is anything heard, can it be read?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qres_gateway.database import SCHEMA_VERSION, Database
from qres_gateway.doctor.refusals import Evidence, diagnose, evidence
from qres_gateway.doctor.result import Result, fail, info, ok, warn
from qres_gateway.errors import FrameLogError
from qres_gateway.frame_log import FrameLog
from qres_gateway.ledger import HOUR_US, Ledger
from qres_gateway.replay.derived import REPLAY_CURSOR
from qres_gateway.sinks.cursors import PREFIX as SINK_PREFIX
from qres_gateway.spill import spill_path
from qres_gateway.store_lock import store_holder
from qres_gateway.unix_time import at_us
from qres_gateway.worker import DECODE_CURSOR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qres.site import Site

__all__ = ["store"]

SILENT_US: Final = 2 * HOUR_US
"""Some node sends a beacon about every hour (SPEC 6.3): a field is never silent for so long."""
_CLOCK_SLACK_US: Final = 60_000_000


def store(path: Path, site: Site | None, now_us: int) -> Iterator[Result]:
    """
    Everything about the database *path*, which is only read.

    Args:
        path: The file.
        site: The field, for a diagnosis of refused frames; None if it is not known.
        now_us: This host's clock. [us since the Unix epoch]
    """
    if not path.exists():
        yield info("store", f"{path}: none yet; `qres gateway` makes it")
        return
    running = store_holder(path)
    if running is not None:
        yield info("store in use", f"by {running}")
    try:
        with Database.open(path, read_only=True) as database:
            yield _whole(database)
            yield from _cursors(database, running)
            yield from _reception(database, site, now_us)
    except FrameLogError as error:
        yield fail("store", str(error), "The gateway cannot use it", "Do as the text says")
    spilled = spill_path(path)
    if spilled.exists():
        yield warn(
            "unsaved frames",
            f"{spilled}: {spilled.stat().st_size} bytes",
            "Frames that the gateway could not write to the store before it had to stop",
            "Start `qres gateway`: it takes them in and removes the file",
        )


def _whole(database: Database) -> Result:
    with database.reading() as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != ["ok"]:
        return fail(
            "store integrity",
            f"{database.path}: {'; '.join(found)}",
            "The file is damaged; what is read from it may be wrong",
            "Stop the gateway, move the file with its -wal and -shm aside, and rescue what is"
            " readable: `sqlite3 FILE .recover`",
        )
    size = database.path.stat().st_size / 1e6
    return ok("store integrity", f"whole, {size:.1f} MB, schema {version} of {SCHEMA_VERSION}")


def _cursors(database: Database, running: str | None) -> Iterator[Result]:
    log = FrameLog(database)
    last_id, cursors = log.last_id, log.cursors()
    if REPLAY_CURSOR in cursors:
        yield warn(
            "replay",
            f"was interrupted; frames from row {cursors[REPLAY_CURSOR] + 1} on are in the store",
            "Values and ledger do not take all of them into account",
            "Run the same `qres replay` again",
        )
    lag = last_id - cursors.pop(DECODE_CURSOR, 0)
    if not lag:
        yield ok("decoding", f"all {last_id} frames of the log are decoded")
    elif running is not None:
        yield info("decoding", f"{lag} of {last_id} frames wait for the running process")
    else:
        yield warn(
            "decoding",
            f"{lag} of {last_id} frames are not decoded",
            "They came shortly before the gateway ended; nothing is lost",
            "Start `qres gateway`, which decodes them first",
        )
    for name, at in sorted(cursors.items()):
        if name != REPLAY_CURSOR and not name.startswith(SINK_PREFIX):  # `qres sinks` shows them
            yield info(f"reader {name!r}", f"is {last_id - at} frames behind")


def _reception(database: Database, site: Site | None, now_us: int) -> Iterator[Result]:
    with database.reading() as connection:
        last_us = connection.execute("SELECT max(rx_us) FROM frame").fetchone()[0]
    if last_us is None:
        yield warn(
            "last frame",
            "none yet",
            "Nothing was received since the store was made",
            "Check that the packet forwarder's server_address and serv_port_up name this gateway",
        )
        return
    yield _age(last_us, now_us)
    hours = (last_us // HOUR_US - 23, last_us // HOUR_US + 1)
    ledger = Ledger(database)
    for receiver, (frames, copies) in ledger.hearing(*hours).items():
        said = f"{frames} frames in the last 24 hours of the log, {copies} of them copies"
        yield info(f"receiver {receiver}", said)
    seen = evidence(database)
    seen.at_source = {
        reason: part.frames
        for (layer, reason), part in ledger.refused(*hours).items()
        if layer != "frame"
    }
    yield from _refused(seen, site)


def _age(last_us: int, now_us: int) -> Result:
    age_us = now_us - last_us
    at = f"{at_us(last_us):%Y-%m-%d %H:%M} UTC"
    if age_us < -_CLOCK_SLACK_US:
        return warn(
            "last frame",
            f"{at}, {-age_us / HOUR_US:.1f} h in the future of this host's clock",
            "This host's clock or the receiver's is wrong",
            "Set this host's clock (UTC)",
        )
    found = f"{at}, {_span(max(age_us, 0))} ago"
    if age_us <= SILENT_US:
        return ok("last frame", found)
    return warn(
        "last frame",
        found,
        "A field sends something every hour: the gateway, the receiver or the field is off",
        "Check that `qres gateway` runs, that the receiver has power, and its antenna",
    )


def _refused(found: Evidence, site: Site | None) -> Iterator[Result]:
    refused = ", ".join(f"{n} {reason}" for reason, n in sorted(found.refused.items())) or "none"
    summary = f"newest {found.accepted + found.refused.total()} frames: {found.accepted} accepted;"
    cause = None if site is None else diagnose(found, site)
    if cause is not None and cause.code != "waiting":
        yield fail("refused frames", f"{summary} refused: {refused}", cause.text, cause.fix)
    elif cause is not None:
        yield warn("refused frames", f"{summary} refused: {refused}", cause.text, cause.fix)
    else:
        yield ok("refused frames", f"{summary} refused: {refused}")


def _span(span_us: int) -> str:
    """
    A length of time for people.

    >>> _span(90_000_000), _span(3 * HOUR_US), _span(60 * HOUR_US)
    ('1.5 min', '3.0 h', '2.5 days')
    """
    if span_us < HOUR_US:
        return f"{span_us / 6e7:.1f} min"
    hours = span_us / HOUR_US
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
