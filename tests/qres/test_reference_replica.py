# SPDX-License-Identifier: Apache-2.0
"""Replicas of the reference among themselves: agreement, loss, lateness, joining (SPEC 8)."""

from __future__ import annotations

from collections import Counter

import pytest

from qres.reference import (
    FieldClock,
    Reason,
    Replica,
    blob_encode,
    cut,
    fragment_shape,
    seal_beacon,
    seal_fragment,
)
from tests.vectors.fields import KEY, Lcg, make_site
from tests.vectors.virtual_net import Net, Sent

SITE = make_site(8)
PPD = SITE.phases_per_day
ERA = 20_001
MIDNIGHT = SITE.era_start(ERA)


def listener(first_phase: int, log_capacity: int | None = None) -> Replica:
    """A replica without slot."""
    return Replica(SITE, KEY, first_phase=first_phase, log_capacity=log_capacity)


def joined_late() -> tuple[Net, Replica]:
    """A field that has run for eight hours, and a receiver that begins to listen only then."""
    net = Net(SITE, MIDNIGHT - 60)
    net.run(32)
    late = Replica(SITE, KEY, first_phase=MIDNIGHT - 28, search=True)
    net.listeners.append(late)
    return net, late


def test_without_loss_all_agree_and_hold_the_tolerance() -> None:
    """Through a midnight, every phase: one digest, and each member's value is within tolerance."""
    net = Net(SITE, MIDNIGHT - 20)
    net.listeners.append(listener(MIDNIGHT - 20))
    for _ in range(60):
        net.step()
        assert len(net.digests()) == 1
        p = net.members[0].state.phase
        for i in SITE.of_phase(p % 4) if p % 4 < 3 else ():
            for c, channel in enumerate(SITE.channels):
                x = net.samples[i][c]
                assert x is not None
                held = int(net.members[i].state.value[i, c])
                assert abs(held - x) <= channel.tol
    assert {h.reason for _, _, h in net.heard} == {Reason.OK}
    assert all(r.events == Counter(verified=1) for r in net.listeners)
    assert not any(r.health.diverged or r.health.suspect for r in net.members)


def test_silence_is_possible() -> None:
    """The weather of these tests leaves some own phases silent: the tests cover both."""
    net = Net(SITE, MIDNIGHT - 40)
    net.run(40)
    reports = [s for s in net.sent if s.kind == "report"]
    assert 0 < len(reports) < 40 // 4 * 8


def test_first_reports_are_complete() -> None:
    """In its first two own phases a member reports all it has, in form X."""
    net = Net(SITE, MIDNIGHT - 40)
    net.run(8)
    lengths = [len(s.frame) for s in net.sent if s.kind == "report"]
    assert lengths == [14] * 16


@pytest.mark.parametrize("seed", range(5))
def test_late_reports_are_folded_into_their_phase(seed: int) -> None:
    """A receiver that gets a third of the frames up to seven phases late ends up the same."""
    net = Net(SITE, MIDNIGHT + 4, seed)
    net.run(60)
    lcg = Lcg(seed)
    late = listener(MIDNIGHT + 4)
    arrivals = sorted(
        (min(s.phase + (1 + lcg.below(7) if lcg.below(3) == 0 else 0), MIDNIGHT + 64), n, s)
        for n, s in enumerate(net.sent)
        if s.kind == "report"
    )
    for when, _, sent in arrivals:
        late.advance_to(when - 1)
        heard = late.hear(sent.rx_end_us, sent.frame)
        assert heard.reason == Reason.OK
        assert heard.phase == sent.phase
        assert heard.node == SITE.members[sent.member].id
    late.advance_to(MIDNIGHT + 63)
    assert late.digest == net.members[0].digest


def test_order_within_a_phase_plays_no_part() -> None:
    """A phase's reports backwards, each twice, give the same; the second is a duplicate."""
    net = Net(SITE, MIDNIGHT + 4)
    net.run(30)
    other = listener(MIDNIGHT + 4)
    for p in range(MIDNIGHT + 4, MIDNIGHT + 34):
        for sent in reversed([s for s in net.sent if s.phase == p and s.kind == "report"]):
            assert other.hear(sent.rx_end_us, sent.frame).reason == Reason.OK
            assert other.hear(sent.rx_end_us, sent.frame).reason == Reason.DUPLICATE
        other.advance_to(p)
    assert other.digest == net.members[0].digest
    assert other.counters == Counter({Reason.DUPLICATE: other.n_logged})


def test_a_joiner_becomes_exact_by_the_checkpoint() -> None:
    """Who begins in the middle of a day cannot read short reports; after midnight it is exact."""
    net, late = joined_late()
    net.run(20)
    assert (late.synced, late.n_undecoded > 0) == (False, True)
    assert late.counters[Reason.PENDING] == late.n_undecoded
    assert late.digest != net.members[0].digest
    net.run(60)
    assert (late.synced, late.n_undecoded) == (True, 0)
    assert late.events == Counter(adopted=1)
    assert len(net.digests()) == 1
    net.run(20)
    assert len(net.digests()) == 1
    assert not late.health.diverged


def test_a_joiner_within_the_day_adopts_that_days_checkpoint() -> None:
    """Fragments of the day on which it began give it the state at midnight, and what it heard."""
    net = Net(SITE, MIDNIGHT - 60)
    net.run(61)
    late = listener(MIDNIGHT + 1)
    net.listeners.append(late)
    net.run(40)
    assert late.events == Counter(adopted=1)
    assert late.synced
    assert not late.state.absent.any()
    missed = [s for s in net.sent if s.phase == MIDNIGHT and s.kind == "report"]
    for sent in missed:
        assert late.hear(sent.rx_end_us, sent.frame).reason == Reason.OK
    assert len(net.digests()) == 1


def test_lost_fragments_do_not_matter() -> None:
    """With two fragments in seven lost the checkpoint still arrives."""
    n = SITE.n_members

    def hears(to: int, sent: Sent) -> bool:
        lost = sent.kind == "common" and len(sent.frame) != 16 and sent.frame[0] in {0, 3}
        return to < n or not lost

    net = Net(SITE, MIDNIGHT - 20, hears=hears)
    net.listeners.append(listener(MIDNIGHT - 20))
    net.run(80)
    numbers = {s.frame[0] for s in net.sent if s.kind == "common" and len(s.frame) > 18}
    assert len(numbers) == max(numbers) + 1 > 4
    assert net.listeners[0].events == Counter(verified=1)


def test_loss_is_noticed_and_healed_at_midnight() -> None:
    """A receiver that misses reports is told by digest bits and beacons, and adopts at midnight."""
    n = SITE.n_members

    def hears(to: int, sent: Sent) -> bool:
        return to < n or sent.kind == "common" or sent.phase % 5 > 0 or sent.phase >= MIDNIGHT

    net = Net(SITE, MIDNIGHT - 60, hears=hears)
    deaf = listener(MIDNIGHT - 60)
    net.listeners.append(deaf)
    net.run(60)
    assert deaf.health.diverged
    assert deaf.digest != net.members[0].digest
    net.run(80)
    assert deaf.events == Counter(adopted=1)
    assert len(net.digests()) == 1
    assert not deaf.health.diverged


def test_a_beacon_decides_at_once() -> None:
    """One beacon with another digest makes a replica diverged, the next good one well again."""
    net = Net(SITE, MIDNIGHT + 1)
    one = listener(MIDNIGHT + 1)
    net.run(3)
    for s in net.sent:
        one.hear(s.rx_end_us, s.frame)
    one.advance_to(MIDNIGHT + 3)
    p = MIDNIGHT + 4
    end = SITE.slot_start_us(p, SITE.slots) + 100_000 + SITE.airtime_us(16)
    wrong = seal_beacon(SITE, KEY, p, 3, one.digest ^ 1)
    assert one.hear(end, wrong).reason == Reason.OK
    assert one.health.diverged
    assert one.hear(end, wrong).reason == Reason.DUPLICATE
    assert one.hear(end, seal_beacon(SITE, KEY, p, 4, one.digest)).reason == Reason.DUPLICATE
    later = p + SITE.beacon_every
    assert one.hear(end, seal_beacon(SITE, KEY, later, 4, 0)).reason == Reason.WINDOW
    one.advance_to(later - 1)
    end += SITE.beacon_every * SITE.phase_us
    assert one.hear(end, seal_beacon(SITE, KEY, later, 4, one.digest)).reason == Reason.OK
    assert not one.health.diverged


def test_addressing_by_time() -> None:
    """
    A frame is found in its own and the neighbouring slots; further off only by searching.

    The receiver has just begun: these are complete reports, which need no checkpoint to be read.
    """
    net = Net(make_site(16), MIDNIGHT + 4)
    net.run(1)
    site = net.site
    first = net.sent[0]
    for slots_off, search, reason in [
        (0, False, Reason.OK),
        (1, False, Reason.OK),
        (-1, False, Reason.OK),
        (2, False, Reason.TAG),
        (2, True, Reason.OK),
        (3, True, Reason.OK),
    ]:
        one = Replica(site, KEY, first_phase=MIDNIGHT + 4, search=search)
        when = first.rx_end_us + slots_off * site.slot_us
        assert one.hear(when, first.frame).reason == reason, (slots_off, search)
    searching = Replica(site, KEY, first_phase=MIDNIGHT + 4, search=True)
    heard = searching.hear(first.rx_end_us + site.phase_us, first.frame)
    assert (heard.reason, heard.phase) == (Reason.OK, MIDNIGHT + 4)


def test_replays_are_outside_the_window() -> None:
    """Yesterday's frames are refused by their time, today's shown as yesterday's too."""
    net = Net(SITE, MIDNIGHT - 20)
    one = listener(MIDNIGHT - 20)
    net.listeners.append(one)
    net.run(24)
    old = next(s for s in net.sent if s.phase == MIDNIGHT - 1)
    assert one.hear(old.rx_end_us, old.frame).reason == Reason.WINDOW
    ahead = old.rx_end_us + 8 * SITE.phase_us
    assert one.hear(ahead, old.frame).reason == Reason.WINDOW
    now = SITE.slot_start_us(one.next_phase, 0) + 200_000
    assert one.hear(now, old.frame).reason == Reason.TAG


def test_foreign_traffic_changes_nothing() -> None:
    """Noise of any length is refused, counted by reason, and leaves the state as it was."""
    net = Net(SITE, MIDNIGHT + 4)
    one = Replica(SITE, KEY, first_phase=MIDNIGHT + 4, search=True)
    net.listeners.append(one)
    net.run(8)
    before, lcg = one.digest, Lcg(4)
    now = SITE.slot_start_us(one.next_phase, 0) + 200_000
    for n in range(60):
        one.hear(now, bytes(lcg.below(256) for _ in range(n)))
    assert one.digest == before
    lengths = {n for n in range(60) if n not in {6, 7, 8, 9, 10, 12, 14} and not 14 < n <= 51}
    assert one.counters == Counter({Reason.LENGTH: len(lengths), Reason.TAG: 60 - len(lengths)})
    assert one.synced


def test_noise_before_the_first_report_leaves_a_replica_waiting() -> None:
    """In the slot of a member that is unknown, what cannot be read is kept for a checkpoint."""
    one = listener(MIDNIGHT + 4)
    now = SITE.slot_start_us(MIDNIGHT + 4, 0) + 200_000
    heard = one.hear(now, bytes(6))
    assert (heard.reason, heard.node) == (Reason.PENDING, SITE.members[0].id)
    assert not one.synced
    assert one.hear(now, bytes(7)).reason == Reason.TAG
    assert one.n_undecoded == 1


def test_noise_of_form_x_is_not_kept() -> None:
    """A complete report needs no checkpoint: one that cannot be read is refused and forgotten."""
    one = listener(MIDNIGHT + 4)
    now = SITE.slot_start_us(MIDNIGHT + 4, 0) + 200_000
    assert one.hear(now, bytes(14)).reason == Reason.TAG
    assert one.synced
    assert one.n_undecoded == 0


def test_fragments_of_one_scribe_at_a_time() -> None:
    """An earlier scribe's fragments take over, a later one's have no effect."""
    whole = Net(SITE, MIDNIGHT - 20)
    whole.run(20)
    blob = blob_encode(SITE, whole.members[0].state)
    fragments = cut(blob)
    k, _, _ = fragment_shape(len(blob))
    one = listener(MIDNIGHT)
    p = MIDNIGHT + 1
    one.advance_to(MIDNIGHT)
    end = SITE.slot_start_us(p, SITE.slots) + 100_000 + SITE.airtime_us(7 + len(fragments[0]))
    first, second, other = ERA % 8, (ERA + 1) % 8, (ERA + 5) % 8

    def hear(member: int, j: int, n: int = len(blob)) -> Reason:
        frame = seal_fragment(SITE, KEY, p, member, j, n, fragments[j])
        return one.hear(end, frame).reason

    assert hear(second, 0) == Reason.OK
    assert hear(second, 0) == Reason.DUPLICATE
    assert [hear(other, j) for j in range(k)] == [Reason.OK] * k
    assert hear(second, 1, len(blob) - k) == Reason.BLOB
    assert one.events == Counter()
    assert [hear(first, j) for j in range(k)] == [Reason.OK] * k
    assert one.events == Counter(adopted=1)
    assert [hear(m, k) for m in (first, second, other)] == [Reason.OK] * 3
    assert one.events == Counter(adopted=1)
    assert not one.state.absent.any()


def test_a_faulty_blob_is_refused_once() -> None:
    """With K fragments of nonsense the era's collecting ends, and the state stays."""
    one = listener(MIDNIGHT)
    one.advance_to(MIDNIGHT)
    before, p = one.digest, MIDNIGHT + 1
    fragments = cut(bytes(range(1, 81)))
    end = SITE.slot_start_us(p, SITE.slots) + 100_000 + SITE.airtime_us(7 + len(fragments[0]))
    frames = [seal_fragment(SITE, KEY, p, 1, j, 80, f) for j, f in enumerate(fragments)]
    reasons = [one.hear(end, frame).reason for frame in frames]
    assert reasons == [Reason.OK, Reason.BLOB, Reason.OK, Reason.OK, Reason.OK]
    assert one.digest == before


def test_trials_are_limited() -> None:
    """After so many tags in a phase frames are refused unread; a new phase is free again."""
    net = Net(SITE, MIDNIGHT + 4)
    net.run(9)
    one = Replica(SITE, KEY, first_phase=MIDNIGHT + 4, trial_limit=3)
    good = [s for s in net.sent if s.kind == "report"]
    now = good[0].rx_end_us
    noise = [one.hear(now, b"\x0f" * 14).reason for _ in range(4)]
    assert noise[:2] != [Reason.LIMIT] * 2
    for _ in range(4):
        one.hear(now, b"\x0f" * 20)
    assert one.hear(now, good[0].frame).reason == Reason.LIMIT
    one.advance_to(MIDNIGHT + 4)
    assert one.hear(good[2].rx_end_us, good[2].frame).reason == Reason.OK


def test_a_full_log_moves_its_base() -> None:
    """With room for eight reports the oldest phases are folded into base; the state is the same."""
    net = Net(SITE, MIDNIGHT + 4)
    small = listener(MIDNIGHT + 4, log_capacity=8)
    net.listeners.append(small)
    net.run(40)
    assert small.n_logged <= 8
    assert len(net.digests()) == 1
    early = net.sent[0]
    assert small.hear(early.rx_end_us, early.frame).reason == Reason.WINDOW


def test_a_receiver_without_slot_does_not_send() -> None:
    """Asking a listener for frames, or a member in another's phase, is a mistake of the caller."""
    with pytest.raises(ValueError, match="self_index = None"):
        listener(MIDNIGHT).decide([None] * 4)
    member = Replica(SITE, KEY, 1, first_phase=MIDNIGHT)
    with pytest.raises(ValueError, match="must be one of member 1's own"):
        member.decide([None] * 4)


def test_the_clock_follows_the_field() -> None:
    """
    A crystal that is 20 ppm slow is found out: offsets below 1 ms and half the rate.

    In the steady state the loop adds to corr what the crystal loses, T = 9000 us in a phase of
    450 s: rate * T' - e / 4 = T with the rate held up against its leak, e / 32 = -rate * T' / 64
    (both per phase), so e = -rate * T' / 2 and rate * T' * (1 + 1/8) = T: rate = 17778e-9 and an
    offset of -4000 us. Tolerance 1 %.
    """
    clock, phase_us = FieldClock(), 450_000_000
    offset = 0
    for p in range(1000):
        own_us = p * phase_us - p * 9000
        offset = own_us + clock.corr_us - p * phase_us
        clock.take(offset)
        clock.commit(phase_us)
    assert clock.rate == pytest.approx(17_778, rel=0.01)
    assert offset == pytest.approx(-4000, rel=0.01)


def test_the_clock_takes_the_middle_of_the_first_offsets() -> None:
    """The median, bounded to 200 ms, counts a quarter at once; one liar in three does no harm."""
    clock = FieldClock()
    for offset in (10_000_000, 400, 404):
        clock.take(offset)
    clock.commit(10**12)
    assert clock.corr_us == -101
    for offset in (10_000_000, 10_000_000, 0):
        clock.take(offset)
    clock.commit(10**12)
    assert clock.corr_us == -101 - 50_000 - 6_000
    assert clock.rate == -6
