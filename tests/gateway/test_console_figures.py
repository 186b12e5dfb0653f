# SPDX-License-Identifier: Apache-2.0
"""The figures behind the page: VPD, extremes, verdicts, rates and errors."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest

from qres_gateway.console.series import newest, series_stats, vpd_series
from qres_gateway.console.summary import summarise
from qres_gateway.console.view import Channel, Node, RfWindow, Series, Snapshot, vpd_kpa
from tests.gateway.fake_console import HOUR_US, START_US, FakeConsole, flemish_places

# source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, Annex 2, Table 2.3. [kPa]
# Their saturation formula has other constants than ours; both agree to 0.003 kPa up to 40 degC.
FAO56_SATURATION_KPA = {1.0: 0.657, 10.0: 1.228, 20.0: 2.338, 30.0: 4.243, 40.0: 7.376}


@pytest.mark.parametrize(("temp_degc", "saturation_kpa"), list(FAO56_SATURATION_KPA.items()))
def test_vpd_of_dry_air_is_the_saturation_pressure(temp_degc: float, saturation_kpa: float) -> None:
    """With no humidity VPD is the saturation pressure, as FAO-56 prints it."""
    assert vpd_kpa(temp_degc, 0.0) == pytest.approx(saturation_kpa, abs=0.003)
    assert vpd_kpa(temp_degc, 50.0) == pytest.approx(saturation_kpa / 2, abs=0.0015)
    assert vpd_kpa(temp_degc, 100.0) == 0.0


def snapshot(hours: float = 14.0) -> Snapshot:
    """28 healthy nodes."""
    return FakeConsole(flemish_places(), lambda: START_US + round(hours * HOUR_US)).snapshot()


def with_node(base: Snapshot, index: int, **changes: object) -> Snapshot:
    """The same with one node changed."""
    nodes: list[Node] = list(base.nodes)
    nodes[index] = msgspec.structs.replace(nodes[index], **changes)
    return msgspec.structs.replace(base, nodes=tuple(nodes))


def test_extremes_name_their_node() -> None:
    """The hottest, driest and windiest are found with the node that holds them."""
    base = snapshot()
    now = with_node(with_node(base, 7, temp_degc=45.0, vpd_kpa=9.0), 9, rh_pct=3.0, wind_m_s=30.0)
    summary = summarise(now)
    found = [summary.max_temp_degc, summary.max_vpd_kpa, summary.min_rh_pct, summary.max_wind_m_s]
    assert [(e.value, e.node) for e in found if e is not None] == [
        (45.0, 7),
        (9.0, 7),
        (3.0, 9),
        (30.0, 9),
    ]


@pytest.mark.parametrize("provenance", ["stale", "diverged", "unknown"])
def test_dead_nodes_set_no_extreme(provenance: str) -> None:
    """A value that nobody vouches for now is not shown as the field's maximum now."""
    now = with_node(snapshot(), 7, temp_degc=99.0, provenance=provenance)
    extreme = summarise(now).max_temp_degc
    assert extreme is not None
    assert extreme.node != 7


def test_no_live_value_is_no_extreme() -> None:
    """Where nobody measures wind there is no windiest node, not one with 0."""
    now = snapshot()
    calm = tuple(msgspec.structs.replace(node, wind_m_s=None) for node in now.nodes)
    assert summarise(msgspec.structs.replace(now, nodes=calm)).max_wind_m_s is None


def test_verdicts() -> None:
    """Divergence outranks silence and loss, these outrank health; unheard is waited for."""
    base = snapshot()
    assert summarise(base).state == "healthy"
    assert summarise(with_node(base, 1, provenance="stale")).state == "attention"
    assert summarise(with_node(base, 1, provenance="unknown")).state == "attention"
    both = with_node(with_node(base, 1, provenance="stale"), 2, provenance="diverged")
    assert summarise(both).state == "diverged"
    unequal = msgspec.structs.replace(
        base, health=msgspec.structs.replace(base.health, replicas_equal=False)
    )
    assert summarise(unequal).state == "attention"
    unheard = tuple(msgspec.structs.replace(n, provenance="unknown") for n in base.nodes)
    assert summarise(msgspec.structs.replace(base, nodes=unheard)).state == "waiting"
    assert summarise(msgspec.structs.replace(base, nodes=())).state == "waiting"


def radio(base: Snapshot, span_s: float, **changes: object) -> Snapshot:
    """The same with 512 bytes and 18 s on air in the last `span_s`."""
    window = RfWindow(span_s=span_s, bytes=512, frames=80, airtime_us=18_000_000)
    return msgspec.structs.replace(
        base, rf=msgspec.structs.replace(base.rf, last_hour=window, **changes)
    )


def test_rates_of_the_last_hour() -> None:
    """512 bytes in an hour are half of 1 KB/h; 18 s on air are 0.5 % of the channel."""
    summary = summarise(radio(snapshot(), 3600.0))
    assert summary.last_hour_rate == 512.0
    assert summary.promise_used == 0.5
    assert summary.channel_use_pct == 0.5


def test_rates_of_a_first_half_hour_are_per_hour() -> None:
    """A window that is not full yet is scaled, and below a quarter of an hour nothing is said."""
    assert summarise(radio(snapshot(), 1800.0)).last_hour_rate == 1024.0
    early = summarise(radio(snapshot(), 899.0))
    assert (early.last_hour_rate, early.promise_used, early.channel_use_pct) == (None, None, None)


def test_saving_compares_rates_since_the_start() -> None:
    """1400 bytes in 14 h against 4704 bytes an hour are 47.04 times fewer."""
    factor = summarise(radio(snapshot(), 3600.0, total_bytes=1400)).saving_factor
    assert factor == pytest.approx(47.04)
    assert summarise(radio(snapshot(), 3600.0, total_bytes=0)).saving_factor is None
    unknown = radio(snapshot(), 3600.0, periodic_bytes_per_hour=None)
    assert summarise(unknown).saving_factor is None


def series(
    channel: Channel, held: list[float | None], tolerance: float | list[float] | None
) -> Series:
    """A series at 10-min steps whose truth is 0.5 above what is held."""
    return Series(
        node=1,
        channel=channel,
        unit="x",
        time_us=[START_US + i * 600_000_000 for i in range(len(held))],
        reconstructed=held,
        true=[None if v is None else v + 0.5 for v in held],
        reported=[False] * len(held),
        tolerance=tolerance,
    )


def test_stats_skip_what_is_absent() -> None:
    """Samples without a value are no error of 0; tolerance may differ by sample."""
    stats = series_stats(series("temp_degc", [20.0, None, 21.0, None], [0.4, 0.4, 0.6, 0.4]))
    assert stats.error_now == stats.error_max == stats.error_rms == 0.5
    assert stats.outside_share == 0.5
    nothing = series_stats(series("temp_degc", [None, None], 1.0))
    assert (nothing.error_now, nothing.outside_share) == (None, None)


def test_newest_keeps_the_tolerance_beside_its_sample() -> None:
    """Trimming to a window trims a tolerance by sample too."""
    whole = series("temp_degc", [1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4])
    last = newest(whole, 1 / 6)
    assert last.reconstructed == [3.0, 4.0]
    assert last.tolerance == [0.3, 0.4]
    assert newest(series("temp_degc", [], 1.0), 1.0).time_us == []


def test_vpd_uses_the_times_that_both_have() -> None:
    """A time at which only one of temperature and humidity is known gives no VPD."""
    temp = series("temp_degc", [20.0, 21.0, None, 23.0], 1.0)
    rh = msgspec.structs.replace(
        series("rh_pct", [50.0, 40.0, 30.0], 5.0), time_us=temp.time_us[1:]
    )
    vpd = vpd_series(temp, rh)
    assert vpd.time_us == temp.time_us[1:]
    assert vpd.reconstructed == [vpd_kpa(21.0, 50.0), None, vpd_kpa(23.0, 30.0)]
    with pytest.raises(ValueError, match="rh must be of node 1, got node 2"):
        vpd_series(temp, msgspec.structs.replace(rh, node=2))


def test_vpd_without_tolerances_promises_none() -> None:
    """A tolerance for VPD is implied only by tolerances for both of its parts."""
    vpd = vpd_series(series("temp_degc", [20.0], None), series("rh_pct", [50.0], 5.0))
    assert vpd.tolerance is None


@pytest.mark.parametrize(
    ("temp_degc", "rh_pct"), list(itertools.product((-10.0, 15.0, 42.0), (2.0, 30.0, 98.0)))
)
def test_implied_vpd_tolerance_is_the_worst_case(temp_degc: float, rh_pct: float) -> None:
    """No truth within the tolerances of temperature and humidity gives a larger VPD error."""
    vpd = vpd_series(series("temp_degc", [temp_degc], 1.0), series("rh_pct", [rh_pct], 5.0))
    assert isinstance(vpd.tolerance, list)
    temps = temp_degc + np.linspace(-1.0, 1.0, 41)
    rhs = np.clip(rh_pct + np.linspace(-5.0, 5.0, 41), 0.0, 100.0)
    here = vpd_kpa(temp_degc, rh_pct)
    worst = max(abs(vpd_kpa(t, h) - here) for t in temps for h in rhs)
    assert vpd.tolerance[0] == pytest.approx(worst, abs=1e-12)
