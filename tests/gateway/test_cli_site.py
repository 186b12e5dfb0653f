# SPDX-License-Identifier: Apache-2.0
"""The `qres` command and its verb `site`, run as a user runs them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import qres_gateway.cli
from qres.keys import read_key_file
from qres.site import load_site
from qres_gateway.cli import COMMANDS, main


class Ran:
    """What a run of `qres` came to: exit code, stdout, stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        self.code = stop.value.code
        self.out, self.err = capsys.readouterr()


def field(folder: Path, capsys: pytest.CaptureFixture[str], *more: object) -> Path:
    """A new field of five nodes; returns its site file."""
    place = ("--lat", 51, "--lon", 4)
    ran = Ran(capsys, "site", "new", "--out", folder, "--nodes", 5, *place, *more)
    assert (ran.code, ran.err) == (0, "")
    return folder / "site.toml"


def test_new_then_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new field passes the check, with exit code 0 and one line of what it is."""
    path = field(tmp_path, capsys, "--name", "Rim", "--tolerance", "strict", "--epoch", 900)
    ran = Ran(capsys, "site", "check", path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"{path}: fine (errors: 0, warnings: 0): 5 nodes, EU868 869.525 MHz SF9/125 kHz,"
        " epoch 900 s, tolerance strict\n"
    )
    assert load_site(path).name == "Rim"


def test_the_key_is_never_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No output of any verb of `site` contains the key."""
    ran = Ran(capsys, "site", "new", "--out", tmp_path, "--nodes", 2, "--json")
    key = read_key_file(tmp_path / "site.key").hex()
    path = tmp_path / "site.toml"
    said = ran.out + ran.err
    for arguments in (["check", path], ["check", path, "--json"], ["export", path]):
        ran = Ran(capsys, "site", *arguments)
        said += ran.out + ran.err
    assert key[:8] not in said
    assert stat.S_IMODE((tmp_path / "site.key").stat().st_mode) == 0o600


def test_check_with_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Errors give exit code 1 and a sentence each, with file and line."""
    path = field(tmp_path, capsys)
    text = path.read_text().replace("sf = 9", "sf = 13").replace("id = 4\n", "id = 3\n")
    path.write_text(text)
    ran = Ran(capsys, "site", "check", path)
    assert ran.code == 1
    lines = ran.out.splitlines()
    sf_line = text[: text.index("sf = 13")].count("\n") + 1
    assert lines[0] == f"{path}:{sf_line}: radio.sf = 13: must be a whole number 7..12"
    assert "ids must be unique; first used on line " in lines[1]
    assert lines[2] == f"{path}: errors: 2, warnings: 0"


def test_check_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the problems are data, with the same exit codes."""
    path = field(tmp_path, capsys)
    ran = Ran(capsys, "site", "check", path, "--json")
    assert json.loads(ran.out) == {"file": str(path), "ok": True, "problems": []}
    assert ran.code == 0
    path.write_text(path.read_text().replace("epoch_s = 600", "epoch_s = 601"))
    ran = Ran(capsys, "site", "check", "--json", path)
    assert ran.code == 1
    answer = json.loads(ran.out)
    assert answer["ok"] is False
    (problem,) = answer["problems"]
    assert problem.pop("message").startswith("must divide a day of 86400 s")
    assert problem == {
        "file": str(path),
        "line": path.read_text()
        .splitlines()
        .index(next(x for x in path.read_text().splitlines() if x.startswith("epoch_s = 601")))
        + 1,
        "key": "protocol.epoch_s",
        "value": "601",
        "severity": "error",
    }


def test_warnings_do_not_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is printed, and the exit code is 0."""
    path = field(tmp_path, capsys)
    (tmp_path / "site.key").chmod(0o644)
    ran = Ran(capsys, "site", "check", path)
    assert ran.code == 0
    assert "warning: site.key_file" in ran.out
    assert "fine (errors: 0, warnings: 1)" in ran.out


def test_new_from_table_and_from_recorded_weather(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nodes come from a table of stations, or from the stations of recorded weather."""
    table = tmp_path / "stations.csv"
    table.write_text("name,lat,lon\nRidge,40.1,-105.2\nCreek,40.2,-105.3\n")
    ran = Ran(capsys, "site", "new", "--out", tmp_path / "a", "--region", "US915", "--from", table)
    assert ran.code == 0
    assert [n.name for n in load_site(tmp_path / "a" / "site.toml").nodes] == ["Ridge", "Creek"]
    data = Path(qres_gateway.cli.__file__).parents[3] / "node/qres/data/vlinder_5min.npz"
    ran = Ran(capsys, "site", "new", "--out", tmp_path / "b", "--data", data, "--json")
    assert ran.code == 0
    answer = json.loads(ran.out)
    assert (answer["n_nodes"], answer["site"]) == (28, str(tmp_path / "b" / "site.toml"))
    assert [p["severity"] for p in answer["problems"]] == ["warning"]  # 200 km across


def test_new_does_not_replace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there stays, with exit code 1 and the remedy; --force and --keep-key do as told."""
    path = field(tmp_path, capsys)
    key, text = read_key_file(tmp_path / "site.key"), path.read_text()
    ran = Ran(capsys, "site", "new", "--out", tmp_path, "--nodes", 9)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"error: {path}: exists already; --force replaces it\n"
    assert path.read_text() == text
    field(tmp_path, capsys, "--force", "--keep-key")
    assert read_key_file(tmp_path / "site.key") == key
    assert path.read_text() != text
    field(tmp_path, capsys, "--force")
    assert read_key_file(tmp_path / "site.key") != key


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["site", "new", "--region", "XX1", "--nodes", 1], "error: region = XX1: must be one of"),
        (["site", "new", "--nodes", 129], "error: nodes = 129: must be 1..128"),
        (["site", "new", "--data", "none.npz"], "error: none.npz: not found"),
        (["site", "new", "--from", "none.csv"], "error: none.csv: cannot be read"),
        (["site", "new", "--nodes", 1, "--epoch", 700], "error: site.toml:23: protocol.epoch_s = "),
        (["site", "new", "--nodes", 1, "--out", "/proc/none"], "error: /proc/none: No such file"),
        (["site", "export", "none.toml"], "error: none.toml: not found; `qres site new` writes"),
    ],
)
def test_what_cannot_be_done(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[object],
    said: str,
) -> None:
    """Exit code 1 and one plain line on stderr; nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    ran = Ran(capsys, *arguments)
    assert ran.code == 1
    assert ran.err.startswith(said)
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["site", "new"],
        ["site", "new", "--nodes", "2", "--from", "x.csv"],
        ["site", "new", "--nodes", "many"],
        ["site", "new", "--nodes", "2", "--tolerance", "tight"],
        ["site", "check"],
        ["site", "bogus"],
        ["bogus"],
        ["--bogus"],
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    """Wrong usage gives exit code 2, an explanation on stderr, and no file."""
    monkeypatch.chdir(tmp_path)
    ran = Ran(capsys, *arguments)
    assert ran.code == 2
    assert "Usage: qres" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The export is JSON with phases and slots, on the terminal or in a file."""
    path = field(tmp_path, capsys)
    ran = Ran(capsys, "site", "export", path)
    assert ran.code == 0
    data = json.loads(ran.out)
    assert sorted(n["phase"] for n in data["nodes"]) == [0, 0, 1, 2, 3]
    out = tmp_path / "site.json"
    assert Ran(capsys, "site", "export", path, "--out", out).code == 0
    assert json.loads(out.read_text()) == data


def test_every_verb_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`qres --help` names every verb with its summary, and the exit codes."""
    ran = Ran(capsys, "--help")
    assert ran.code == 0
    assert "Exit codes: 0 well" in ran.out
    for name in COMMANDS:
        assert f" {name} " in ran.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_verb_can_be_imported(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb of the registry has a module that registers it under its name."""
    ran = Ran(capsys, name, "--help")
    assert ran.code == 0
    assert f"Usage: qres {name}" in ran.out


def test_help_imports_no_verb() -> None:
    """The help is made without importing any verb, or numpy: it stays fast as verbs are added."""
    program = (
        "import sys\nfrom qres_gateway.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in sys.modules if m.startswith('qres_gateway.cli.') or m == 'numpy'])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "[]"


def test_shell_completion_knows_the_verbs_of_a_verb() -> None:
    """Completion of `qres site ` offers what `site` can do."""
    environment = os.environ | {"_QRES_COMPLETE": "complete_bash", "COMP_WORDS": "qres site ",
                                "COMP_CWORD": "2"}  # fmt: skip
    program = "from qres_gateway.cli import main\nmain([])"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip
    assert set(run.stdout.split()) == {"check", "new", "export"}
