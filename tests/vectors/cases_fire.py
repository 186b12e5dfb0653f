# SPDX-License-Identifier: Apache-2.0
"""Vectors of fire weather: its functions, judgements, and the tolerance that follows (SPEC 5.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from qres.reference import State, fire, grade, judge
from tests.vectors.as_json import Json, state_to_json, vector
from tests.vectors.cases_fire_runs import fire_runs, seasoned, settle
from tests.vectors.cases_fold import SITES
from tests.vectors.cases_report import decision, near, settled
from tests.vectors.fields import Lcg

__all__ = ["fire_vectors", "hour_in_wind", "isi_in_wind"]

ONE = 1 << 16

Weather = tuple[int, int, int, int, int]


def fire_vectors() -> Iterator[Json]:
    """All vectors of fire.json."""
    yield from _functions()
    yield from _points()
    yield from fire_runs()
    yield from _judgements()
    yield from _follow()


# ---- functions


def _table(
    kind: str, function: Callable[..., int], names: tuple[str, ...], rows: Iterable[tuple[int, ...]]
) -> Iterator[Json]:
    """One vector for each row of arguments."""
    for n, row in enumerate(rows):
        said = ", ".join(f"{name} = {x}" for name, x in zip(names, row, strict=True))
        yield vector(f"{kind.replace('_', '-')}-{n:03}", kind, said, "5.5",
                     **dict(zip(names, row, strict=True)), result=function(*row))  # fmt: skip


def isi_in_wind(fuel: int, wind: int) -> int:
    """Initial Spread Index in a wind [m/s]."""
    return fire.isi(fuel, fire.wind_km_h(wind))


def hour_in_wind(fuel: int, temp: int, rh: int, wind: int, rain: int) -> int:
    """Moisture of litter after an hour of a wind [m/s]."""
    return fire.hour(fuel, temp, rh, fire.wind_km_h(wind), rain)


def _functions() -> Iterator[Json]:
    weather = list(_weather())
    powers = [
        0, 1, -1, 65_535, 65_536, -65_536, -98_304, 123_456, -123_456, 12 * ONE,
        -16 * ONE, -17 * ONE, -30 * ONE, -31 * ONE, -31 * ONE - 1, -42_940_563_456,
    ]  # fmt: skip
    yield from _table("ex2", fire.ex2, ("y",), [(y,) for y in powers])
    numbers = [1, 2, 3, 4096, 6554, 65_535, 65_536, 65_537, 98_304, 16_384_000, 2**31 - 1]
    yield from _table("lg2", fire.lg2, ("x",), [(x,) for x in numbers])
    yield from _table("vpd", fire.vpd, ("temp", "rh"), sorted({w[1:3] for w in weather}))
    fuels = sorted({w[0] for w in weather})
    yield from _table("ffmc", fire.ffmc, ("fuel",), [(m,) for m in fuels])
    speeds = [(w[0], w[3]) for w in weather]
    yield from _table("isi", isi_in_wind, ("fuel", "wind"), sorted(set(speeds)))
    names = ("fuel", "temp", "rh", "wind", "rain")
    yield from _table("fuel_hour", hour_in_wind, names, list(weather))


def _weather() -> Iterator[Weather]:
    """Fuel, temperature, humidity, wind [m/s] and rain: ends, turning points and chance."""
    mild = (1_068_729, 20 * ONE, 45 * ONE, 4 * ONE, 0)
    yield mild
    for at, values in enumerate((
        (4096, 8 * ONE, 150 * ONE, 150 * ONE + 1, 200 * ONE, 250 * ONE),
        (-60 * ONE, -1, 0, 1_382_810, 40 * ONE, 85 * ONE),
        (0, 1, 10 * ONE, 99 * ONE, 100 * ONE),
        (0, 1, 1_820_444, 1_820_445, 75 * ONE),
        (1, 13_107, 32_768, 5 * ONE, 100 * ONE),
    )):  # fmt: skip
        for value in values:
            yield (*mild[:at], value, *mild[at + 1 :])  # type: ignore[misc]
    yield 4096, 85 * ONE, 0, 75 * ONE, 0
    yield 250 * ONE, -60 * ONE, 100 * ONE, 0, 100 * ONE
    yield 250 * ONE, 85 * ONE, 0, 75 * ONE, 0
    yield 200 * ONE, 10 * ONE, 100 * ONE, 75 * ONE, 50 * ONE
    lcg = Lcg(55)
    for n in range(24):
        yield (
            lcg.between(4096, (5 + 10 * n) * ONE),
            lcg.between(-60 * ONE, 85 * ONE),
            lcg.between(0, 100 * ONE),
            lcg.between(0, 75 * ONE),
            lcg.between(1, 20 * ONE) * (n % 3 == 0),
        )


def _points() -> Iterator[Json]:
    """Points for levels that are exceeded once in so many hours."""
    start = (98_304, 196_608, 294_912)
    points = [-1, 0, 1, 98_303, 98_304, 150_000, 196_608, 250_000, 294_912, 300_000, 400_000]
    levels: list[tuple[int, tuple[int, int, int]]] = [(s, start) for s in (*points, 4_194_304)]
    levels += [(s, (65_536, 65_536, 65_536)) for s in (65_535, 65_536, 70_000)]
    levels += [(s, (200_000, 150_000, 100_000)) for s in (120_000, 180_000, 220_000)]
    for n, (s, rare) in enumerate(levels):
        yield vector(f"grade-{n:03}", "grade", f"s = {s}", "5.5", s=s, rare=list(rare),
                     result=grade(s, rare))  # fmt: skip


# ---- judgements


def _judgement(n: int, what: str, name: str, state: State) -> Json:
    """What a state says of its members."""
    got = judge(SITES[name], state)
    return vector(
        f"judge-{n:03}",
        "judge",
        what,
        "5.5",
        site=name,
        state=state_to_json(state),
        regime=got.regime,
        field_anomaly=got.field_anomaly,
        ffmc=list(got.ffmc),
        vpd=list(got.vpd),
        isi=list(got.isi),
        anomaly=list(got.anomaly),
        weather=list(got.weather),
        local=list(got.local),
        cause=list(got.cause),
    )


def _judgements() -> Iterator[Json]:
    calm = settle("twelve")
    hot = settle("twelve", temp_degc=38, rh_pct=8, wind_m_s=14, fuel_pct=3)
    yield _judgement(0, "nothing known of anybody", "twelve", State.initial(SITES["twelve"], 1))
    yield _judgement(1, "calm", "twelve", calm)
    yield _judgement(2, "hot, dry and windy as never: weather", "twelve", hot)
    yield _judgement(3, "the same, but the climate is known for 6 days", "twelve",
                     seasoned(hot, days=6))  # fmt: skip
    damp = hot.copy()
    if damp.fire:
        damp.fire.fuel[:] = 40 * ONE
    yield _judgement(4, "the same weather over wet litter: less danger", "twelve", damp)
    yield _judgement(5, "warm and dry against the neighbours: heat", "twelve",
                     _unlike(calm, 5, 9 * ONE, -40 * ONE))  # fmt: skip
    yield _judgement(6, "warm alone: a sensor", "twelve", _unlike(calm, 5, 9 * ONE, 0))
    yield _judgement(7, "warm and wet: a sensor", "twelve", _unlike(calm, 5, 9 * ONE, 40 * ONE))
    yield _judgement(8, "cold and dry: a sensor", "twelve", _unlike(calm, 5, -9 * ONE, -40 * ONE))
    lone = _unlike(calm, 5, 9 * ONE, -40 * ONE)
    lone.last_report[5] = lone.phase - SITES["twelve"].stale_after - 1
    yield _judgement(9, "the same as heat, but stale", "twelve", lone)
    gone = calm.copy()
    for field in (gone.value, gone.last, gone.slow):
        field[2, 0] = field[3, 1] = field[4, 2] = field[6, 3] = 0
    gone.absent[2, 0] = gone.absent[3, 1] = gone.absent[4, 2] = gone.absent[6, 3] = True
    yield _judgement(10, "sensors absent here and there", "twelve", gone)
    yield _judgement(11, "three members: too few neighbours", "few",
                     _unlike(settle("few"), 1, 9 * ONE, -40 * ONE))  # fmt: skip
    yield _judgement(12, "four members: just enough", "follow",
                     _unlike(settle("follow"), 1, 9 * ONE, -40 * ONE))  # fmt: skip
    yield _judgement(13, "no wind anywhere", "bare", settle("bare", temp_degc=30, rh_pct=20))
    for n, name in enumerate(("epoch-600", "epoch-2400", "epoch-3456")):
        yield _judgement(14 + n, "late in the day", name,
                         settle(name, temp_degc=28, rh_pct=30, at=0.77))  # fmt: skip
    far = calm.copy()
    far.value[0], far.value[1], far.value[2] = 2**31 - 1, -(2**31), 2**30
    yield _judgement(17, "values that no sensor means", "twelve", far)


def _unlike(state: State, i: int, d_temp: int, d_rh: int) -> State:
    """Member *i* is warmer and moister than it was by so much."""
    new = state.copy()
    new.value[i, 0] += d_temp
    new.value[i, 1] += d_rh
    return new


# ---- SPEC 6.2: the tolerance follows the danger


def _follow() -> Iterator[Json]:
    site = SITES["follow"]
    state = settled(site)
    if state.fire is None:
        raise AssertionError("the site must be a fire site")
    n = 0
    for regime, edges in enumerate((2 * ONE, ONE, 5 * ONE // 8)):
        now = replace(state, fire=replace(state.fire, regime=regime))
        for beyond, word in ((0, "silence: at the limit"), (1, "beyond the limit")):
            samples = near(site, now, 0, 0, 0, 0, 0)
            samples[0] = int(now.value[0, 0]) + edges + beyond
            yield decision(n, f"temperature in regime {regime}, {word}", now, samples, [0] * 4,
                           name="follow", prefix="follow", spec="6.2")  # fmt: skip
            n += 1
            samples = near(site, now, 0, 0, 0, 0, 0)
            samples[3] = int(now.value[0, 3]) + ONE + beyond
            yield decision(n, f"rain in regime {regime}, {word}", now, samples, [0] * 4,
                           name="follow", prefix="follow", spec="6.2")  # fmt: skip
            n += 1
    strict = near(site, state, 0, 0, 0, 0, 0)
    strict[1] = int(state.value[0, 1]) - 10 * ONE - 1
    yield decision(n, "humidity in calm weather, beyond twice its tolerance", state, strict,
                   [0] * 4, name="follow", prefix="follow", spec="6.2")  # fmt: skip
