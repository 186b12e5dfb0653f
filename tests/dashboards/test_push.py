# SPDX-License-Identifier: Apache-2.0
"""`qres dashboards`: build, check and push, against a strict stand-in for Grafana's API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qres_dashboards import generate
from qres_dashboards.push import Grafana, PushError, read_token
from qres_gateway.cli import main
from tests.dashboards.engine import Engine
from tests.dashboards.fake_grafana import EDITOR, VIEWER, Fake, fake_grafana

BOARDS = list(generate.boards().values())


@pytest.fixture
def fake() -> Iterator[Fake]:
    """A running stand-in."""
    with fake_grafana() as found:
        yield found


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A file with the editor's token, as a secret file is: with a line end."""
    path = tmp_path / "token"
    path.write_text(f"{EDITOR}\n", encoding="utf-8")
    return path


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def qres(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs `qres dashboards` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(["dashboards", *arguments])
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


def results(fake: Fake, boards: Sequence[dict[str, Any]] = BOARDS) -> list[str]:
    """What a push does to each board."""
    return [p.result for p in Grafana(fake.url, EDITOR).push(boards)]


def test_push_makes_folder_and_boards_once(fake: Fake) -> None:
    """The first push creates folder and boards; the second writes nothing at all."""
    assert results(fake) == ["created"] * len(BOARDS)
    assert list(fake.folders) == ["qres"]
    kept = {uid: b["dashboard"] for uid, b in fake.boards.items()}
    ours = {b["uid"]: b for b in BOARDS}
    assert kept.keys() == ours.keys()
    for uid, board in kept.items():
        assert {k: v for k, v in board.items() if k != "id"} == ours[uid]
    fake.calls.clear()
    assert results(fake) == ["unchanged"] * len(BOARDS)
    assert not [call for call in fake.calls if call.startswith("POST")]


def test_push_updates_only_what_changed(fake: Fake) -> None:
    """A board that differs is written with its id and next version; the others are left alone."""
    results(fake)
    fake.boards["qres-rf"]["dashboard"]["title"] = "Mine"
    assert results(fake).count("updated") == 1
    assert fake.boards["qres-rf"]["dashboard"]["title"] == "QRES RF budget"
    assert fake.boards["qres-rf"]["dashboard"]["version"] == 2


def test_a_board_in_another_folder_comes_home(fake: Fake) -> None:
    """A board that somebody moved is moved back."""
    results(fake)
    fake.boards["qres-rf"]["folder"] = ""
    assert results(fake).count("updated") == 1
    assert fake.boards["qres-rf"]["folder"] == "qres"


def test_a_change_meanwhile_is_not_overwritten(fake: Fake) -> None:
    """If somebody saves between reading and writing, push stops and says so; --overwrite wins."""
    results(fake)
    fake.boards["qres-fire"]["dashboard"]["title"] = "Mine"

    def somebody(uid: str) -> None:
        fake.boards[uid]["dashboard"]["version"] += 1

    fake.before_save = somebody
    with pytest.raises(PushError, match=r"'qres-fire': somebody changed it meanwhile.*overwrite"):
        results(fake)
    assert fake.boards["qres-fire"]["dashboard"]["title"] == "Mine"
    pushed = Grafana(fake.url, EDITOR).push(BOARDS, overwrite=True)
    assert pushed[0].result == "updated"


def test_a_provisioned_board_is_not_pushed(fake: Fake) -> None:
    """A board that Grafana reads from a file cannot be pushed, and the message says what to do."""
    results(fake)
    fake.boards["qres-fire"]["provisioned"] = True
    fake.boards["qres-fire"]["dashboard"]["title"] = "old"
    with pytest.raises(PushError, match="reads it from a file"):
        results(fake)


@pytest.mark.parametrize(
    ("token", "said"),
    [("glsa_wrong", "does not know the token"), (VIEWER, "needs the role Editor")],
)
def test_tokens_that_may_not(fake: Fake, token: str, said: str) -> None:
    """A wrong token and one that may not write are told apart; neither is repeated."""
    with pytest.raises(PushError, match=said) as caught:
        Grafana(fake.url, token).push(BOARDS)
    assert token not in str(caught.value)
    assert fake.boards == {}


@pytest.mark.parametrize(
    "raw",
    [
        (200, "text/html", b"<html>Log in</html>"),
        (200, "application/json", b"[]"),
        (404, "text/html", b"<html>nothing here</html>"),
        (404, "text/html", b"<html>a message</html>"),
        (404, "application/json", b'"message"'),
    ],
)
def test_what_is_no_grafana_is_said_to_be_none(fake: Fake, raw: tuple[int, str, bytes]) -> None:
    """A login page, a proxy's error and other servers are not taken for an absent folder."""
    fake.raw = raw
    with pytest.raises(PushError, match="not as Grafana's API does"):
        results(fake)
    assert len(fake.calls) == 1


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ((500, "application/json", b'{"message": "boom"}'), r"fails itself \(500 boom\)"),
        ((502, "text/html", b"<html>Bad Gateway</html>"), r"fails itself \(502"),
        ((400, "application/json", b'{"message": "quota"}'), "refuses: 400 quota"),
    ],
)
def test_refusals_are_passed_on(fake: Fake, raw: tuple[int, str, bytes], said: str) -> None:
    """What the server says of itself reaches the user."""
    fake.raw = raw
    with pytest.raises(PushError, match=said):
        results(fake)


def test_silence_and_absence(fake: Fake) -> None:
    """A server that does not answer in time, and none at all, are told apart."""
    fake.delay_s = 0.5
    with pytest.raises(PushError, match="does not answer in time"):
        Grafana(fake.url, EDITOR, timeout_s=0.1).push(BOARDS)
    with pytest.raises(PushError, match=r"cannot reach http://127\.0\.0\.1:9"):
        Grafana("http://127.0.0.1:9", EDITOR).push(BOARDS)


def test_below_a_path() -> None:
    """Grafana served below a path works with it, and is not recognised without."""
    with fake_grafana("/grafana") as fake:
        pushed = Grafana(f"{fake.url}/", EDITOR).push(BOARDS[:1])
        assert pushed[0].result == "created"
        with pytest.raises(PushError, match="with the path"):
            Grafana(fake.url.removesuffix("/grafana"), EDITOR).push(BOARDS)


@pytest.mark.parametrize(
    "url",
    [
        "grafana:3000",
        "ftp://grafana",
        "http://",
        "http://host:port",
        "http://host:99999",
        "http://admin:secret@host",
        "http://host/?orgId=1",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    """What is no http address is refused before anything is sent, and no password is repeated."""
    with pytest.raises(PushError) as caught:
        Grafana(url, EDITOR)
    assert "url:" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", ["", " \n", "glsa_a b", "glsa_a\nb", "glsa_schlüssel"])
def test_files_that_hold_no_token(tmp_path: Path, content: str) -> None:
    """An empty file or one with something else is refused without repeating what it holds."""
    path = tmp_path / "token"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PushError, match="token file") as caught:
        read_token(path)
    assert "glsa" not in str(caught.value)


def test_push_from_the_command_line(fake: Fake, token_file: Path, qres: Run) -> None:
    """`qres dashboards push --json` prints what became of each board, and exits with 0."""
    done = qres("push", "--url", fake.url, "--token-file", str(token_file), "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["ok"]
    assert [b["result"] for b in said["boards"]] == ["created"] * len(BOARDS)
    assert said["boards"][0]["url"] == f"{fake.url}/d/qres-fire/qres-fire-weather"
    assert EDITOR not in done.out + done.err
    again = qres("push", "--url", fake.url, "--token-file", str(token_file))
    assert again.out.startswith("unchanged: QRES Fire weather  http")


def test_push_without_a_server_from_the_command_line(token_file: Path, qres: Run) -> None:
    """When Grafana is not there the last line says so, and the exit code is 1."""
    done = qres("push", "--url", "http://127.0.0.1:9", "--token-file", str(token_file))
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("error: folder 'qres': cannot reach")


def test_push_without_its_token_file(tmp_path: Path, qres: Run) -> None:
    """A token file that is not there is named in the last line."""
    missing = str(tmp_path / "no-such-token")
    done = qres("push", "--url", "http://127.0.0.1:9", "--token-file", missing)
    assert done.code == 1
    assert done.err.splitlines()[-1] == f"error: {missing}: No such file or directory"


def test_build_and_check_from_the_command_line(tmp_path: Path, qres: Run) -> None:
    """What build wrote, check finds in order; a file changed by hand fails it, by name."""
    built = qres("build", "--out", str(tmp_path), "--json")
    assert len(json.loads(built.out)["changed"]) == len(generate.files())
    assert qres("build", "--out", str(tmp_path)).out == "8 files, 0 of them changed\n"
    well = qres("check", "--root", str(tmp_path), "--json")
    assert well.code == 0, well.err
    assert json.loads(well.out)["ok"]
    (tmp_path / "dashboards" / "generated" / "rf.json").write_text("{}", encoding="utf-8")
    bad = qres("check")  # the files are found where it is called
    assert bad.code == 1
    assert "dashboards/generated/rf.json: differs" in bad.err
    assert bad.err.splitlines()[-1] == "error: 1 problems"


def test_check_asks_a_real_engine(filled: Engine, qres: Run) -> None:
    """`check --influxdb` executes every query; a database that is not there fails each of them."""
    asked = ("check", "--influxdb", filled.url, "--database")
    well = qres(*asked, "known")
    assert well.code == 0, well.err
    assert well.out.rstrip().endswith(f"executed by {filled.url}")
    bad = qres(*asked, "nowhere", "--json")
    assert bad.code == 1
    said = json.loads(bad.out)
    assert len(said["problems"]) == said["queries"]
    assert all("database not found: nowhere" in problem for problem in said["problems"])
    gone = qres("check", "--influxdb", "http://127.0.0.1:9")
    assert gone.code == 1
    assert "is InfluxDB there?" in gone.err.splitlines()[-1]
