# SPDX-License-Identifier: Apache-2.0
"""Bounds of SPEC 6.6 and 8 that no field comes to by itself, asked of the C core's relays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from qres import reference as ref
from qres._core import ffi, lib
from qres.core import ERRORS
from qres.reference import Relay, RelayFragment, RelayRecord
from tests.core.vector_relay import log_record
from tests.core.vector_rig import PreparedNode, initial
from tests.qres.differential_rig import KEY, c_field, c_log
from tests.vectors.as_json import Json
from tests.vectors.cases_relay import RELAY_SITES, relay_to_json

ERA: Final = 20_001  # of "relays": members 1, 2, 3 are its scribes, in this order
LOW: Final[Json] = {"low": [1, 2, 3]}
NOTHING: Final[Json] = {"included": 0, "absent": 0, "k": []}


@dataclass
class Talker:
    """A node of the core in a site with relays, about to commit phase *p*."""

    name: str
    own: int | None = None
    search: bool = False
    after_midnight: int = 8

    def __post_init__(self) -> None:
        self.site = RELAY_SITES[self.name]
        self.p = self.site.era_start(ERA) + self.after_midnight
        self.node = PreparedNode(
            self.site, c_field(self.site), KEY, initial(self.site, self.p - 1), self.own
        )
        self.c = self.node.c
        self.c.config.search = self.search
        self.c.base.phase = self.p - 9  # so that eight phases before are accepted

    def hear(self, r: int, relay: Relay, p: int | None = None, late_us: int = 0) -> str:
        """A RELAY comes in its slot, or so much later; what the core says."""
        p = self.p if p is None else p
        return self.hear_at(r, ref.seal_relay(self.site, KEY, p, r, relay), p, late_us)

    def hear_at(self, r: int, frame: bytes, p: int, late_us: int = 0) -> str:
        """A frame comes in that relay slot."""
        end_us = self.site.relay_slot_start_us(p, r) + 100_000 + self.site.airtime_us(len(frame))
        info = ffi.new("qres_heard_info *")
        return ERRORS[-lib.qres_heard(self.c, end_us + late_us, frame, len(frame), info)]

    def say(self, r: int) -> Json | None:
        """What it says when this slot of the open phase begins."""
        action: Any = ffi.new("qres_action *")
        lib.qres_next(self.c, self.site.relay_slot_start_us(self.p, r), action)
        if action.kind == lib.QRES_DO_LISTEN:
            return None
        assert action.frame_kind == lib.QRES_FRAME_RELAY
        frame = bytes(ffi.buffer(action.bytes, action.len))
        return relay_to_json(ref.open_relay(self.site, KEY, self.p, r, frame))

    def knows(self, age: int, member: int, record: Json) -> Json:
        """A report of phase p - *age* is put into its log; the record that a RELAY has of it."""
        slot = self.site.members[member].slot if member < self.site.n_members else 0
        made = {"age": age, "slot": slot, **record}
        log_record(self.node, self.p - age, member, made)
        return made

    def entry(self, phase: int, member: int) -> Any:
        """What the log has."""
        (found,) = (e for e in self.node.log() if (e.phase, e.member) == (phase, member))
        return found


def low(age: int, slot: int) -> Relay:
    """A RELAY with one record of low bits."""
    return Relay((RelayRecord(age, slot, (1, 2, 3)),))


def fragment(rank: int, number: int, size: int = 130) -> Relay:
    """A RELAY with a fragment of a blob that is none."""
    return Relay(fragment=RelayFragment(rank, number, size, bytes(-(-size // -(-size // 44)))))


# ---- what a relay says


def test_what_is_no_news_is_not_repeated() -> None:
    """Not its own report, not what waits undecoded, not twice, nothing older than three phases."""
    one = Talker("relays", own=2)
    one.knows(4, 0, LOW)
    oldest = one.knows(3, 4, LOW)
    one.knows(2, 3, LOW)
    one.knows(1, 2, LOW)  # its own
    one.knows(0, 1, LOW)
    one.entry(one.p - 2, 3).relayed = 1
    one.entry(one.p, 1).raw_len = 9
    assert one.say(2) == {"records": [oldest]}
    assert one.say(3) is None


def test_twelve_records_are_a_frame_and_what_is_left_goes_back() -> None:
    """The oldest phase first, in each the lowest index first; the 13th waits for the next slot."""
    one = Talker("relays", own=2)
    records = [one.knows(age, i, LOW) for age in (3, 2, 1, 0) for i in (0, 1, 3, 4)]
    assert one.say(2) == {"records": records[:12]}
    assert one.say(3) == {"records": records[12:]}


def test_frame_is_filled_to_its_last_bit() -> None:
    """Three records of low bits and four with 13 numbers are 51 bytes, and no pad bit."""
    one = Talker("relay-wide", own=1)
    contents: list[Json] = [{"low": [1, 2, 4, 8]}] * 3
    contents += [
        {"included": mask, "absent": 0, "k": list(range(mask.bit_count()))}
        for mask in (63, 15, 3, 1)
    ]
    records = [one.knows(0, i, x) for i, x in zip((0, *range(2, 8)), contents, strict=True)]
    assert one.say(0) == {"records": records}


def test_first_record_that_does_not_fit_ends_the_frame() -> None:
    """A later one is not taken before its turn, even if it would fit."""
    one = Talker("relay-wide", own=1)
    six = {"included": 63, "absent": 0, "k": [1, -2, 3, -4, 5, -6]}
    records = [one.knows(0, i, x) for i, x in ((0, six), (2, six), (3, six))]
    rest = [one.knows(0, 4, {"low": [1, 2, 4, 8]})]
    rest += [one.knows(0, 5, NOTHING), one.knows(0, 6, NOTHING)]
    assert one.say(0) == {"records": records}
    assert one.say(3) == {"records": rest}


def test_fragment_of_yesterday_is_not_sent() -> None:
    """Of another era it sends none, whichever way the chain goes."""
    one = Talker("relays", own=2)
    assert one.hear(0, fragment(0, 1)) == ""
    assert (one.c.relaying.held, one.c.relaying.era) == (44, ERA)
    one.c.relaying.era = ERA - 1
    assert one.say(2) is None
    assert one.say(3) is None


@pytest.mark.parametrize(
    ("sender", "size", "reason", "held"),
    [(1, 130, "", 44), (3, 130, "", 44), (4, 130, "", 0), (1, 30, "blob", 0)],
    ids=["first scribe", "third scribe", "no scribe", "a whole blob, not valid"],
)
def test_only_fragments_of_the_scribes_that_count_are_held(
    sender: int, size: int, reason: str, held: int
) -> None:
    """From the CHECKPOINT itself: not of a fourth member, and not what section 8 refuses."""
    one = Talker("relays", own=2)
    data = fragment(0, 0, size).fragment
    assert data is not None
    frame = ref.seal_fragment(one.site, KEY, one.p, sender, 0, size, data.data)
    heard = one.node.hear_common(one.p, frame)
    assert (heard.reason, one.c.relaying.held) == (reason, held)


# ---- what a receiver makes of it


def test_thirteen_records_are_too_many() -> None:
    """A frame with 13 whole records is refused; 12 of them are taken."""
    site = RELAY_SITES["relays"]
    for n, reason in ((12, ""), (13, "reserved")):
        one = Talker("relays")
        bits = n | sum((0 | 3 << 2) << 4 + 23 * i for i in range(n))
        payload = bits.to_bytes(-(-(4 + 23 * n) // 8), "little")
        ccm = AESCCM(ref.era_key(KEY, site.field_id, ERA), tag_length=4)
        frame = ccm.encrypt(ref.nonce(site, one.p, site.members[4].id, 4), payload, None)
        assert one.hear_at(0, frame, one.p) == reason


def test_fragment_of_nobody_and_of_oneself_have_no_effect() -> None:
    """Two members have no third scribe; a scribe does not collect what it has sent itself."""
    two = Talker("relay-wide")
    assert two.hear(0, fragment(2, 0)) == ""
    assert two.hear(1, fragment(1, 0)) == ""
    assert (two.c.assembly.have, two.c.assembly.order) == (1, 1)
    one = Talker("relays", own=3)
    assert one.hear(0, fragment(2, 0)) == ""
    assert one.c.assembly.have == 0
    assert one.hear(1, fragment(1, 0)) == ""
    assert one.c.assembly.have == 1


def test_fragment_of_tomorrow_has_no_effect() -> None:
    """Before midnight is committed, a RELAY of after it is taken, and its fragment is not."""
    one = Talker("relays", after_midnight=-1)
    assert one.hear(0, fragment(0, 0), one.p + 1) == ""
    assert one.c.assembly.have == 0
    assert one.hear(1, fragment(0, 0)) == ""
    assert one.c.assembly.have == 1


def test_the_newest_phase_of_four_is_remembered_for_each_slot() -> None:
    """Phases p and p - 4 share a place: an old RELAY does not make a receiver forget the newer."""
    one = Talker("relays")
    relay = low(0, 0)
    assert one.hear(1, relay) == ""
    assert one.hear(1, relay, one.p - 1) == ""
    assert one.hear(4, relay) == ""
    assert one.hear(1, relay, one.p - 4) == ""
    for slot, p in ((1, one.p), (1, one.p - 1), (4, one.p)):
        assert one.hear(slot, relay, p) == "duplicate"


def test_what_a_replaced_entry_was_repeated_as_counts() -> None:
    """A full record takes the place of low bits that were relayed: they are not relayed anew."""
    one = Talker("relays", own=2)
    slot = one.site.members[0].slot
    age = (one.p - one.site.members[0].phase) % 4
    assert one.hear(0, low(age, slot)) == ""
    assert one.say(2) == {"records": [{"age": age, "slot": slot, "low": [1, 2, 3]}]}
    assert one.hear(4, Relay((RelayRecord(age, slot, None, 1, 0, (80,)),))) == ""
    assert c_log(one.c) == {(one.p - age, 0): ("report", False, 0, True)}
    assert one.say(3) is None


def test_an_undecoded_frame_stays_until_a_full_record_comes() -> None:
    """Low bits do not take its place, masks and numbers do."""
    one = Talker("relays")
    slot, age = one.site.members[0].slot, (one.p - one.site.members[0].phase) % 4
    one.knows(age, 0, LOW)
    one.entry(one.p - age, 0).raw_len = 9
    one.entry(one.p - age, 0).is_s = 0
    assert one.hear(0, low(age, slot)) == ""
    assert c_log(one.c)[one.p - age, 0][0] == "frame"
    assert one.hear(1, Relay((RelayRecord(age, slot, None, 1, 0, (80,)),))) == ""
    assert c_log(one.c)[one.p - age, 0][0] == "report"


@pytest.mark.parametrize(("rank", "stops"), [(0, True), (2, False)])
def test_scribe_that_completes_an_earlier_ones_blob_stops(rank: int, *, stops: bool) -> None:
    """Also if that blob, of one fragment here, is not valid; of a later scribe it takes none."""
    one = Talker("relays", own=2)
    one.c.blob_len, one.c.snap_era, one.c.snap_valid = 30, ERA, 1
    assert one.hear(0, fragment(rank, 0, 30)) == ""
    assert (one.c.blob_len == 0) == stops
    assert one.c.assembly.done == stops


# ---- when it comes


@pytest.mark.parametrize("share", [-1.4, -0.6, 0.0, 0.6, 1.4])
def test_relay_is_found_a_slot_before_and_after_its_own(share: float) -> None:
    """Nearest slot and those beside it are tried without a search; the offset is what it is."""
    one = Talker("relays")
    assert one.hear(2, low(0, 0), late_us=round(share * one.site.common_us)) == ""


@pytest.mark.parametrize("share", [-1.6, 1.6])
def test_farther_off_only_a_search_finds_it(share: float) -> None:
    """Two slots off, one that does not search refuses it by tag."""
    late_us = round(share * RELAY_SITES["relays"].common_us)
    assert Talker("relays").hear(2, Relay(low(0, 0).records * 2), late_us=late_us) == "tag"
    searching = Talker("relays", search=True)
    assert searching.hear(2, Relay(low(0, 0).records * 2), late_us=late_us) == ""


def test_after_the_last_slot_the_last_is_the_nearest() -> None:
    """However late in its phase, the last slot's RELAY is found; that of the one before as well."""
    for slot in (4, 5):
        one = Talker("relays")
        assert one.hear(slot, low(0, 0), late_us=5 * one.site.common_us) == ""


def test_relay_of_a_phase_that_is_not_accepted_is_none() -> None:
    """Three phases ahead of the last committed, and as old as the base, it is out of the window."""
    one = Talker("relays", search=True)
    for p in (one.p + 2, one.p - 9):
        assert one.hear(1, Relay(low(0, 0).records * 2), p) == "window"
    assert one.hear(1, Relay(low(0, 0).records * 2), one.p + 1) == ""
    assert one.hear(1, Relay(low(0, 0).records * 2), one.p - 8) == ""


def test_search_finds_what_has_no_length_of_another_frame() -> None:
    """A RELAY of 8 bytes in an origin slot: no REPORT with echo is so short."""
    for search, reason in ((False, "length"), (True, "")):
        one = Talker("relays", search=search)
        early_us = one.site.slot_start_us(one.p, 0) - one.site.relay_slot_start_us(one.p, 1)
        assert one.hear(1, low(0, 0), late_us=early_us) == reason
