# SPDX-License-Identifier: Apache-2.0
"""Vectors of fire hours: runs of commits over days, regimes, gaps and rain (SPEC 5.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from qres.reference import RefSite, Report, State, commit
from qres.reference.channel import RAIN, RH, TEMP, WIND
from tests.vectors.as_json import Json
from tests.vectors.cases_fold import DAY, SITES, commits_vector
from tests.vectors.fields import run_field

__all__ = ["fire_runs", "seasoned", "settle"]

ONE = 1 << 16

Steps = list[tuple[list[Report], State]]


def seasoned(state: State, days: int = 9) -> State:
    """A state that has known its climate for so many days."""
    if state.fire is None:
        raise AssertionError("the site must be a fire site")
    fire = replace(
        state.fire,
        days=days,
        usual=(-60_000, -80_000, -20_000, 60_000, 130_000, 150_000, 70_000, 0),
        spread=(20_000, 18_000, 25_000, 40_000, 45_000, 47_000, 30_000, 25_000),
        apart=((40_000, 50_000, 60_000, 45_000), (200_000, 250_000, 300_000, 220_000)),
    )
    return replace(state, fire=fire)


def settle(
    name: str,
    *,
    temp_degc: int = 18,
    rh_pct: int = 55,
    wind_m_s: int = 3,
    fuel_pct: int = 12,
    at: float = 0.6,
    days: int = 9,
) -> State:
    """All members report about the same weather; so far through the day."""
    site = SITES[name]
    p = site.era_start(DAY) + int(site.phases_per_day * at)
    state = seasoned(State.initial(site, p), days)
    state.absent[:] = False
    state.last_report[:] = p - 3
    typical = {TEMP: temp_degc, RH: rh_pct, WIND: wind_m_s, RAIN: 20}
    for c, channel in enumerate(site.channels):
        own = np.arange(site.n_members) * 7919 % 21 - 10
        state.value[:, c] = typical[channel.role] * ONE + own * channel.step // 8
        state.last[:, c] = state.value[:, c]
        state.slow[:, c] = state.value[:, c] - own * channel.step // 16
    if state.fire:
        state.fire.fuel[:] = fuel_pct * ONE
        state.fire.mark[:] = 0 if site.channel_of(RAIN) is None else state.value[:, -1]
    return state


def fire_runs() -> Iterator[Json]:
    """All vectors of runs."""
    yield from _regimes()
    yield from _rain()
    yield from _gaps()
    yield from _epochs()


def _run(vector_id: str, what: str, name: str, start: State, steps: Steps,
         *, every_state: bool = False) -> Json:  # fmt: skip
    """A run of commits."""
    return commits_vector(f"fire-{vector_id}", what, name, start, steps,
                          every_state=every_state, spec="4 and 5.5")  # fmt: skip


def _told(site: RefSite, state: State, weather: dict[int, float]) -> list[Report]:
    """Every member of the next phase reports this weather, by role; others are not included."""
    reports = []
    for i in site.of_phase((state.phase + 1) % 4):
        k = {
            c: round(weather[channel.role] * ONE / channel.step) + (i % 3 - 1)
            for c, channel in enumerate(site.channels)
            if channel.role in weather
        }
        mask = sum(1 << c for c in k)
        reports.append(Report(i, mask, 0, tuple(k[c] for c in sorted(k))))
    return reports


def _told_for(site: RefSite, state: State, hours: list[dict[int, float]]) -> Steps:
    """One weather after the other, an epoch each."""
    steps: Steps = []
    for weather in hours:
        for _ in range(4):
            reports = _told(site, state, weather)
            state = commit(site, state, reports)
            steps.append((reports, state))
    return steps


def _regimes() -> Iterator[Json]:
    site = SITES["follow"]
    start = State.initial(site, site.era_start(DAY) + 31)
    hot = {TEMP: 37.0, RH: 10.0, WIND: 9.0, RAIN: 5.0}
    warm = {TEMP: 26.0, RH: 35.0, WIND: 4.0, RAIN: 5.0}
    wet = {TEMP: 12.0, RH: 95.0, WIND: 1.0, RAIN: 30.0}
    hours = [hot] * 5 + [warm] * 2 + [hot] + [wet] * 9
    yield _run("000", "calm to red, and by lulls of 6 hours down again", "follow", start,
               _told_for(site, start, hours), every_state=False)  # fmt: skip
    yield _run("001", "two hours, every state", "follow", start,
               _told_for(site, start, [hot, warm]), every_state=True)  # fmt: skip


def _rain() -> Iterator[Json]:
    site = SITES["few"]
    dry = {TEMP: 22.0, RH: 50.0, WIND: 3.0}
    totals = [10.0, 10.0, 12.4, 60.0, 59.0, 0.0, 0.4, 250.0, 250.0, 0.0, 6000.0]
    start = State.initial(site, site.era_start(DAY) + 7)
    yield _run("010", "rain counter: falls, stands still, is reset, jumps by more than 100 mm",
               "few", start, _told_for(site, start, [dry | {RAIN: x} for x in totals]))  # fmt: skip
    steps: Steps = []
    state = start
    for epoch in range(6):
        for _ in range(4):
            reports = _told(site, state, dry | {RAIN: 4.0 * epoch})
            for n, r in enumerate(reports):
                if r.member == 1:  # never had a gauge
                    reports[n] = Report(1, 7, 0, r.k[:3])
                elif r.member == 2 and epoch == 2:  # gives its gauge up, and gets it back
                    reports[n] = Report(2, 7, 8, r.k[:3])
            state = commit(site, state, reports)
            steps.append((reports, state))
    yield _run("011", "one member without gauge has the mean; another's gauge goes and comes",
               "few", start, steps)  # fmt: skip


def _gaps() -> Iterator[Json]:
    twelve = SITES["twelve"]
    begin = seasoned(State.initial(twelve, twelve.era_start(DAY + 1) - 22))
    yield _run("020", "climate known for 9 days, through a midnight", "twelve", begin,
               run_field(twelve, begin, 32, 21))  # fmt: skip
    yield _run("021", "sensors come and go", "twelve", begin,
               run_field(twelve, begin, 24, 22, lose=3, talkative=8))  # fmt: skip
    quiet = settle("twelve")
    quiet.last_report[::2] = quiet.phase - twelve.stale_after
    quiet.last_report[1] = quiet.phase - twelve.stale_after + 6
    silent: Steps = []
    state = quiet
    for _ in range(16):
        state = commit(twelve, state, [])
        silent.append(([], state))
    yield _run("022", "half of the members are stale, then nearly all", "twelve", quiet, silent)
    for n, name in enumerate(("bare", "few", "follow")):
        site = SITES[name]
        early = seasoned(State.initial(site, site.era_start(DAY + 1) - 14), days=7 - n)
        yield _run(f"{23 + n:03}", f"{site.n_members} members, climate known for {7 - n} days",
                   name, early, run_field(site, early, 24, 23 + n, lose=9))  # fmt: skip
    far = settle("twelve")
    far.value[0], far.value[1], far.value[2] = 2**31 - 1, -(2**31), 2**30
    yield _run("026", "values that no sensor means", "twelve", far,
               run_field(twelve, far, 8, 26))  # fmt: skip
    extreme = settle("twelve", temp_degc=38, rh_pct=8, wind_m_s=14, fuel_pct=3, days=255)
    yield _run("027", "255 days, weather as never", "twelve", extreme,
               run_field(twelve, extreme, 8, 27))  # fmt: skip
    for n, (what, level) in enumerate((("floor", 32_768), ("ceiling", 524_288))):
        ends = (level, min(2 * level, level + 16_384), min(4 * level, level + 32_768))
        state = settle("twelve") if n == 0 else far
        if state.fire:
            state = replace(state, fire=replace(state.fire, rare=(ends, ends)))
        yield _run(f"{28 + n:03}", f"rare levels at their {what}", "twelve", state,
                   run_field(twelve, state, 8, 28 + n))  # fmt: skip


def _epochs() -> Iterator[Json]:
    for n, (name, phases) in enumerate((
        ("coarse", 104), ("epoch-600", 60), ("epoch-900", 48), ("epoch-2400", 24),
        ("epoch-3456", 28),
    )):  # fmt: skip
        site = SITES[name]
        start = seasoned(State.initial(site, site.era_start(DAY + 1) - 1 - phases // 2))
        yield _run(f"{30 + n:03}", f"epochs of {site.epoch_s} s, through a midnight", name, start,
                   run_field(site, start, phases, 30 + n, talkative=4))  # fmt: skip
