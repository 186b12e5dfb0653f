# SPDX-License-Identifier: Apache-2.0
"""Fire weather of what a gateway has reconstructed, from its store."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qres import weather_file
from qres.core import Status
from qres.errors import WeatherFileError
from qres.site import Site, load_site
from qres_gateway.cli import main
from qres_gateway.database import Database
from qres_gateway.events import PhaseCommitted
from qres_gateway.outbox import Outbox
from qres_gateway.store_weather import weather_of_store

HOURS = 30


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the demo's field, thirty hours; its site file lies beside it."""
    path = tmp_path_factory.mktemp("store") / "demo.sqlite"
    demo = ["demo", "--once", "--hours", str(HOURS), "--loss", "0", "--store", str(path), "--json"]
    with pytest.raises(SystemExit) as stop:
        main(demo)
    assert stop.value.code == 0
    return path


@pytest.fixture(scope="module")
def site(store: Path) -> Site:
    """Its field."""
    return load_site(store.with_name("site.toml"))


def test_hours_are_within_tolerance_of_what_was_measured(store: Path, site: Site) -> None:
    """Each hour's values are those of the node's sample before it, to the tolerance."""
    hours = weather_of_store(store, site, utc_offset_h=0.0)
    truth = weather_file.demo().with_mean_wind()
    assert hours.time_s[0] % 3600 == 0
    assert len(hours.time_s) in range(HOURS - 2, HOURS + 1)
    known = hours.status != Status.UNKNOWN
    assert known[3:].all()
    for k, at_s in enumerate(hours.time_s.tolist()):
        # The newest sample of each node is of its own phase, in the epoch before the hour.
        samples = [truth.sample_at(at_s - back_s)[:, 0] for back_s in range(0, 601, 150)]
        off = np.abs(hours.temp_degc[k] - np.stack(samples)).min(axis=0)
        assert (off[known[k]] <= site.tolerance["temp_degc"] + 1e-4).all()


def test_rain_of_an_hour_is_the_counters_difference(store: Path, site: Site) -> None:
    """The hours of a day add up to what the counter rose by, to twice its tolerance."""
    hours = weather_of_store(store, site, utc_offset_h=0.0)
    truth = weather_file.demo()
    end = truth.sample_at(float(hours.time_s[-1]))[:, 3]
    begin = truth.sample_at(float(hours.time_s[2]))[:, 3]
    total = hours.rain_mm[3:].sum(axis=0)
    np.testing.assert_allclose(total, end - begin, atol=2 * site.tolerance["rain_mm"])


def test_a_counter_that_runs_backwards_is_unknown_rain(tmp_path: Path, site: Site) -> None:
    """After a node's restart the hour's rain is not known; it is not 0."""
    path = tmp_path / "small.sqlite"
    n = len(site.nodes)
    with Database.open(path) as database, database.transaction():
        for k in range(4 * 6 * 4):
            counter = 7.0 if k < 60 else 0.0
            values = np.tile([20.0, 50.0, 2.0, counter], (n, 1))
            status = np.full(n, Status.HELD, np.uint8)
            time_us = (1_700_000_000 // 3600 * 3600 + 150 * k) * 1_000_000
            Outbox(database).add(
                [PhaseCommitted(time_us // site.phase_us, time_us, 0, values, status)]
            )
    rain = weather_of_store(path, site, utc_offset_h=0.0).rain_mm[:, 0]
    assert rain.tolist()[:1] == [0.0]
    assert np.isnan(rain).sum() == 1


def test_an_empty_store_says_so(tmp_path: Path, site: Site) -> None:
    """A store without a committed phase has no weather."""
    path = tmp_path / "empty.sqlite"
    Database.open(path).close()
    with pytest.raises(WeatherFileError, match="no phase was committed"):
        weather_of_store(path, site)


def test_the_verb_takes_a_store(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`qres weather STORE --site FILE` prints indices with their provenance."""
    site_file = str(store.with_name("site.toml"))
    with pytest.raises(SystemExit) as stop:
        main(["weather", str(store), "--site", site_file, "--system", "hourly", "--csv"])
    assert stop.value.code == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["system"] for row in rows} == {"hourly"}
    assert {"held", "stale"} <= {row["status"] for row in rows}
    assert all(0 <= float(row["ffmc"]) <= 101 for row in rows if row["ffmc"])


@pytest.mark.parametrize("arguments", [["demo.sqlite"], ["w.csv", "--site", "site.toml"]])
def test_store_and_site_go_together(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A store needs its site, and nothing else has one: wrong usage, in words."""
    with pytest.raises(SystemExit) as stop:
        main(["weather", *arguments])
    assert stop.value.code == 2
    assert "site" in capsys.readouterr().err


def test_wind_is_brought_to_ten_metres_from_the_sites_height(store: Path, site: Site) -> None:
    """Without an argument the height of the anemometers is the site file's, 2 m by default."""
    assert site.wind_height_m == 2.0
    as_site_says = weather_of_store(store, site).wind_km_h
    at_ten = weather_of_store(store, site, wind_height_m=10.0).wind_km_h
    higher = weather_of_store(store, replace(site, wind_height_m=10.0)).wind_km_h
    np.testing.assert_array_equal(higher, at_ten)
    np.testing.assert_allclose(as_site_says, at_ten / 0.75, rtol=0.01)  # source: cffdrs-ng, 0.75
