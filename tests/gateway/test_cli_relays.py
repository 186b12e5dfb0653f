# SPDX-License-Identifier: Apache-2.0
"""`qres demo --reach-km`, `qres bench relays` and `qres plan relays`, as a user calls them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from qres import weather_file
from qres.links import Terrain, choose_relays, link_loss, reach
from qres.site import load_site, site_to_toml
from qres.virtual.sites import site_for
from qres_gateway.cli import main
from qres_gateway.demo.site_files import write_site_beside
from tests.qres.test_site import line_of_nodes, make_site

REACH_KM = 80.0


def ran(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr, lines joined, of `qres` with these words."""
    with pytest.raises(SystemExit) as ended:
        main([str(w) for w in words])
    said = capsys.readouterr()
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return code or 0, said.out, " ".join(said.err.replace("│", " ").split())


def figures(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """The JSON of a run that must succeed."""
    code, out, err = ran(capsys, *words, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_demo_with_relays(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The demo chooses relays by the terrain, and its gateway hears and understands them."""
    words = ("demo", "--once", "--hours", 3, "--reach-km", REACH_KM)
    found = figures(capsys, *words, "--relays", "--store", tmp_path / "gateway.sqlite")
    assert load_site(tmp_path / "site.toml").relays == tuple(found["relays"])
    assert found["radio"] == "simulated: terrain by log-normal shadowing, see qres.links"
    assert found["reach_m"] == 80_000.0
    weather = weather_file.demo()
    loss = link_loss(weather.lat_deg, weather.lon_deg, Terrain(80_000.0))
    assert found["relays"] == list(choose_relays(loss)) != []
    assert found["loss"] == pytest.approx(reach(loss).mean_loss, abs=0.03)  # with the gateway's
    assert found["frames_by_type"]["relay"] > 0
    assert found["gateway_frames_decoded"] == found["gateway_frames_heard"] > 0
    assert found["gateway_frames_refused"] == {}
    alone = figures(capsys, *words)
    assert (alone["relays"], alone["loss"]) == ([], found["loss"])
    assert "relay" not in alone["frames_by_type"]
    assert found["outside_tolerance"] < alone["outside_tolerance"] / 20


def test_demo_where_all_hear_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --reach-km nothing is said of terrain; where nobody need repeat, nobody does."""
    plain = figures(capsys, "demo", "--once", "--hours", 0.5, "--nodes", 4, "--loss", 0.12345)
    assert plain["radio"] == "simulated: one collision domain"
    assert (plain["reach_m"], plain["relays"], plain["loss"]) == (None, [], 0.12345)
    words = ("demo", "--once", "--hours", 0.5, "--nodes", 4, "--reach-km", 1000, "--relays")
    code, out, err = ran(capsys, *words)
    assert code == 0
    assert "relays: none are needed, every node hears every other" in err
    assert "lost, half at 1000 km" in out


def test_demo_shows_relays(capsys: pytest.CaptureFixture[str]) -> None:
    """The table names who repeats, what is lost and at which reach."""
    words = ("demo", "--once", "--hours", 0.5, "--reach-km", REACH_KM, "--relays")
    code, out, err = ran(capsys, *words)
    assert code == 0
    assert "relays: nodes 24, 12, 16" in err
    assert "24, 12, 16" in out
    assert "lost, half at 80 km" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--relays",), "--relays: goes with --reach-km: without it every node hears"),
        (("--reach-km", 80, "--loss", 0.1), "--loss: does not go with --reach-km"),
        (("--reach-km", 80, "--burst", 2), "--burst: does not go with --reach-km"),
        (("--reach-km", 0), "greater than or equal to 0.1"),
    ],
)
def test_demo_refuses_what_does_not_go_together(
    capsys: pytest.CaptureFixture[str], words: tuple[object, ...], said: str
) -> None:
    """Wrong usage ends with exit code 2 and one sentence, before anything runs."""
    code, out, err = ran(capsys, "demo", "--once", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_bench_relays(capsys: pytest.CaptureFixture[str]) -> None:
    """The bench compares three ways on the same terrain, and relays leave the fewest errors."""
    found = figures(capsys, "bench", "relays", "--hours", 2, "--reach-km", REACH_KM)
    assert (found["bench"], found["nodes"], found["seed"]) == ("relays", 28, 1)
    assert "simulated" in found["radio"]
    (row,) = found["reaches"]
    assert row["reach_m"] == 80_000.0
    assert row["mean_loss"] == pytest.approx(0.27, abs=0.01)
    assert (row["parts"], len(row["relays"])) == (1, 3)
    ways = row["ways"]
    assert list(ways) == ["neither", "echo", "relays"]
    assert {w["hours"] for w in ways.values()} == {2.0}
    assert ways["relays"]["outside_tolerance"] < min(
        ways[w]["outside_tolerance"] for w in ("neither", "echo")
    )
    assert ways["relays"]["rf_bytes"] > ways["neither"]["rf_bytes"]


@pytest.mark.slow
def test_bench_relays_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Every reach has a row for each way, the relays' with their number."""
    words = ("bench", "relays", "--hours", 1, "--reach-km", 120, "--reach-km", 60)
    code, out, err = ran(capsys, *words)
    assert code == 0
    assert "log-normal shadowing" in err
    for text in ("120 km", "60 km", "neither", "echo", "1 relay ", "4 relays"):
        assert text in out


def test_reaches_of_the_bench_lose_what_their_comment_says() -> None:
    """12, 27 and 41 % of the demo record's frames are lost at 120, 80 and 60 km."""
    weather = weather_file.demo()
    lost = [
        reach(link_loss(weather.lat_deg, weather.lon_deg, Terrain(1000.0 * km))).mean_loss
        for km in (120, 80, 60)
    ]
    assert [round(100 * x) for x in lost] == [12, 27, 41]


def flanders(folder: Path) -> Path:
    """A site file of the demo's 28 stations."""
    return write_site_beside(folder / "gateway.sqlite", site_for(weather_file.demo()))[0]


def line(folder: Path, n: int = 5, **changes: object) -> Path:
    """A site file of nodes one kilometre apart, on a line."""
    path = folder / "site.toml"
    site = make_site(line_of_nodes(n), folder, **changes)
    path.write_text(site_to_toml(site, path), encoding="utf-8")
    return path


LINE = ("--reach-km", 1.5, "--shadow-db", 0)  # neighbours hear each other; two apart, hardly ever


def test_plan_relays_reaches_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On real positions all nodes are reached, and the printed line is one for the site file."""
    path = flanders(tmp_path)
    found = figures(capsys, "plan", "relays", path, "--reach-km", 60)
    assert found["out_of_reach"] == []
    assert (found["nodes"], found["hops"], len(found["relays"])) == (28, 4, 4)
    assert "not measured" in found["model"]
    assert found["commit_us"] < found["phase_us"]
    code, out, _ = ran(capsys, "plan", "relays", path, "--reach-km", 60)
    assert code == 0
    printed = next(x for x in out.splitlines() if x.startswith("relays = "))
    assert tomllib.loads(printed)["relays"] == found["relays"]
    path.write_text(path.read_text(encoding="utf-8").replace("relays = []", printed))
    assert load_site(path).relays == tuple(found["relays"])
    assert load_site(path).commit_us == found["commit_us"]


def test_plan_relays_of_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of five in a line the middle three repeat, in the order of the line."""
    found = figures(capsys, "plan", "relays", line(tmp_path), *LINE)
    assert found["relays"] in ([1, 2, 3], [3, 2, 1])
    assert (found["out_of_reach"], found["hops"]) == ([], 4)


def test_plan_relays_where_none_are_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where every node hears every other, that is said, and is well."""
    code, out, _ = ran(capsys, "plan", "relays", line(tmp_path), "--reach-km", 100)
    assert code == 0
    assert "no relays are needed: every node hears every other" in out
    assert "relays = " not in out


def test_plan_relays_out_of_reach(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nodes that nobody hears, or that too few relays leave out, are named; exit code 1."""
    path = line(tmp_path)
    code, out, _ = ran(capsys, "plan", "relays", path, "--reach-km", 0.2, "--shadow-db", 0)
    assert code == 1
    assert "out of reach of the others: 1, 2, 3, 4" in out
    assert "no relays are needed" not in out
    code, out, _ = ran(capsys, "plan", "relays", path, *LINE, "--most", 1)
    assert code == 1
    assert "out of reach of the relays:" in out
    code, out, _ = ran(capsys, "plan", "relays", path, *LINE, "--most", 1, "--json")
    assert code == 1
    assert len(json.loads(out)["out_of_reach"]) == 2


def test_plan_relays_that_do_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Relays for whose slots a phase has no time are not proposed; exit code 1."""
    path = line(tmp_path, 10, sf=12, bw_hz=62_500, epoch_s=300)
    code, out, _ = ran(capsys, "plan", "relays", path, *LINE)
    assert code == 1
    # source: SPEC 3. 0.5 + 3 * 2.52 + 17 * 5.14 = 95.44 s; a quarter of 300 s is 75 s
    assert "a phase is too short for their slots: all take 95.4 s, must be below 75 s" in out
    assert "relays = [" not in out


@pytest.mark.parametrize(
    "words",
    [(), ("--reach-km", "far"), ("--reach-km", 5, "--most", 9), ("--reach-km", 5, "--most", 0)],
    ids=["no reach", "no number", "nine", "none"],
)
def test_plan_relays_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[object, ...]
) -> None:
    """A missing or impossible option ends with exit code 2."""
    assert ran(capsys, "plan", "relays", line(tmp_path), *words)[0] == 2


def test_plan_relays_without_a_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A site file that is not there ends with exit code 1 and its name."""
    code, _, err = ran(capsys, "plan", "relays", tmp_path / "none.toml", "--reach-km", 5)
    assert code == 1
    assert "none.toml" in err
