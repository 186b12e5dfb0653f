# SPDX-License-Identifier: Apache-2.0
"""Receive-only is structural: read from the source text, not from the behaviour of a run."""

from __future__ import annotations

import ast
from pathlib import Path

import qres_gateway
from qres_gateway.sources import gwmp

ROOT = Path(qres_gateway.__file__).parent
SENDING = {"sendto", "sendmsg", "sock_sendto", "sock_sendall", "sendall"}


def calls(path: Path) -> list[tuple[str, str]]:
    """(method, source text of the call) of every method call in a file."""
    text = path.read_text("utf-8")
    return [
        (node.func.attr, ast.get_source_segment(text, node) or "")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def test_one_place_sends_datagrams_and_it_sends_acknowledgements() -> None:
    """In all of the gateway there is one call that sends a datagram: an acknowledgement's."""
    found = {
        (path.relative_to(ROOT).as_posix(), text)
        for path in ROOT.rglob("*.py")
        for name, text in calls(path)
        if name in SENDING
    }
    assert found == {("sources/udp.py", "self._transport.sendto(ack, addr)")}


def test_what_is_sent_comes_from_acknowledge_alone() -> None:
    """The name `ack` in the UDP source is assigned once, by gwmp.acknowledge."""
    tree = ast.parse((ROOT / "sources" / "udp.py").read_text("utf-8"))
    values = [
        ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == "ack"
    ]
    assert values == ["gwmp.acknowledge(data)"]


def test_the_table_of_answers_holds_two_acknowledgements() -> None:
    """PUSH_ACK (1) and PULL_ACK (4) are all that the module knows how to say."""
    assert dict(gwmp._ACK_OF) == {gwmp.PUSH_DATA: 1, gwmp.PULL_DATA: 4}


def test_no_word_of_a_downlink() -> None:
    """Neither the JSON object of a downlink nor the name of its datagram is in the code."""
    for path in ROOT.rglob("*.py"):
        text = path.read_text("utf-8").lower()
        assert "txpk" not in text, path
        assert "pull_resp" not in text, path
