# SPDX-License-Identifier: Apache-2.0
"""
Frames arrive and none can be read: why, most likely?

The best witness is a beacon. It says in clear of which site it is and which phase it was sent in,
and proves both with the key: a refused beacon tells key, site file and clock apart, which a report,
without a header, cannot. A beacon is sent about every hour.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from qres import WIRE_VERSION
from qres_gateway.unix_time import at_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qres.site import Site
    from qres_gateway.database import Database

__all__ = ["Diagnosis", "Evidence", "diagnose", "evidence"]

LOOKED_AT: Final = 2_000
"""How many of the newest frames are looked at."""

_BEACON_BYTES: Final = 16  # SPEC 6.3, like the layout below
_BEACON_MARK: Final = 0xB
_ANY_CLOCK_US: Final = 80 * 365 * 86_400_000_000  # phases count to 2**32, calendars do not

_QUERY: Final = """
SELECT d.reason, d.rx_us, f.payload, f.freq_hz, f.sf, f.bw_hz
FROM decoded AS d JOIN frame AS f ON f.id = d.frame_id
WHERE d.frame_id > ? ORDER BY d.frame_id DESC LIMIT ?
"""


@dataclass(slots=True)
class Evidence:
    """
    What is known of the newest frames.

    Attributes:
        accepted: Frames of the field.
        refused: Frames refused, by reason. Copies of known frames are not among them.
        beacons: Those among the refused that look like beacons, by reason.
        versions: Wire versions that beacons named.
        phases: (phase that a beacon named, its reception [us]) for those refused as "window".
        radios: (freq_hz, sf, bw_hz) of frames refused as "radio".
        at_source: What the receiver's data were refused for before they were frames, by reason.
    """

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    beacons: Counter[str] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    phases: list[tuple[int, int]] = field(default_factory=list)
    radios: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    at_source: Mapping[str, int] = field(default_factory=dict)

    def add(
        self, reason: str, rx_us: int, payload: bytes, freq_hz: int, sf: int, bw_hz: int
    ) -> None:
        """Take one decoded frame; *reason* is "" if it was accepted."""
        if not reason:
            self.accepted += 1
            return
        if reason == "copy":
            return
        self.refused[reason] += 1
        if reason == "radio":
            self.radios[freq_hz, sf, bw_hz] += 1
        elif len(payload) == _BEACON_BYTES and payload[0] >> 4 == _BEACON_MARK:
            self.beacons[reason] += 1
            self.versions[payload[0] & 0xF] += 1
            if reason == "window":
                self.phases.append((int.from_bytes(payload[2:6], "little"), rx_us))


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """
    The likeliest cause.

    Attributes:
        code: A short stable word: key, site, version, clock, radio, signal, foreign, future,
            waiting, unproved, source, other.
        text: What was seen and what it means, one sentence or two.
        fix: What to do.
    """

    code: str
    text: str
    fix: str

    def __str__(self) -> str:
        return f"{self.text}. {self.fix}."


def evidence(database: Database, after_id: int = 0, limit: int = LOOKED_AT) -> Evidence:
    """
    The newest decoded frames of a store.

    Args:
        database: The store; reading is enough.
        after_id: Rows of the frame log up to this one are left out.
        limit: At most so many frames.

    Raises:
        FrameLogError: The store cannot be read.
    """
    found = Evidence()
    with database.reading() as connection:
        for row in connection.execute(_QUERY, (after_id, limit)):
            found.add(*row)
    return found


def diagnose(found: Evidence, site: Site) -> Diagnosis | None:
    """
    Why nothing can be read.

    Returns:
        None if something was accepted, or if nothing was refused.
    """
    if found.accepted:
        return None
    return _by_beacons(found, site) or _by_reasons(found, site) or _at_source(found)


def _by_beacons(found: Evidence, site: Site) -> Diagnosis | None:
    if count := found.beacons["tag"]:
        return Diagnosis(
            "key",
            f"The key does not fit: {_many(count, 'beacon')} came with the hash of this site file,"
            f" but {site.key_file} does not prove them",
            "Put the key file there with which the nodes were provisioned",
        )
    if count := found.beacons["window"]:
        return Diagnosis(
            "clock",
            f"The clocks disagree: {_many(count, 'beacon')} came from phases that are"
            f" {_hours_off(found, site)} by the time at which they were received",
            "Set this host's clock (UTC), or give the receiver GNSS",
        )
    if count := found.beacons["site"]:
        return Diagnosis(
            "site",
            f"The site file does not fit: {_many(count, 'beacon')} came with another site hash"
            f" than that of the field {site.name!r}",
            "Use the site file with which the nodes were provisioned; unless these are a"
            " neighbour's nodes, and the own ones are silent",
        )
    if count := found.beacons["version"]:
        spoken = ", ".join(str(v) for v in sorted(found.versions))
        return Diagnosis(
            "version",
            f"The nodes speak another wire version: {_many(count, 'beacon')} of version {spoken},"
            f" and this program speaks {WIRE_VERSION}",
            "Install the program that fits the nodes' firmware, or flash the nodes",
        )
    return None


def _by_reasons(found: Evidence, site: Site) -> Diagnosis | None:
    """From the commonest reason; what may be the field's own counts before what cannot be."""
    reasons = found.refused
    if not reasons:
        return None
    unread = reasons["pending"] + reasons["tag"] + reasons["window"]
    reason = max(reasons, key=lambda r: (reasons[r], r))
    if unread and (unread >= reasons[reason] or reason == "length"):
        return _unread(reasons, unread)
    if reason == "radio":
        (freq_hz, sf, bw_hz), count = found.radios.most_common(1)[0]
        return Diagnosis(
            "radio",
            f"The receiver hears another channel than the field's: {_many(count, 'frame')} on"
            f" {_channel(freq_hz, sf, bw_hz)}, the site file says"
            f" {_channel(site.freq_hz, site.sf, site.bw_hz)}",
            "Set the receiver to the field's channel, or correct [radio] in the site file",
        )
    if reason == "length":
        return Diagnosis(
            "foreign",
            f"Only other people's traffic is heard: {_many(reasons[reason], 'frame')} of lengths"
            " that no frame of a field has",
            "Check that the nodes are on and in range of the receiver",
        )
    if reason == "future":
        return Diagnosis(
            "future",
            f"The receiver's clock is ahead: {_many(reasons[reason], 'frame')} came with times that"
            " this host's clock has not reached",
            "Set the clock of the receiver, or of this host (UTC)",
        )
    if reason == "crc_bad":
        return Diagnosis(
            "signal",
            f"The signal is too weak or disturbed: {_many(reasons[reason], 'frame')} damaged on"
            " the way",
            "Move the receiver's antenna up or nearer, and away from other transmitters",
        )
    return Diagnosis(
        "other",
        f"{_many(reasons[reason], 'frame')} refused as {reason!r}",
        "SPEC.md, section 9, says what that means",
    )


def _unread(reasons: Counter[str], unread: int) -> Diagnosis:
    if reasons["pending"] >= unread - reasons["pending"]:
        return Diagnosis(
            "waiting",
            f"{_many(unread, 'frame')} cannot be read yet, and no beacon was heard. After a start"
            " without a store, frames wait for a checkpoint, which takes up to a day",
            "Wait for a beacon, an hour at most: it will tell whether key and site file fit",
        )
    return Diagnosis(
        "unproved",
        f"Key, site file or clock do not fit: {_many(unread, 'frame')} of the field's lengths,"
        " and none can be proved",
        "Check the three; the next beacon, within an hour, will tell which it is",
    )


def _at_source(found: Evidence) -> Diagnosis | None:
    total = sum(found.at_source.values())
    if not total:
        return None
    reason = max(found.at_source, key=lambda r: (found.at_source[r], r))
    return Diagnosis(
        "source",
        f"What the receiver sends is refused before it is a frame, {total} times, mostly as"
        f" {reason!r}",
        "Check that it is a Semtech packet forwarder (protocol version 2) with right settings",
    )


def _hours_off(found: Evidence, site: Site) -> str:
    """How far the beacons' phases are from their reception, in words; the middle one counts."""
    began = sorted((phase * site.phase_us - rx_us, phase) for phase, rx_us in found.phases)
    off_us, phase = began[(len(began) - 1) // 2]
    if abs(off_us) > _ANY_CLOCK_US:
        return "decades off"
    at = at_us(phase * site.phase_us)
    side = "ahead" if off_us > 0 else "back"
    return f"{abs(off_us) / 3.6e9:.1f} h {side} (the field says {at:%Y-%m-%d %H:%M} UTC)"


def _channel(freq_hz: int, sf: int, bw_hz: int) -> str:
    return f"{freq_hz / 1e6:g} MHz SF{sf}/{bw_hz / 1e3:g} kHz"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
