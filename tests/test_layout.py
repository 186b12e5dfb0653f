# SPDX-License-Identifier: Apache-2.0
"""The shape of the tree: who may import whom, what must not exist, how long files get."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import ROOT, own_files, relative

MAX_LINES = 400
CODE = (".py", ".pyi", ".c", ".h", ".sh", ".js", ".css", ".html")
WITH_SPDX = (*CODE, ".toml", ".yml", ".yaml", ".nix", "Dockerfile", "CMakeLists.txt", "Makefile")

# Headers of a freestanding C99 compiler, and the two that every firmware toolchain adds.
CORE_MAY_INCLUDE = {"limits.h", "stdbool.h", "stddef.h", "stdint.h", "assert.h", "string.h"}

# Semtech's packet forwarder sends what PULL_RESP carries in "txpk"; brokers of LoRaWAN
# servers do so on topics ".../command/down" and ".../down/...".
DOWNLINK_NAME = re.compile(r"(?i)pull_?resp|tx_?pk|tx_?ack|down_?link")
DOWNLINK_TEXT = re.compile(r"(?i)txpk|pull_resp|command/down|/down(/|$)")


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that *tree* imports, by statement or by call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            called = node.func.id if isinstance(node.func, ast.Name) else called
            if called in {"import_module", "__import__"}:
                yield node.lineno, str(node.args[0].value)


def imports_of(under: str, *packages: str) -> list[str]:
    """Places below *under* that import one of *packages* or a part of it."""
    return [
        f"{relative(path)}:{line}: {name}"
        for path in own_files(".py", ".pyi", under=under)
        for line, name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if any(name == package or name.startswith(f"{package}.") for package in packages)
    ]


def docstrings(tree: ast.AST) -> set[int]:
    """Identities of the constants that are docstrings: they may name what code may not."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }


def names_and_texts(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, identifier and literal text of each node of *tree* that has one."""
    skipped = docstrings(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield line, node.name, ""
        elif isinstance(node, ast.Name):
            yield line, node.id, ""
        elif isinstance(node, ast.Attribute):
            yield line, node.attr, ""
        elif isinstance(node, ast.arg | ast.keyword):
            yield line, node.arg or "", ""
        elif isinstance(node, ast.Constant) and id(node) not in skipped:
            value = node.value
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            yield line, "", text if isinstance(text, str) else ""


def downlinks_in(source: str) -> list[int]:
    """Lines of *source* that name or spell a downlink, docstrings and comments apart."""
    return [
        line
        for line, name, text in names_and_texts(ast.parse(source))
        if DOWNLINK_NAME.search(name) or DOWNLINK_TEXT.search(text)
    ]


def test_qres_does_not_know_the_gateway() -> None:
    """The protocol package stands without the gateway: qres imports nothing of it."""
    assert list(own_files(".py", under="node/qres")), "node/qres has no Python files"
    assert imports_of("node", "qres_gateway") == []


def test_core_build_does_not_know_python_packages() -> None:
    """The C core's build imports neither qres nor the gateway."""
    assert imports_of("node/core", "qres", "qres_gateway") == []


def test_gateway_reaches_the_core_only_through_qres() -> None:
    """No part of the gateway calls the compiled core, whose functions also build frames."""
    assert imports_of("gateway", "qres._core") == []


def test_core_includes_only_itself_and_freestanding_headers() -> None:
    """The C core includes its own files and headers that every bare-metal compiler has."""
    own = {path.name for path in own_files(".h", under="node/core")}
    foreign = [
        f"{relative(path)}: {header}"
        for path in own_files(".c", ".h", under="node/core")
        for header in re.findall(
            r'(?m)^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(encoding="utf-8")
        )
        if header not in CORE_MAY_INCLUDE | own
    ]
    assert foreign == []


def test_gateway_cannot_build_a_downlink() -> None:
    """Receive-only is structural: nothing in the gateway names or spells a downlink."""
    found = [
        f"{relative(path)}:{line}"
        for path in own_files(".py", under="gateway")
        for line in downlinks_in(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "PULL_RESP = 3",
        "class Kind(IntEnum):\n    pull_resp = 3",
        "def send_downlink(frame): ...",
        "socket.sendto(b'{\"txpk\":{}}', address)",
        "client.publish(f'gateway/{eui}/command/down', frame)",
        "build(txpk=frame)",
    ],
)
def test_a_downlink_would_be_found(source: str) -> None:
    """The check above recognises each way in which a downlink could be written."""
    assert downlinks_in(source) != []


def test_prose_may_speak_of_downlinks() -> None:
    """A docstring or comment may say that there is no PULL_RESP."""
    assert downlinks_in('"""Never sends PULL_RESP."""\n# no txpk\nPUSH_ACK = 1') == []


def test_an_import_by_call_is_found() -> None:
    """Importing by call does not get round the import rules."""
    tree = ast.parse("importlib.import_module('qres_gateway.cli')")
    assert list(imported(tree)) == [(1, "qres_gateway.cli")]


def test_files_are_short() -> None:
    """No code file exceeds 400 lines: one purpose each."""
    long = {
        relative(path): lines
        for path in own_files(*CODE)
        if (lines := path.read_bytes().count(b"\n")) > MAX_LINES
    }
    assert long == {}


def test_every_source_names_its_licence() -> None:
    """Each source file states the licence within its first three lines."""
    files = [*own_files(*WITH_SPDX), *(ROOT / ".ci").iterdir()]
    missing = [
        relative(path)
        for path in files
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head(path))
    ]
    assert missing == []


def head(path: Path) -> list[str]:
    """First three lines of a text file."""
    return path.read_text(encoding="utf-8").splitlines()[:3]


def test_every_test_states_its_fact() -> None:
    """Each test function has a docstring that says what is true if it passes."""
    silent = [
        f"{relative(path)}:{node.lineno}: {node.name}"
        for path in own_files(".py", under="tests")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
