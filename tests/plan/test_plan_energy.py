# SPDX-License-Identifier: Apache-2.0
"""The energy ledger: nothing is lost, more never hurts, and the verb says what to buy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

from qres.errors import RangeError
from qres.plan import NOTICE
from qres.plan.battery import CELLS, LFP, LI_ION, PANELS_WP, Cell, Chemistry
from qres.plan.energy import charger_share
from qres.plan.simulate import AGED, simulate
from qres_gateway.cli import build_app
from tests.qres.site_text import GOOD

SMALL = Cell("test cell", LI_ION, 0.05)
IDEAL = Chemistry(
    "ideal", 3.6, ((-60, 1.0), (60, 1.0)), "made up", ((-60, 10.0),), "made up", 1.0, 0.0
)


def sun_of(days: int, years: int, seed: int) -> NDArray[np.float64]:
    """A plain sun with random days, W/Wp, shape (hours, years)."""
    hour = np.arange(24 * days) % 24
    shape = np.maximum(0.0, np.sin((hour - 6) / 12 * np.pi))[:, None]
    brightness = np.random.default_rng(seed).uniform(0, 1, (days, years))
    return shape * np.repeat(brightness, 24, axis=0)


def close(value: NDArray[np.float64] | float) -> Any:
    """*value* to nine digits."""
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@settings(max_examples=25)
@given(
    wp=st.floats(0.01, 5),
    mah=st.floats(1, 500),
    temp=st.floats(-30, 60),
    cell=st.sampled_from([SMALL, CELLS[0], CELLS[-1], Cell("ideal", IDEAL, 0.2)]),
    seed=st.integers(0, 99),
)
def test_energy_is_conserved(wp: float, mah: float, temp: float, cell: Cell, seed: int) -> None:
    """Input is used, stored, lost or curtailed; what is stored is drawn, leaked or still there."""
    sun = sun_of(5, 3, seed)
    book = simulate(sun, np.full(sun.shape, temp), [(wp, cell)], mah)
    assert book.offered == close(wp * sun.sum(axis=0)[None, :])
    assert book.offered == close(book.used + book.stored + book.charge_loss + book.curtailed)
    assert book.end - book.start == close(book.stored - book.drawn - book.leaked)
    load = 5 * mah / 1000 * cell.chemistry.volt
    assert book.used + book.drawn + book.missing == close(load)
    for name in ("used", "stored", "charge_loss", "curtailed", "drawn", "leaked", "missing", "end"):
        assert (getattr(book, name) >= -1e-9).all(), name
    assert (book.end <= AGED * cell.wh * (1 + 1e-9)).all()
    assert ((book.missing > 1e-9) == (book.dark_h > 0)).all()


@settings(max_examples=10)
@given(mah=st.floats(1, 300), temp=st.floats(-15, 40), seed=st.integers(0, 99))
def test_bigger_panel_and_cell_are_never_worse(mah: float, temp: float, seed: int) -> None:
    """Survival does not fall with the panel, nor with cells in parallel."""
    sun = sun_of(8, 8, seed)
    air = np.full(sun.shape, temp)
    panels = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
    by_panel = simulate(sun, air, [(wp, SMALL) for wp in panels], mah).survival
    assert (np.diff(by_panel) >= 0).all()
    sizes = [Cell("n", LI_ION, ah) for ah in (0.02, 0.05, 0.1, 0.5, 3.0)]
    by_cell = simulate(sun, air, [(0.3, cell) for cell in sizes], mah).survival
    assert (np.diff(by_cell) >= 0).all()


def test_dark_cell_lasts_as_long_as_its_charge() -> None:
    """Without sun an ideal 1 Ah cell, aged to 80 %, gives 100 mAh a day for 8 days, then none."""
    dark = np.zeros((24 * 12, 1))
    book = simulate(dark, 25 + dark, [(5.0, Cell("ideal", IDEAL, 1.0))], 100.0)
    assert book.dark_h[0, 0] == 24 * 4
    assert book.drawn[0, 0] == pytest.approx(0.8 * 3.6)
    assert book.end[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert book.daily[0, 3, 0] == pytest.approx(0.5)


def test_frost_stops_charging_and_locks_charge() -> None:
    """Below 0 degC nothing is stored; at -20 degC a LiFePO4 cell gives its vendor's 70 %."""
    dark = np.zeros((24 * 40, 1))
    cell = Cell("lfp", replace(LFP, self_discharge_per_month=0.0), 1.0)
    book = simulate(dark, dark - 20.0, [(5.0, cell)], 100.0)
    assert book.drawn[0, 0] == pytest.approx(0.7 * 0.8 * 3.2)
    sun = sun_of(5, 1, 1)
    for chemistry in (LI_ION, LFP):
        frozen = simulate(sun, np.full(sun.shape, -0.1), [(2.0, Cell("c", chemistry, 1.0))], 200.0)
        assert frozen.stored[0, 0] == 0
        thawed = simulate(sun, np.full(sun.shape, 16.0), [(2.0, Cell("c", chemistry, 1.0))], 200.0)
        assert thawed.stored[0, 0] > 0


def test_charge_current_is_limited() -> None:
    """At 2 degC a Li-ion cell takes a tenth of its capacity an hour: the specification's limit."""
    bright = np.ones((24, 1))
    book = simulate(bright, 2 * bright, [(1000.0, Cell("c", LI_ION, 1.0))], 1e-6)
    assert LI_ION.charge_rate_per_h([-1, 2, 7, 20, 56]).tolist() == [0, 0.1, 0.2, 0.5, 0]
    empty = np.concatenate([np.zeros((24, 1)), bright])
    drained = simulate(empty, np.full(empty.shape, 2.0), [(1000.0, Cell("c", LI_ION, 1.0))], 600.0)
    assert (drained.stored + drained.charge_loss)[0, 0] < 24 * 0.1 * 0.8 * 3.6
    assert book.curtailed[0, 0] > 0.99 * book.offered[0, 0]


def test_tables_are_ascending() -> None:
    """Panels and capacity shares ascend; no cell gives more in the cold than in the warm."""
    assert list(PANELS_WP) == sorted(PANELS_WP)
    for cell in CELLS:
        shares = cell.chemistry.capacity_share(np.arange(-40, 30))
        assert (np.diff(shares) >= 0).all()
        assert shares[-1] == 1.0


def test_wrong_hours_and_loads_are_refused() -> None:
    """A ledger has whole days and a load."""
    sun = np.zeros((25, 1))
    with pytest.raises(RangeError, match="hours = 25"):
        simulate(sun, sun, [(1.0, SMALL)], 1.0)
    with pytest.raises(RangeError, match="load_mah_per_day = 0"):
        simulate(sun[:24], sun[:24], [(1.0, SMALL)], 0)


def site_file(folder: Path) -> Path:
    """The two nodes of the good site file, in Flanders."""
    path = folder / "site.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_verb_says_what_to_buy(tmp_path: Path) -> None:
    """`qres plan energy --json` names a panel and cell that meet the target, and the caveat."""
    words = ["plan", "energy", str(site_file(tmp_path)), "--years", "2", "--cell", "1", "--json"]
    done = CliRunner().invoke(build_app("plan"), words)
    assert done.exit_code == 0, done.output
    plan = json.loads(done.stdout)
    assert plan["notice"] == NOTICE
    buy = plan["buy"]
    assert buy["meets"] is True
    assert buy["survival"] >= 0.99
    assert buy["autonomy_days"] >= 14
    smaller = [o for o in plan["options"] if o["meets"] and o["panel_wp"] < buy["panel_wp"]]
    assert smaller == []
    assert plan["planned_mah_per_day"] == pytest.approx(2 * plan["mah_per_day"])
    assert sum(x["mah_per_day"] for x in plan["lines"]) == pytest.approx(plan["mah_per_day"])
    assert (plan["anemometer"], plan["wind_m_s"]) == ("davis-6410", 3.0)


def test_panel_and_cell_follow_the_wind(tmp_path: Path) -> None:
    """A windier place with more turns to count needs a larger cell than one without anemometer."""
    path = str(site_file(tmp_path))
    sizes = []
    for gauges in (["--anemometer", "none"], ["--anemometer", "sparkfun-sen-15901", "--wind", "9"]):
        words = ["plan", "energy", path, "--years", "2", "--panel", "5", "--json", *gauges]
        done = CliRunner().invoke(build_app("plan"), words)
        assert done.exit_code == 0, done.output
        sizes.append(json.loads(done.stdout)["buy"]["cell_wh"])
    assert sizes[0] < sizes[1]


def test_linear_charger_burns_what_a_cell_does_not_need() -> None:
    """A linear charger gives a cell its own voltage's share of a 6 V panel: less to LiFePO4."""
    shares = [charger_share("linear", kind) for kind in (LFP, LI_ION)]
    assert shares[0] / shares[1] == pytest.approx(3.2 / 3.6)
    assert shares[1] < charger_share("mppt", LI_ION) == charger_share("mppt", LFP) < 1


@pytest.mark.slow
def test_plot_needs_no_network(tmp_path: Path) -> None:
    """--plot writes one HTML page with its own script, and with the caveat."""
    plot = tmp_path / "plan.html"
    words = ["plan", "energy", str(site_file(tmp_path)), "--years", "2", "--plot", str(plot)]
    done = CliRunner().invoke(build_app("plan"), words)
    assert done.exit_code == 0, done.output
    page = plot.read_text(encoding="utf-8")
    assert NOTICE in page
    assert "<script src=" not in page


def test_verb_fails_where_nothing_suffices(tmp_path: Path) -> None:
    """A single 0.5 Wp panel cannot carry 60 mA: exit code 1, and no recommendation."""
    words = ["plan", "energy", str(site_file(tmp_path)), "--years", "2", "--panel", "0.5"]
    done = CliRunner().invoke(
        build_app("plan"), [*words, "--cell", "2", "--asleep-ua", "60000", "--json"]
    )
    assert done.exit_code == 1, done.output
    assert json.loads(done.stdout)["buy"] is None


def test_people_get_tables(tmp_path: Path) -> None:
    """Tables name consumers, options and the caveat; `airtime` and `parts` print theirs."""
    path = str(site_file(tmp_path))
    words = ["plan", "energy", path, "--years", "2", "--panel", "2", "--cell", "1"]
    done = CliRunner().invoke(build_app("plan"), words, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "listen" in done.output
    assert "anemometer wake-ups" in done.output
    assert "--anemometer davis-6410-div16, leaves a sixteenth of it" in done.output
    calm = CliRunner().invoke(build_app("plan"), [*words, "--wind", "0.2"])
    assert "leaves a sixteenth" not in calm.output
    assert NOTICE in done.output
    assert "buy: 2 Wp and 1 x 18650 Li-ion 3.0 Ah for each node" in done.output
    air = CliRunner().invoke(build_app("plan"), ["plan", "airtime", path])
    assert air.exit_code == 0, air.output
    assert "the law: 360000 in P" in air.output
    parts = CliRunner().invoke(build_app("plan"), ["plan", "parts"])
    assert "board heltec-v4: esp32s3" in parts.output
    assert "cell 0: 1 x 14500 Li-ion" in parts.output


def test_wrong_options_are_named(tmp_path: Path) -> None:
    """Options outside their range name themselves, limit and value."""
    path = str(site_file(tmp_path))
    for words, text in (
        (["--board", "toaster"], "board = toaster"),
        (["--cell", "99"], "--cell = 99: must be 0.."),
        (["--target", "1.5"], "target = 1.5"),
        (["--margin", "0.5"], "margin = 0.5: must be 1..20"),
        (["--shade", "0.9"], "shade = 0.9: must be 0..0.45"),
        (["--anemometer", "spoon"], "anemometer = spoon"),
        (["--wind", "99"], "wind_m_s = 99.0: must be 0..30"),
        (["--panel", "0"], "panel_wp = 0.0"),
        (["--cold", "30"], "cold_degc = 30.0: must be at most 20.0"),
    ):
        done = CliRunner().invoke(build_app("plan"), ["plan", "energy", path, *words])
        assert text in str(done.exception), words
    done = CliRunner().invoke(build_app("plan"), ["plan", "energy", path, "--plot", "x.png"])
    assert done.exit_code == 2
