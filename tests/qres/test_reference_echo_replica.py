# SPDX-License-Identifier: Apache-2.0
"""Replicas that repeat each other's reports: what one frame lost costs, and what not (SPEC 6.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qres.reference import NO_ECHO, Echo, Entry, Reason, RefSite, Replica, Report, seal_report
from tests.vectors.fields import KEY, Lcg, make_site, wide_channels
from tests.vectors.virtual_net import Net, Sent

SITE = make_site(8, echo=True)
ERA = 20_001
MIDNIGHT = SITE.era_start(ERA)
FIRST = MIDNIGHT + 4
N_PHASES = 40


def talk(site: RefSite, seed: int = 1) -> tuple[list[Sent], dict[int, int]]:
    """REPORTs of a field in which all is heard, and the digest after each phase."""
    net = Net(site, FIRST, seed)
    digests = {}
    for p in range(FIRST, FIRST + N_PHASES):
        net.step()
        digests[p] = net.members[0].digest
        assert len(net.digests()) == 1
    return [s for s in net.sent if s.kind == "report"], digests


REPORTS, DIGESTS = talk(SITE)
SHORT = [s for s in REPORTS if len(s.frame) == 9]


def listener() -> Replica:
    """A replica without slot."""
    return Replica(SITE, KEY, first_phase=FIRST)


def x_frame(p: int, member: int, echo: Echo = NO_ECHO, site: RefSite = SITE) -> tuple[int, bytes]:
    """A complete REPORT with an echo, and when it has been received."""
    n = site.n_channels
    report = Report(member, (1 << n) - 1, 0, (40,) * n)
    frame = seal_report(site, KEY, p, "X", report, 0, echo)
    start = site.slot_start_us(p, site.members[member].slot) + 100_000
    return start + site.airtime_us(len(frame)), frame


def test_most_reports_of_this_field_are_short() -> None:
    """The tests below have something to repeat: most reports are in form S."""
    assert len(SHORT) > len(REPORTS) / 2 > 30


@pytest.mark.parametrize("lost", SHORT[:-12:4], ids=lambda s: f"{s.phase - FIRST}/{s.member}")
def test_one_lost_report_is_restored(lost: Sent) -> None:
    """
    A receiver that misses one S report agrees again from the next echo of it on.

    The report itself is accepted afterwards and changes nothing; then it is a duplicate.
    """
    one, key = listener(), (lost.phase, lost.member)
    for p in range(FIRST, FIRST + N_PHASES):
        for sent in [s for s in REPORTS if s.phase == p and s is not lost]:
            knew = key in one.log
            assert one.hear(sent.rx_end_us, sent.frame).reason == Reason.OK
            if key in one.log and not knew and p > lost.phase:
                assert one.digest == DIGESTS[p - 1]
        one.advance_to(p)
        if p < lost.phase or key in one.log:
            assert one.digest == DIGESTS[p]
    told = one.log[key]
    assert told.report is None
    assert told.echoes >= 1
    assert one.hear(lost.rx_end_us, lost.frame).reason == Reason.OK
    assert one.digest == DIGESTS[FIRST + N_PHASES - 1]
    assert one.log[key].report is not None
    assert one.log[key].echoes == told.echoes
    assert one.hear(lost.rx_end_us, lost.frame).reason == Reason.DUPLICATE


@pytest.mark.parametrize("seed", range(6))
def test_lateness_plays_no_part(seed: int) -> None:
    """Of the frames that it gets, a receiver may get a third late: its log is the same."""
    reports, _ = talk(SITE, seed)
    lcg = Lcg(seed)
    kept = [s for s in reports if len(s.frame) > 9 or lcg.below(10)]
    in_time, late = listener(), listener()
    for one in (in_time, late):
        delayed = [0 if one is in_time or lcg.below(3) else 1 + lcg.below(7) for _ in kept]
        order = sorted(range(len(kept)), key=lambda n: (kept[n].phase + delayed[n], n))
        for n in order:
            one.advance_to(min(kept[n].phase + delayed[n], FIRST + N_PHASES) - 1)
            assert one.hear(kept[n].rx_end_us, kept[n].frame).reason == Reason.OK
        one.advance_to(FIRST + N_PHASES)
    assert any(e.low for e in late.log.values())
    assert late.log == in_time.log
    assert late.digest == in_time.digest


@pytest.mark.parametrize("seed", range(3))
def test_echoes_halve_what_is_missing(seed: int) -> None:
    """With a fifth of all S reports lost on the way to each, at most half of them stay unknown."""
    lcg = Lcg(seed)
    unheard = []

    def hears(to: int, sent: Sent) -> bool:
        lost = sent.kind == "report" and len(sent.frame) == 9 and lcg.below(5) == 0
        if lost:
            unheard.append((to, sent.phase, sent.member))
        return not lost

    net = Net(SITE, FIRST, seed, hears)
    net.run(N_PHASES)
    unknown = [n for n in unheard if (n[1], n[2]) not in net.members[n[0]].log]
    assert len(unknown) <= len(unheard) / 2 > 10


def test_nothing_happens_for_oneself_the_sender_or_nobody() -> None:
    """An echo of the receiver's own report, the sender's, or of a slot without member."""
    p = FIRST + 4
    sender = SITE.by_slot[p % 4][0]
    mine = SITE.by_slot[(p - 1) % 4][1]
    low = (1, 2, 3)
    for echo, inserted in [
        (Echo(1, 1, low), None),
        (Echo(1, 0, low), (p - 1, SITE.by_slot[(p - 1) % 4][0])),
        (Echo(1, 2, low), None),
        (Echo(4, 0, low), None),
        (Echo(4, 1, low), (p - 4, SITE.by_slot[p % 4][1])),
        (Echo(5, 0, low), None),
        (NO_ECHO, None),
    ]:
        one = Replica(SITE, KEY, mine, first_phase=FIRST)
        one.advance_to(p - 1)
        assert one.hear(*x_frame(p, sender, echo)).reason == Reason.OK
        told = {k: e for k, e in one.log.items() if e.low}
        assert told == ({inserted: Entry("S", low=low, echoes=1)} if inserted else {}), echo


def test_a_duplicate_repeats_nothing() -> None:
    """The echo of a frame that is heard twice counts once."""
    one = listener()
    when, frame = x_frame(FIRST + 1, 1, Echo(1, 0, (1, 2, 3)))
    assert one.hear(when, frame).reason == Reason.OK
    assert one.hear(when, frame).reason == Reason.DUPLICATE
    assert one.log[FIRST, 0].echoes == 1


def test_an_echo_does_not_reach_over_midnight() -> None:
    """What lies before base is not accepted, from an echo either."""
    one = Replica(SITE, KEY, first_phase=MIDNIGHT - 4)
    one.advance_to(MIDNIGHT)
    before = one.digest
    assert one.hear(*x_frame(MIDNIGHT + 1, 1, Echo(2, 0, (1, 2, 3)))).reason == Reason.OK
    assert set(one.log) == {(MIDNIGHT + 1, 1)}
    assert one.digest == before


def test_an_echo_may_be_ahead_of_the_commits() -> None:
    """A report of the phase under way that is known from the next one's frames is folded in."""
    one, other = listener(), listener()
    for s in [s for s in REPORTS if s.phase < FIRST + 8]:
        for replica in (one, other):
            replica.advance_to(s.phase - 1)
            replica.hear(s.rx_end_us, s.frame)
    p = FIRST + 8
    for replica in (one, other):
        replica.advance_to(p - 1)
    echo = Echo(1, 0, (3, 4, 5))
    assert one.hear(*x_frame(p + 1, 1, echo)).reason == Reason.OK
    one.advance_to(p + 1)
    other.advance_to(p + 1)
    assert other.hear(*x_frame(p + 1, 1, echo)).reason == Reason.OK
    assert one.digest == other.digest
    assert int(one.state.last_report[0]) == p


def test_the_digest_bit_is_compared_before_the_echo() -> None:
    """A frame's digest bit judges the state that its own echo has not mended yet."""
    p = FIRST + 18
    member = SITE.by_slot[p % 4][0]
    report = Report(member, 0b1111, 0, (40, 40, 40, 40))

    def tell(low: int, bit: int) -> tuple[int, Replica]:
        """Digest before, and who heard a frame with that bit, which repeats one of p-1."""
        one = listener()
        for s in [s for s in REPORTS if s.phase <= FIRST + 16]:
            one.advance_to(s.phase - 1)
            one.hear(s.rx_end_us, s.frame)
        one.advance_to(p - 1)
        before, echo = one.digest, Echo(1, 0, (low, 2, 3))
        assert one.health.suspect == 0
        when, _ = x_frame(p, member, echo)
        frame = seal_report(SITE, KEY, p, "X", report, bit, echo)
        assert one.hear(when, frame).reason == Reason.OK
        return before, one

    def moves_the_bit(low: int) -> bool:
        """Whether the digest bits before and after differ, so that the order shows."""
        before, one = tell(low, 0)
        return before & 1 != one.digest & 1

    low = next(low for low in range(32) if moves_the_bit(low))
    for bit in (0, 1):
        before, one = tell(low, bit)
        assert one.health.suspect == (bit != before & 1)


def test_an_entry_known_from_an_echo_is_repeated_as_it_came() -> None:
    """A member passes on the bits, whatever its own state makes of them."""
    member = SITE.by_slot[(FIRST + 2) % 4][0]
    one = Replica(SITE, KEY, member, first_phase=FIRST)
    one.hear(*x_frame(FIRST + 1, 1, Echo(1, 1, (31, 0, 17))))
    one.advance_to(FIRST + 1)
    frame = one.decide([40 * c.step for c in SITE.channels])
    assert frame is not None
    third = listener()
    third.advance_to(FIRST + 1)
    end = SITE.slot_start_us(FIRST + 2, 0) + 100_000 + SITE.airtime_us(len(frame))
    assert third.hear(end, frame).reason == Reason.OK
    assert third.log[FIRST, 4] == Entry("S", low=(31, 0, 17), echoes=1)
    assert one.log[FIRST, 4].echoes == 2


def test_noise_does_not_take_the_place_of_an_echo() -> None:
    """Where an echo told of a report, a frame that cannot be read is not kept for later."""
    one = listener()
    one.hear(*x_frame(FIRST + 1, 1, Echo(1, 0, (1, 2, 3))))
    now = SITE.slot_start_us(FIRST, 0) + 200_000
    assert one.hear(now, bytes(9)).reason == Reason.TAG
    assert one.n_undecoded == 0


def test_the_longest_reports_are_no_checkpoints() -> None:
    """Six channels with an echo make 22 bytes; that is still heard as a REPORT."""
    wide = make_site(4, channels=wide_channels(), echo=True)
    when, frame = x_frame(FIRST, 0, site=wide)
    assert len(frame) == wide.report_max == 22
    heard = Replica(wide, KEY, first_phase=FIRST).hear(when, frame)
    assert (heard.kind, heard.reason) == ("report", Reason.OK)


def test_without_echo_nothing_is_known_of_a_lost_report() -> None:
    """The same field without echo: its frames are shorter, and a lost report stays lost."""
    reports, digests = talk(replace(SITE, echo=False))
    lost = next(s for s in reports if len(s.frame) == 6)
    one = Replica(replace(SITE, echo=False), KEY, first_phase=FIRST)
    for s in [s for s in reports if s is not lost]:
        one.advance_to(s.phase - 1)
        one.hear(s.rx_end_us, s.frame)
    one.advance_to(FIRST + N_PHASES - 1)
    assert (lost.phase, lost.member) not in one.log
    assert one.digest != digests[FIRST + N_PHASES - 1]
