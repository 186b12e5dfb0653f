# SPDX-License-Identifier: Apache-2.0
"""The fragment of a checkpoint that a relay holds and says again (SPEC 6.4, 6.6 and 8)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from qres.reference import (
    Reason,
    RefusedError,
    Relay,
    RelayFragment,
    Replica,
    cut,
    open_relay,
)
from tests.vectors.fields import KEY, make_site
from tests.vectors.relay_net import RelayNet, relay_site
from tests.vectors.virtual_net import Sent

from .relay_talk import (
    BLOB,
    ERA,
    FIRST,
    MIDNIGHT,
    SITE,
    checkpoint,
    full,
    listener,
    on_air,
    x_report,
)


def relay_member(member: int = 4) -> Replica:
    """A relay, member 4, about to commit FIRST."""
    return Replica(SITE, KEY, member, first_phase=FIRST)


def said(one: Replica, r: int, p: int = FIRST) -> Relay | None:
    """What a replica says in a relay slot, as a fresh receiver reads it."""
    frame = one.relay_frame(r)
    if frame is None:
        return None
    return open_relay(SITE, KEY, p, r, frame)


def fragment(rank: int, number: int, blob: bytes = BLOB) -> Relay:
    """A fragment in a RELAY."""
    return Relay(fragment=RelayFragment(rank, number, len(blob), cut(blob)[number]))


def test_slots_of_others_are_silent() -> None:
    """Only the two own slots are answered, and a replica without slot has no answer."""
    one = relay_member()
    one.hear(*checkpoint(FIRST, 0, 0))
    assert [one.relay_frame(r) for r in (-1, 1, 2, 4)] == [None] * 4
    assert said(one, 3) == fragment(0, 0)
    with pytest.raises(ValueError, match="self_index"):
        listener().relay_frame(0)


def test_records_go_first_on_the_way_there_the_fragment_on_the_way_back() -> None:
    """Each is said once; a slot with neither is silent."""
    one = relay_member()
    for order in ([0, 3], [3, 0]):
        one = relay_member()
        one.hear(*x_report(FIRST, 8))
        one.hear(*checkpoint(FIRST, 0, 0))
        records, held = Relay((full(0, 8),)), fragment(0, 0)
        expected = {0: records, 3: held}
        assert {r: said(one, r) for r in order} == expected
        assert said(one, order[0]) is None
    one.hear(*checkpoint(FIRST, 0, 1))
    assert said(one, 0) == fragment(0, 1)
    one.hear(*x_report(FIRST, 0))
    assert said(one, 3) == Relay((full(0, 0),))


def test_the_last_fragment_is_held_from_whomever() -> None:
    """One from a relay replaces the one from the scribe, one of an earlier scribe a later's."""
    one = relay_member()
    assert one.hear(*checkpoint(FIRST, 2, 0)).reason == Reason.OK
    assert one.hear(*on_air(FIRST, 1, fragment(2, 3))).reason == Reason.OK
    assert said(one, 3) == fragment(2, 3)
    one.hear(*checkpoint(FIRST, 2, 1))
    assert one.hear(*on_air(FIRST, 2, fragment(0, 2))).reason == Reason.OK
    assert said(one, 3) == fragment(0, 2)
    one.hear(*on_air(FIRST + 1, 1, fragment(1, 0)))  # passed over for member 0
    assert said(one, 3) is None


def test_refused_fragments_are_not_held() -> None:
    """A duplicate, and ones that do not fit, are not said again; their RELAY is accepted."""
    one = relay_member()
    one.hear(*checkpoint(FIRST, 0, 0))
    assert said(one, 0) == fragment(0, 0)
    bad = [
        fragment(0, 0),
        Relay(fragment=RelayFragment(0, 1, 200, bytes(39))),
        Relay(fragment=RelayFragment(0, 9, 200, bytes(40))),
        Relay(fragment=RelayFragment(0, 1, 100, bytes(34))),
        Relay(fragment=RelayFragment(0, 1, 0, bytes(34))),
    ]
    for i, relay in enumerate(bad):
        assert one.hear(*on_air(FIRST + i // 2, 1 + i % 2, relay)).reason == Reason.OK
        if i % 2:
            one.advance_to(FIRST + i // 2)
        assert one.relay_frame(0) is None
    assert one.counters == Counter()


def test_fragments_of_other_members_are_not_held() -> None:
    """A CHECKPOINT of a member that is none of the three scribes is collected, not said again."""
    one = relay_member()
    assert one.hear(*checkpoint(FIRST, 7, 0)).reason == Reason.OK
    assert one.relay_frame(0) is None


def test_a_fragment_after_the_blob_is_whole_is_held() -> None:
    """The relay has no use for it, others may."""
    net = RelayNet(SITE, MIDNIGHT - 60)
    net.run(60)
    one = net.members[4]
    blob_frames = []
    for _ in range(40):
        before = len(net.sent)
        net.step()
        blob_frames += [s for s in net.sent[before:] if s.kind == "common" and s.frame[0] < 16]
    assert one.events == Counter(verified=1)
    fragments = [s for s in net.sent if s.kind == "relay" and s.member == 4 and len(s.frame) > 40]
    assert len({s.frame[0] for s in blob_frames}) == len(blob_frames) > 4
    told = [
        relay.fragment.number
        for s in fragments
        for r in (0, 3)
        if (relay := _opened(s, r)) is not None and relay.fragment
    ]
    assert sorted(set(told)) == sorted(s.frame[0] for s in blob_frames)


def _opened(sent: Sent, r: int) -> Relay | None:
    """What a RELAY said if it was in relay slot *r*."""
    try:
        return open_relay(SITE, KEY, sent.phase, r, sent.frame)
    except RefusedError:
        return None


def test_a_fragment_of_another_era_is_not_sent() -> None:
    """Held over midnight it stays silent, and so does one that comes for an era not begun."""
    last = MIDNIGHT - 1
    one = Replica(SITE, KEY, 4, first_phase=last)
    scribe = (ERA - 1) % 12
    assert one.hear(*checkpoint(last, scribe, 0)).reason == Reason.OK
    one.advance_to(last)
    assert one.relay_frame(0) is None
    two = Replica(SITE, KEY, 4, first_phase=last)
    assert two.hear(*on_air(MIDNIGHT, 1, fragment(0, 0))).reason == Reason.OK
    two.advance_to(last)
    assert two.relay_frame(0) is None


def test_the_scribe_takes_no_notice_of_its_own_fragments() -> None:
    """Heard back from a relay they are neither collected nor, by a scribe that relays, held."""
    site = relay_site(8, (0, 3), seed=2)  # member 0 is scribe and relay
    midnight = site.era_start(20_000)
    net = RelayNet(site, midnight - 40)
    net.run(80)
    assert net.members[0].events == Counter()
    assert all(m.events == Counter(verified=1) for m in net.members[1:])
    told = [s for s in net.sent if s.kind == "relay" and s.member == 0 and len(s.frame) > 45]
    assert told == []


def test_fewer_scribes_than_three() -> None:
    """A fragment of a third scribe on a site of two members has no effect."""
    site = replace(make_site(2), relays=(1,))
    one = Replica(site, KEY, 1, first_phase=FIRST)
    assert one.hear(*on_air(FIRST, 0, fragment(2, 0), site)).reason == Reason.OK
    assert one.relay_frame(1) is None
