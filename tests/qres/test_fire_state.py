# SPDX-License-Identifier: Apache-2.0
"""Fire weather of a replicated state, through the Python binding of the core."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qres import weather_file
from qres.core import Field, Replica
from qres.core_field import Field as DefiningField
from qres.fire_state import TOLERANCE_EIGHTHS, Cause, Regime
from qres.fire_weather.vpd import vpd_kpa
from qres.virtual.field import VirtualField
from qres.virtual.measure import run
from qres.virtual.sites import DEMO_KEY, site_for


def _field(*, follow: bool = False) -> VirtualField:
    weather = weather_file.demo()
    return VirtualField(site_for(weather, follow=follow), DEMO_KEY, weather)


def test_one_field_class() -> None:
    """`qres.core.Field` is the one of `qres.core_field`."""
    assert Field is DefiningField


def test_an_empty_field_knows_nothing() -> None:
    """Before the first report every index is unknown, nothing is dangerous and nobody counts."""
    weather = weather_file.demo()
    fire = Replica(site_for(weather), DEMO_KEY, int(weather.time_s[0]) * 1_000_000).fire
    assert np.isnan(fire.ffmc).all()
    assert np.isnan(fire.anomaly).all()
    assert (fire.nodes, fire.days, fire.regime) == (0, 0, Regime.CALM)
    assert np.isnan([fire.field_ffmc, fire.field_isi, fire.field_vpd_kpa]).all()
    assert set(fire.cause.tolist()) == {Cause.NONE}


def test_indices_of_a_field_that_runs() -> None:
    """VPD is that of the values held, to the fixed point's 0.005 kPa; the rest is in range."""
    virtual = _field()
    for _ in range(60):
        virtual.run_phase()
    node = virtual.nodes[3]
    fire, values = node.fire, node.values
    assert fire.nodes == len(virtual.nodes)
    np.testing.assert_allclose(fire.vpd_kpa, vpd_kpa(values[:, 0], values[:, 1]), atol=0.005)
    assert ((fire.ffmc > 0) & (fire.ffmc < 101)).all()
    assert (fire.isi >= 0).all()
    assert fire.field_isi_max == fire.isi.max()
    assert fire.field_ffmc == pytest.approx(fire.ffmc.mean(), abs=1e-4)
    assert ((fire.anomaly >= 0) & (fire.anomaly <= 100)).all()
    np.testing.assert_array_equal(
        fire.anomaly, np.maximum(fire.anomaly_weather, fire.anomaly_local)
    )


def test_tolerance_follows_the_regime() -> None:
    """In a calm field the primaries' tolerances double, rain's stays; in a red one they shrink."""
    virtual = _field(follow=True)
    node, site = virtual.nodes[0], virtual.field.site
    base = site.tolerance.values_q16().astype(int).tolist()
    for regime, eighths in zip(Regime, TOLERANCE_EIGHTHS, strict=True):
        node.c.live.fire.regime = regime
        expected = [(eighths * tol + 4) // 8 for tol in base[:3]] + base[3:]
        assert node.tolerance_q16.tolist() == expected
    plain = _field().nodes[0]
    plain.c.live.fire.regime = Regime.RED
    assert plain.tolerance_q16.tolist() == base


def test_following_saves_reports_and_keeps_its_word() -> None:
    """A calm day costs fewer reports than a fixed tolerance, and nothing leaves what is allowed."""
    fixed, follows = (run(_field(follow=follow), 200) for follow in (False, True))
    assert follows.traffic.frames["report"] < 0.8 * fixed.traffic.frames["report"]
    assert follows.fidelity.outside == fixed.fidelity.outside == 0
    assert follows.phases_equal == follows.phases


def test_sites_that_follow_differ() -> None:
    """Following is part of what members must agree on."""
    site = site_for(weather_file.demo())
    assert Field(site).site_hash != Field(replace(site, follow=True)).site_hash
