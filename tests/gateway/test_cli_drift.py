# SPDX-License-Identifier: Apache-2.0
"""`qres drift`, run as a user runs it, on a store of forty days."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qres.core import Status
from qres.site import load_site
from qres_gateway.cli import main
from qres_gateway.database import Database
from qres_gateway.events import PhaseCommitted
from qres_gateway.outbox import Outbox

DAYS = 40
START_S = 20_000 * 86_400
DRIFTER = 5


def made_store(
    folder: Path, *, drift_degc_a_day: float, status: int = Status.HELD, days: int = DAYS
) -> Path:
    """A site of 12 nodes and its store, hourly: a diurnal cycle, noise, and one sensor astray."""
    with pytest.raises(SystemExit) as stop:
        main(["site", "new", "--nodes", "12", "--out", str(folder)])
    assert stop.value.code == 0
    site = load_site(folder / "site.toml")
    rng = np.random.default_rng(7)
    with Database.open(folder / "gateway.sqlite") as database, database.transaction():
        outbox = Outbox(database)
        for hour in range(24 * days + 1):
            temp = 20.0 + 6.0 * np.sin(hour * np.pi / 12) + rng.normal(0.0, 0.3, 12)
            temp[DRIFTER] += max(0.0, hour / 24 - 33) * drift_degc_a_day
            rh = 50.0 + rng.normal(0.0, 2.0, 12)
            values = np.stack([temp, rh, np.full(12, 2.0), np.zeros(12)], axis=1)
            time_us = (START_S + 3600 * hour) * 1_000_000
            marks = np.full(12, status, np.uint8)
            outbox.add([PhaseCommitted(time_us // site.phase_us, time_us, 0, values, marks)])
    return folder / "site.toml"


def run(site: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[object, str, str]:
    """Exit code, stdout and stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(["drift", "--site", str(site), *more])
    return stop.value.code, *capsys.readouterr()


def test_a_sensor_that_drifts_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half a degree a day for a week: that node is the only suspect, and the exit code is 1."""
    site = made_store(tmp_path / "field", drift_degc_a_day=0.5)
    code, out, _ = run(site, capsys, "--json")
    said = json.loads(out)  # the first day lacks its first hour, and is left out
    suspects = {row["node"] for row in said["nodes"] if row["is_suspect"]}
    assert (code, said["days"], suspects) == (1, DAYS - 1, {load_site(site).ids[DRIFTER]})
    assert said["nodes"][0]["channel"] == "temp_degc"
    assert said["nodes"][0]["change"] == pytest.approx(3.0, abs=0.7)


def test_a_healthy_field_has_no_suspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Noise alone: exit code 0, and every node is listed."""
    code, out, _ = run(made_store(tmp_path / "field", drift_degc_a_day=0.0), capsys)
    assert code == 0
    assert "suspect" not in out


def test_stale_values_say_nothing_of_a_sensor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is only held past its deadline is not judged, however far it is from the others."""
    site = made_store(tmp_path / "field", drift_degc_a_day=0.5, status=Status.STALE)
    code, out, _ = run(site, capsys, "--json")
    assert code == 0
    assert all(row["statistic"] is None for row in json.loads(out)["nodes"])


def test_a_young_store_says_that_it_is_too_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a month has been learned nobody is judged, and that is said."""
    site = made_store(tmp_path / "field", drift_degc_a_day=0.5, days=5)
    code, out, err = run(site, capsys)
    assert code == 0
    assert "nothing is judged before day 33" in err
    assert "suspect" not in out


def test_a_missing_store_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and the name of what is not there."""
    site = made_store(tmp_path / "field", drift_degc_a_day=0.0, days=1)
    site.with_name("gateway.sqlite").unlink()
    code, _, err = run(site, capsys)
    assert code == 1
    assert "gateway.sqlite" in err
