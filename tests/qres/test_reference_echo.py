# SPDX-License-Identifier: Apache-2.0
"""The echo in the reference: bits, choice of the sender, reading, one entry (SPEC 6.5)."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qres.reference import (
    NO_ECHO,
    Echo,
    Entry,
    History,
    Key,
    RefChannel,
    RefusedError,
    Report,
    State,
    choose_echo,
    choose_report,
    decode_echo,
    encode_echo,
    low_bits,
    predicted_k,
    read_low,
)
from tests.vectors.fields import Lcg, make_site, random_reports, run_field, tiny_channels

SITE = make_site(12, echo=True)
PLAIN = replace(SITE, echo=False)
P0 = 20_000 * SITE.phases_per_day + 8
STATE = run_field(SITE, State.initial(SITE, P0 - 1), 12, 1, lose=10**6, talkative=10)[-1][1]
"""Everything present; the next phase is one of f = 0."""

LOW = st.tuples(*(st.integers(0, 31) for _ in range(3)))
ECHOES = st.builds(Echo, st.integers(1, 15), st.integers(0, 31), LOW)


# ---- bits


@pytest.mark.parametrize(("n_primaries", "echo_bytes"), [(1, 2), (2, 3), (3, 3), (4, 4)])
def test_every_length_grows_by_the_echo(n_primaries: int, echo_bytes: int) -> None:
    """All forms and REPORT_MAX are longer by ceil((9 + 5P)/8), with and without a rider."""
    one = tiny_channels()[0]
    rider = RefChannel(one.tol, one.step, one.lo, one.hi, 0, 0, one.w0)
    for riders in ((), (rider,), (rider, rider)):
        with_echo = make_site(1, channels=(one,) * n_primaries + riders, echo=True)
        without = replace(with_echo, echo=False)
        assert (with_echo.echo_bytes, without.echo_bytes) == (echo_bytes, 0)
        grown = {form: n + echo_bytes for form, n in without.form_bytes.items()}
        assert with_echo.form_bytes == grown
        for n in range(n_primaries + len(riders) + 1):
            assert with_echo.x_bytes(n) == without.x_bytes(n) + echo_bytes
        assert with_echo.report_max == without.report_max + echo_bytes


def test_fire_weather_with_echo() -> None:
    """An S report has 9 bytes on air, as SPEC 6.5 says, and the slots are longer."""
    assert 4 + SITE.form_bytes["S"] == 9
    assert SITE.slot_us > PLAIN.slot_us


def test_the_echo_makes_another_site() -> None:
    """Whether there is an echo enters the site hash."""
    assert SITE.site_hash != PLAIN.site_hash


@given(ECHOES)
def test_bits_of_the_echo(echo: Echo) -> None:
    """Age in bits 0..3, slot in 4..8, low from bit 9 on; what is written is read."""
    data = encode_echo(SITE, echo)
    a, b, c = echo.low
    assert int.from_bytes(data, "little") == echo.age | echo.slot << 4 | a << 9 | b << 14 | c << 19
    assert decode_echo(SITE, data) == (echo, "")


@given(st.binary(min_size=4, max_size=4))
def test_any_bits_are_an_echo_or_refused(data: bytes) -> None:
    """Pad bits are 0, and all bits if age is 0; everything else can be written again."""
    four = make_site(1, channels=tiny_channels() * 4, echo=True)
    echo, problem = decode_echo(four, data)
    valid = data[3] < 32 and (data[0] & 15 > 0 or not any(data))
    assert (problem == "") == valid
    assert encode_echo(four, echo) == data or not valid


def test_a_site_without_echo_carries_none() -> None:
    """No bytes, and an echo of something is the caller's mistake."""
    assert encode_echo(PLAIN, NO_ECHO) == b""
    assert decode_echo(PLAIN, b"") == (NO_ECHO, "")
    with pytest.raises(ValueError, match="age = 1: must be 0 on a site without echo"):
        encode_echo(PLAIN, Echo(1, 0, (0, 0, 0)))
    with pytest.raises(ValueError, match="must have 3 numbers"):
        encode_echo(SITE, Echo(1, 0, (0, 0)))


@pytest.mark.parametrize(
    ("age", "slot", "low"), [(16, 0, ()), (1, 32, ()), (1, 0, (32,)), (0, 1, ()), (0, 0, (0,))]
)
def test_an_echo_has_limits(age: int, slot: int, low: tuple[int, ...]) -> None:
    """Numbers that do not fit their bits, and contents of an echo of nothing, are refused."""
    with pytest.raises(ValueError, match="must be"):
        Echo(age, slot, low)


# ---- reading


@settings(max_examples=200)
@given(st.tuples(*(st.integers(-16, 15) for _ in range(3))), st.integers(0, 7))
def test_an_echo_restores_the_report(moves: tuple[int, int, int], absent: int) -> None:
    """Whoever agrees with the sender about phase q-1 reads its S report from the low bits."""
    assume(absent < 7)
    state = STATE.copy()
    samples: list[int | None] = []
    for c, move in enumerate((*moves, 0)):
        gone = bool(absent >> c & 1)
        state.absent[0, c] = gone
        if gone:
            state.value[0, c] = state.last[0, c] = state.slow[0, c] = 0
        k = predicted_k(SITE, state, 0, c) + move
        samples.append(None if gone else k * SITE.channels[c].step)
    misses = [9 * (x is None) for x in samples]
    chosen = choose_report(SITE, state, 0, samples, misses)
    if chosen is None:
        return
    form, report = chosen
    assert form == "S"
    assert read_low(SITE, state, 0, low_bits(SITE, report)) == report


def test_bits_of_absent_channels_say_nothing() -> None:
    """The state decides what is included; without a present primary there is no report."""
    state = STATE.copy()
    state.absent[0, 1] = True
    report = read_low(SITE, state, 0, (3, 31, 4))
    assert report == read_low(SITE, state, 0, (3, 0, 4))
    assert report is not None
    assert (report.included, report.absent) == (0b0101, 0b0010)
    state.absent[0, :3] = True
    assert read_low(SITE, state, 0, (3, 31, 4)) is None


@pytest.mark.parametrize(
    ("kp", "low", "k"),
    [(32767, 0, 32767), (32767, 30, 32766), (-32768, 31, -32768), (-32768, 1, -32767)],
)
def test_read_numbers_stay_in_int16(kp: int, low: int, k: int) -> None:
    """At the end of the number range the nearest k is clipped."""
    state = STATE.copy()
    state.value[0, 0] = kp * SITE.channels[0].step
    report = read_low(SITE, state, 0, (low, 0, 0))
    assert report is not None
    assert report.k[0] == k


# ---- the sender's choice


def s_entry(member: int, echoes: int = 0) -> Entry:
    """A report in form S whose low bits are the member's index."""
    return Entry("S", report=Report(member, 0b111, 0, (member,) * 3), echoes=echoes)


def chosen_key(log: dict[Key, Entry], own: int = 4) -> Key | None:
    """Whose report member *own* (phase 0, slot 1) repeats in phase P0."""
    chosen = choose_echo(SITE, log, P0, own)
    if chosen is None:
        return None
    (q, m), echo = chosen
    assert (echo.age, echo.slot) == (P0 - q, SITE.members[m].slot)
    return q, m


def test_the_fewest_echoes_come_first() -> None:
    """A report that was repeated less goes before a later one."""
    log = {(P0 - 1, 3): s_entry(3, 2), (P0 - 15, 1): s_entry(1, 1)}
    assert chosen_key(log) == (P0 - 15, 1)


def test_then_each_slot_takes_another() -> None:
    """Among equals, slot 0 takes the newest, slot 1 the next, and so on around."""
    log = {(P0 - 2, 2): s_entry(2), (P0 - 1, 3): s_entry(3), (P0 - 15, 1): s_entry(1)}
    wanted = [(P0 - 1, 3), (P0 - 2, 2), (P0 - 15, 1)]
    assert [chosen_key(log, own) for own in (0, 4, 8)] == wanted
    log[P0 - 3, 9] = s_entry(9, 1)
    assert [chosen_key(log, own) for own in (0, 4, 8)] == wanted
    del log[P0 - 15, 1]
    assert [chosen_key(log, own) for own in (0, 4, 8)] == [*wanted[:2], wanted[0]]


def test_within_a_phase_the_last_member_comes_first() -> None:
    """Of one phase the greatest index is the first, whatever the order of arrival."""
    for members in ((3, 7, 11), (11, 3, 7)):
        log = {(P0 - 1, m): s_entry(m) for m in members}
        keys = [chosen_key(log, own) for own in (0, 4, 8)]
        assert keys == [(P0 - 1, m) for m in (11, 7, 3)]


def test_ones_own_reports_take_no_place() -> None:
    """The places are counted among the reports of others."""
    log = {(P0 - 4, m): s_entry(m) for m in (0, 4, 8)}
    assert [chosen_key(log, own) for own in (0, 4, 8)] == [(P0 - 4, m) for m in (8, 0, 4)]


def test_what_is_repeated() -> None:
    """Only decoded S reports of others, of the 15 phases before, or known from an echo."""
    log = {
        (P0, 0): s_entry(0),
        (P0 + 1, 1): s_entry(1),
        (P0 - 16, 0): s_entry(0),
        (P0 - 4, 4): s_entry(4),
        (P0 - 1, 3): replace(s_entry(3), form="R"),
        (P0 - 2, 2): Entry("S", frame=b"123456789"),
    }
    assert chosen_key(log) is None
    log[P0 - 15, 1] = Entry("S", low=(31, 0, 31), echoes=5)
    chosen = choose_echo(SITE, log, P0, 4)
    assert chosen == ((P0 - 15, 1), Echo(15, 0, (31, 0, 31)))


def test_low_bits_of_what_is_missing_are_0() -> None:
    """A primary that the report does not include is repeated as 0; a rider not at all."""
    assert low_bits(SITE, Report(0, 0b1101, 0, (-1, 33, 7))) == (31, 0, 1)


# ---- the log


def history(n_phases: int = 0, capacity: int | None = None) -> History:
    """A history in which everything is present, and so many silent phases are committed."""
    made = History(SITE, STATE, lambda *_: None, capacity)
    for _ in range(n_phases):
        made.advance()
    return made


def in_window(p: int, member: int, state: State, move: int) -> Report:
    """A report in form S of a member, by somebody who holds *state*."""
    assert SITE.members[member].phase == p % 4
    k = tuple(predicted_k(SITE, state, member, c) + move for c in SITE.primaries)
    return Report(member, 0b111, 0, k)


FIRST = STATE.phase + 1

Event = tuple[int, Report | Echo]


@st.composite
def arrivals(draw: st.DrawFn) -> list[Event]:
    """Reports and echoes of twelve phases, each report once, in any order."""
    lcg = Lcg(draw(st.integers(0, 2**32 - 1)))
    events: list[Event] = []
    state = STATE
    for p in range(FIRST, FIRST + 12):
        reports = random_reports(SITE, state, lcg)
        events += [(p, r) for r in reports]
        state = state.copy(phase=p)
    events += draw(st.lists(st.tuples(st.integers(FIRST, FIRST + 11), ECHOES), max_size=20))
    return draw(st.permutations(events))


def after(events: list[Event], committed: int) -> History:
    """The end of a history of twelve phases in which all is heard after so many."""
    made = history(committed)
    waiting = list(events)
    while waiting or made.state.phase < FIRST + 11:
        now = [e for e in waiting if e[0] <= made.state.phase + 2]
        for event in now:
            waiting.remove(event)
            p, what = event
            if isinstance(what, Report):
                made.add_report(p, "S" if what.included == 0b111 else "X", what)
            else:
                made.add_echo(p, what, {None})
        if made.state.phase < FIRST + 11:
            made.advance()
    return made


@settings(max_examples=60)
@given(arrivals(), st.randoms(use_true_random=False), st.integers(0, 12))
def test_order_plays_no_part(events: list[Event], chance: Random, committed: int) -> None:
    """Reports and echoes in another order, before or after the commits, give the same log."""
    other = list(events)
    chance.shuffle(other)
    one, two = after(events, 0), after(other, committed)
    assert one.log == two.log
    assert one.digests == two.digests


@pytest.mark.parametrize("committed", [0, 1, 5])
def test_the_original_takes_the_place_of_its_echo(committed: int) -> None:
    """The state with the echo is that with the report; the report keeps the echoes, once."""
    report = in_window(FIRST, 4, STATE, 9)
    echo = Echo(2, SITE.members[4].slot, low_bits(SITE, report))
    heard, told = history(committed), history(committed)
    heard.add_report(FIRST, "S", report)
    told.add_echo(FIRST + 2, echo, {None})
    told.add_echo(FIRST + 3, replace(echo, age=3), {None})
    assert told.log == {(FIRST, 4): Entry("S", low=echo.low, echoes=2)}
    for both in (heard, told):
        while both.state.phase < FIRST + 5:
            both.advance()
    assert told.digests == heard.digests
    assert told.digests != history(6).digests
    told.add_report(FIRST, "S", report)
    assert told.log == {(FIRST, 4): Entry("S", report=report, echoes=2)}
    assert told.digests == heard.digests
    with pytest.raises(RefusedError, match="duplicate"):
        told.add_report(FIRST, "S", report)


def test_a_wrong_reading_ends_when_the_original_comes() -> None:
    """Read against another state the low bits mean another k; the report itself mends it."""
    sender = STATE.copy()
    sender.value[4, 0] += 40 * SITE.channels[0].step
    report = in_window(FIRST, 4, sender, 5)
    told, heard = history(3), history(3)
    told.add_echo(FIRST + 1, Echo(1, 1, low_bits(SITE, report)), {None})
    heard.add_report(FIRST, "S", report)
    assert told.digests != heard.digests
    told.add_report(FIRST, "S", report)
    assert told.digests == heard.digests


def test_every_entry_counts_its_echoes() -> None:
    """Reports in any form and undecoded frames count; nothing else about them changes."""
    one = history(3)
    x = Report(0, 0b1111, 0, (1, 2, 3, 4))
    one.add_report(FIRST, "X", x)
    one.keep_undecoded(FIRST, 4, "S", b"123456789")
    for slot in (0, 1, 1):
        one.add_echo(FIRST + 1, Echo(1, slot, (7, 7, 7)), {None})
    assert one.log == {
        (FIRST, 0): Entry("X", report=x, echoes=1),
        (FIRST, 4): Entry("S", frame=b"123456789", echoes=2),
    }


def test_what_is_repeated_counts() -> None:
    """A sender counts its own echoes, so that it goes round; without candidates age is 0."""
    one = history(2)
    assert one.repeat(FIRST + 2, 2) == NO_ECHO
    for m in (0, 4):
        one.add_report(FIRST, "S", in_window(FIRST, m, STATE, m))
    slots = [one.repeat(FIRST + 2, 2).slot for _ in range(4)]
    assert slots == [1, 0, 1, 0]
    assert [e.echoes for e in one.log.values()] == [2, 2]


def test_a_full_log_takes_no_echo_of_older_phases() -> None:
    """Older phases are folded into base for an echo, its own and later ones are not."""
    one = history(4, capacity=2)
    one.add_report(FIRST + 2, "S", in_window(FIRST + 2, 2, STATE, 3))
    one.add_report(FIRST + 3, "S", in_window(FIRST + 3, 3, STATE, 3))
    before, log = dict(one.digests), dict(one.log)
    one.add_echo(FIRST + 4, Echo(2, 1, (1, 2, 3)), {None})
    assert (one.log, one.digests, one.moved) == (log, before, False)
    one.add_echo(FIRST + 4, Echo(1, 1, (1, 2, 3)), {None})
    assert set(one.log) == {(FIRST + 3, 3), (FIRST + 3, 7)}
    assert (one.base.phase, one.moved) == (FIRST + 2, True)
