# SPDX-License-Identifier: Apache-2.0
"""Replicas with relays: fields whose members do not all hear each other (SPEC 6.6 and 8)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from qres.reference import (
    Entry,
    Reason,
    Relay,
    RelayRecord,
    Replica,
    Report,
)
from tests.vectors.fields import KEY, make_site
from tests.vectors.relay_net import RelayNet, relay_site
from tests.vectors.virtual_net import Sent

from .relay_talk import FIRST, LOW, MIDNIGHT, SITE, full, listener, low, on_air, x_report


def in_sight(to: int, sent: Sent) -> bool:
    """A chain: each hears the neighbour on either side, by index."""
    return abs(to - sent.member) == 1


# ---- fields


@pytest.mark.parametrize("echo", [False, True], ids=["bare", "echo"])
@pytest.mark.parametrize(("n", "relays"), [(3, (1,)), (6, (1, 2, 3, 4))])
def test_hidden_nodes_hold_the_same(n: int, relays: tuple[int, ...], echo: bool) -> None:
    """
    In a chain in which only neighbours hear each other all digests agree at every commit.

    Except that on the way back a fragment takes the place of records: then at the next commit.
    """
    net = RelayNet(relay_site(n, relays, echo=echo), MIDNIGHT - 20, hears=in_sight)
    last = -1
    for p in range(60):
        before = len(net.sent)
        net.step()
        if len(net.digests()) > 1:
            assert last != p - 1
            last = p
            assert n > 3
            assert any(s.kind == "relay" and len(s.frame) > 40 for s in net.sent[before:])
    ends = {(to, s.member) for to, s, _ in net.heard}
    assert (0, n - 1) not in ends
    assert (n - 1, 0) not in ends
    reports = [s for s in net.sent if s.kind == "report"]
    assert {s.member for s in reports} == set(range(n))
    assert {h.reason for _, _, h in net.heard} == {Reason.OK}


def test_without_the_relay_hidden_nodes_differ() -> None:
    """The same chain without relays: the ends do not hold the same."""
    net = RelayNet(make_site(3), MIDNIGHT - 20, hears=in_sight)
    net.run(40)
    assert net.members[0].digest != net.members[2].digest


def test_a_checkpoint_over_the_relay_alone_is_adopted() -> None:
    """A receiver that hears no CHECKPOINT and comes late holds the same after the relay's."""
    site = relay_site(8, (3,), seed=2)
    midnight = site.era_start(20_000)  # the scribe is member 0

    def hears(to: int, sent: Sent) -> bool:
        return to < 8 or sent.kind == "relay"

    net = RelayNet(site, midnight - 80, hears=hears)
    net.run(76)
    net.listeners.append(Replica(site, KEY, first_phase=midnight - 4))
    net.run(60)
    late = net.listeners[0]
    assert {h.kind for to, _, h in net.heard if to == 8} == {"relay"}
    assert late.events == Counter(adopted=1)
    assert late.synced
    assert len({r.digest for r in net.members}) == 1
    # The relay's own reports and those of phases that were over are what it cannot know.
    for sent in [s for s in net.sent if s.kind == "report" and s.phase >= midnight]:
        late.hear(sent.rx_end_us, sent.frame)
    assert late.digest == net.members[0].digest


# ---- records


def test_a_record_of_low_bits_is_a_report_known_by_them() -> None:
    """Unknown before: an S entry without echo; the report itself is accepted afterwards."""
    one = listener()
    member = SITE.by_slot[FIRST % 4][1]
    end_us, frame = on_air(FIRST, 0, Relay((LOW,)))
    heard = one.hear(end_us, frame)
    assert (heard.kind, heard.node, heard.phase, heard.reason) == (
        "relay", SITE.members[4].id, FIRST, Reason.OK)  # fmt: skip
    assert one.log == {(FIRST, member): Entry("S", low=(7, 8, 9))}
    assert one.hear(*x_report(FIRST, member)).reason == Reason.OK
    assert one.log[FIRST, member].report == Report(member, 15, 0, (40,) * 4)
    assert one.hear(*x_report(FIRST, member)).reason == Reason.DUPLICATE


def test_a_full_record_is_the_report() -> None:
    """Phases late it is folded in as the report itself would be, which is a duplicate then."""
    one, other = listener(), listener()
    members = [SITE.by_slot[(FIRST + i) % 4][1] for i in range(4)]
    for i, m in enumerate(members):
        assert one.hear(*x_report(FIRST + i, m, 40 + i)).reason == Reason.OK
        one.advance_to(FIRST + i)
        other.advance_to(FIRST + i)
    told = tuple(full(4 - i, m, 40 + i) for i, m in enumerate(members) if i)
    assert other.hear(*on_air(FIRST + 4, 1, Relay(told))).reason == Reason.OK
    assert other.hear(*x_report(FIRST, members[0])).reason == Reason.OK
    assert other.digest == one.digest
    assert other.log[FIRST + 1, members[1]].form == "X"
    assert other.hear(*x_report(FIRST + 1, members[1])).reason == Reason.DUPLICATE


def test_what_an_entry_is_replaced_by() -> None:
    """Full records replace what is not decoded, low ones nothing; echoes and mark are kept."""
    p = FIRST
    a, b, c = sorted(SITE.by_slot[p % 4].values())
    one = listener()
    one._history.log |= {
        (p, a): Entry("S", report=Report(a, 7, 0, (1, 2, 3)), echoes=2),
        (p, b): Entry("S", frame=bytes(6)),
        (p, c): Entry("S", low=(1, 2, 3), echoes=3, relayed=True),
    }
    before = one.log
    lows = tuple(low(0, m) for m in (a, b, c))
    assert one.hear(*on_air(p, 0, Relay(lows))).reason == Reason.OK
    assert one.log == before
    fulls = tuple(full(0, m) for m in (a, b, c))
    assert one.hear(*on_air(p, 1, Relay(fulls))).reason == Reason.OK
    assert one.log[p, a] == before[p, a]
    assert one.log[p, b] == Entry("X", report=Report(b, 15, 0, (40,) * 4))
    assert one.log[p, c] == Entry("X", report=Report(c, 15, 0, (40,) * 4), echoes=3, relayed=True)


def test_records_about_nobody_the_receiver_or_another_time() -> None:
    """No member in that slot, the receiver itself, a phase at base: nothing, but accepted."""
    own = SITE.by_slot[FIRST % 4][1]
    one = Replica(SITE, KEY, own, first_phase=FIRST)
    told = Relay((LOW, RelayRecord(0, 31, (1, 1, 1)), RelayRecord(1, 0, (1, 1, 1)), full(0, own)))
    assert one.hear(*on_air(FIRST, 0, told)).reason == Reason.OK
    assert one.log == {}


def test_a_full_log_takes_no_records() -> None:
    """With no room for a record of the oldest phase it is left out; the RELAY is accepted."""
    one = listener(log_capacity=1)
    a, b, _ = sorted(SITE.by_slot[FIRST % 4].values())
    assert one.hear(*on_air(FIRST, 0, Relay((low(0, a), full(0, b), low(0, b))))).reason == ""
    assert list(one.log) == [(FIRST, a)]


def test_a_record_takes_the_place_of_an_undecoded_frame() -> None:
    """Heard before its sender was known, a frame waits; the relay tells what it says."""
    net = RelayNet(SITE, MIDNIGHT - 20)
    net.run(30)
    reports = [s for s in net.sent if s.kind == "report" and s.phase >= MIDNIGHT]
    first = next(s for s in reports if len(s.frame) == 6)
    member = first.member
    one = Replica(SITE, KEY, first_phase=first.phase - 4)
    one.advance_to(first.phase - 1)
    assert one.hear(first.rx_end_us, first.frame).reason == Reason.PENDING
    held = net.members[0].log[first.phase, member].report
    assert held is not None
    record = RelayRecord(0, SITE.members[member].slot, None, held.included, held.absent, held.k)
    assert one.hear(*on_air(first.phase, 0, Relay((record,)))).reason == Reason.OK
    assert one.log[first.phase, member].report == held


# ---- duplicates


def test_the_second_of_one_phase_and_kind_is_a_duplicate() -> None:
    """The same relay's other slot, and the other relay, are not; a reserved frame is not noted."""
    one = listener()
    odd = SITE.relay_slot_start_us(FIRST, 0) + 100_000 + SITE.airtime_us(51)
    assert one.hear(odd, bytes(51)).reason == Reason.TAG
    for r in range(4):
        said = on_air(FIRST, r, Relay((LOW,)))
        assert [one.hear(*said).reason for _ in range(2)] == [Reason.OK, Reason.DUPLICATE]
    assert one.counters == Counter({Reason.DUPLICATE: 4, Reason.TAG: 1})


def test_four_phases_are_remembered() -> None:
    """Phase p + 4 takes the cell of p: p is not known any more, p + 4 still is."""
    one = listener()
    said = {p: on_air(p, 0, Relay((LOW,))) for p in range(FIRST, FIRST + 6)}
    for p in range(FIRST, FIRST + 5):
        assert one.hear(*said[p]).reason == Reason.OK
        one.advance_to(p)
    reasons = {p: one.hear(*said[p]).reason for p in range(FIRST, FIRST + 6)}
    assert [p - FIRST for p, reason in reasons.items() if reason == Reason.OK] == [0, 5]
    assert one.hear(*said[FIRST + 4]).reason == Reason.DUPLICATE


# ---- addressing and clock


def test_the_clock_follows_relays() -> None:
    """An offset is taken against guard/2 after the start of the relay slot."""
    one = Replica(SITE, KEY, 4, first_phase=FIRST)
    end_us, frame = on_air(FIRST, 1, Relay((LOW,)))
    one.hear(end_us + 4000, frame)
    one.advance_to(FIRST)
    assert one.clock.corr_us < -999
    assert one.clock.rate < 0


@pytest.mark.parametrize("back", [0, 1])
def test_only_a_search_finds_a_relay_at_an_odd_time(back: int) -> None:
    """
    In an origin slot, or a phase late, a RELAY is `tag` for a node and read by the gateway.

    Its length is that of form M, and nothing of its arrival's member is known: a replica that
    does not search keeps it undecoded.
    """
    p = FIRST + 1
    _, frame = on_air(p - back, 2, Relay((LOW,)))
    end_us = SITE.slot_start_us(p, 0) + 100_000 + SITE.airtime_us(len(frame))
    assert len(frame) == 8
    for search, kind, reason in ((True, "relay", Reason.OK), (False, "report", Reason.PENDING)):
        one = listener(search=search)
        one.advance_to(FIRST)
        heard = one.hear(end_us, frame)
        assert (heard.kind, heard.reason) == (kind, reason)
        assert one.synced == search


def test_a_length_of_nothing_else_is_searched_too() -> None:
    """A site's REPORTs and BEACONs have none of 11 bytes; a RELAY that comes early is found."""
    relay = Relay((LOW, replace(LOW, slot=2)))
    _, frame = on_air(FIRST, 0, relay)
    assert len(frame) == 11
    early = SITE.slot_start_us(FIRST, 0) + SITE.airtime_us(11)
    assert listener().hear(early, frame).reason == Reason.LENGTH
    assert listener(search=True).hear(early, frame).kind == "relay"
    assert listener(search=True).hear(early, frame[:4]).reason == Reason.LENGTH
    assert listener(search=True).hear(early, bytes(52)).reason == Reason.LENGTH


def test_neighbouring_relay_slots_are_tried_by_all() -> None:
    """One slot off in either direction is read, two are not."""
    _, frame = on_air(FIRST, 1, Relay((LOW,)))
    for r, reason in ((0, Reason.OK), (1, Reason.OK), (2, Reason.OK), (3, Reason.TAG)):
        start_us = SITE.relay_slot_start_us(FIRST, r) + 100_000
        one = Replica(SITE, KEY, 0, first_phase=FIRST)
        assert one.hear(start_us + SITE.airtime_us(len(frame)), frame).reason == reason


def test_trials_are_limited() -> None:
    """Each tag counts; a frame that begins below the limit is finished, the next is `limit`."""
    one = listener(trial_limit=3)
    end_us = SITE.relay_slot_start_us(FIRST, 1) + 100_000 + SITE.airtime_us(20)
    assert one.hear(end_us, bytes(20)).reason == Reason.TAG
    assert one.hear(*on_air(FIRST, 1, Relay((LOW,)))).reason == Reason.LIMIT
