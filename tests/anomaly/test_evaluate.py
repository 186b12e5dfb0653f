# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qres.anomaly import cost, records
from qres.anomaly.evaluate import evaluate, steps
from qres.anomaly.methods import ALL_SAID, site_of
from qres.anomaly.plot import plot_html
from qres.anomaly.shared import run
from qres.fire_weather.hourly_ffmc import hourly_ffmc
from qres_gateway.cli import main
from tests.anomaly.made import weather
from tests.qres.recorded import recorded


def at_rate(record: dict[str, Any], method: str, rate: float) -> dict[str, Any]:
    """Figures of a method at a rate of false alarms."""
    (found,) = [m for m in record["methods"] if m["method"] == method]
    (at,) = [a for a in found["at"] if a["rate"] == rate]
    assert isinstance(at, dict)
    return at


@pytest.fixture(scope="module")
def demo() -> dict[str, Any]:
    """The quick evaluation of the record that comes with the package."""
    found, absent = records.locate(None)
    assert absent == ["beijing_prsa_hourly.npz", "taiwan_dense100_hourly.npz"]
    done: list[int] = []
    figures = evaluate(found, quick=True, progress=done.append)
    assert done == list(range(1, steps(found, quick=True) + 1))
    return figures


def test_the_score_beats_a_z_score_on_the_demos_record(demo: dict[str, Any]) -> None:
    """At one false alarm per node-month it finds 9 in 10 of the great heat pulses; z few."""
    (record,) = demo["records"]
    score = at_rate(record, "score, standard", 1.0)
    z = at_rate(record, "z-score", 1.0)
    assert score["false_alarms_per_node_month"] <= 1.0
    assert score["kinds"]["heat +8"]["recall"] >= 0.9
    assert score["kinds"]["heat +8"]["recall"] > z["kinds"]["heat +8"]["recall"] + 0.3
    assert score["kinds"]["heat +4"]["recall"] > z["kinds"]["heat +4"]["recall"]


def test_figures_are_json_and_drawn(demo: dict[str, Any]) -> None:
    """All figures can be written as JSON, and the plot is one page that loads nothing."""
    assert json.loads(json.dumps(demo, allow_nan=False)) == demo
    page = plot_html(demo)
    assert "<html>" in page[:200].lower()
    assert "vlinder: recall" in page
    assert 'src="http' not in page


def test_the_float_truth_is_the_hourly_ffmc_of_the_record() -> None:
    """On hourly data the truth is `hourly_ffmc` of the record, hour by hour."""
    made = weather(5, noise=1.0)
    made.rain_mm[50:] = 3.0
    trace = run(site_of(made, "standard"), made)
    truth = cost.Truth(trace)
    step = np.diff(made.rain_mm, axis=0, prepend=0.0)
    direct = hourly_ffmc(made.temp_degc, made.rh_pct, made.wind_m_s * 3.6, step)
    assert truth.ffmc == pytest.approx(direct.ffmc, abs=1e-3)  # samples are Q16.16
    assert truth.isi == pytest.approx(direct.isi, abs=1e-3)


def test_what_is_said_costs_bytes_and_buys_accuracy() -> None:
    """From coarse to everything said, bytes rise and errors of FFMC fall, at last below 0.3."""
    made = weather(12, noise=1.5)
    traces = {n: run(site_of(made, n), made) for n in ("coarse", "standard", "strict", ALL_SAID)}
    truth = cost.Truth(traces["standard"])
    found = [cost.cost(trace, truth) for trace in traces.values()]
    sizes = [f["report_bytes_per_hour"] for f in found]
    errors = [f["ffmc_rmse"] for f in found]
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.3


def qres(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    """Exit code, stdout and stderr of `qres bench anomaly`."""
    with pytest.raises(SystemExit) as stop:
        main(["bench", "anomaly", *arguments])
    out, err = capsys.readouterr()
    return stop.value.code, out, err


def test_command_says_what_is_absent(
    demo: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without the other records it names them, and a second run gives the same figures again."""
    monkeypatch.setenv("QRES_DATA", str(tmp_path))
    code, out, err = qres(capsys, "--quick", "--json")
    assert code == 0
    figures = json.loads(out)
    assert figures["records"] == demo["records"]
    assert "beijing_prsa_hourly.npz is not here" in err


def test_wrong_arguments_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A plot that is no .html, and data that are not there, are wrong usage."""
    code, _, err = qres(capsys, "--quick", "--plot", "plot.txt")
    assert code == 2
    assert "plot.txt: must end in .html" in err
    code, _, err = qres(capsys, "--data", "none.npz")
    assert code == 2
    assert "none.npz: no such file or folder" in err


@pytest.mark.slow
def test_four_years_of_beijing() -> None:
    """Scores are as rare as stated in every year, and the baselines find less."""
    record = records.load(recorded("beijing_prsa_hourly.npz"))
    assert len(record.left_out) == 2
    figures = evaluate([record], seed=1)
    (found,) = figures["records"]
    for period in found["calibration"]["periods"]:
        for key in ("local", "climate"):
            assert period[key] == pytest.approx([0.1, 0.01, 0.001], rel=0.5), (period, key)
        assert all(f <= s for f, s in zip(period["field"], (0.1, 0.01, 0.001), strict=True))
    assert len(found["calibration"]["periods"]) == 4
    for rate in (1.0, 0.2):
        score = at_rate(found, "score, standard", rate)["kinds"]
        for baseline in ("z-score", "z-score, warm and dry"):
            simple = at_rate(found, baseline, rate)["kinds"]
            for kind in ("heat +8", "stuck"):
                assert score[kind]["recall"] > simple[kind]["recall"], (rate, baseline, kind)
    detector = found["drift"]["methods"][0]
    assert detector["method"] == "drift detector"
    assert detector["at"][0]["kinds"]["drift T"]["recall"] >= 0.9
    assert found["loss"][0]["commits_with_all_replicas_equal"] == 1.0
