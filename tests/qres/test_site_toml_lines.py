# SPDX-License-Identifier: Apache-2.0
"""Which line of a TOML text says what, however it is laid out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qres.toml_lines import Path, key_lines, line_of, syntax_error_line

ODD = '''\
# a comment with [brackets] and = signs
title = "a # that is no comment, a ] and a } too"  # a comment

  [ site . "quoted \\u006Bey" ]  # blanks, quotes and an escape
a.b . c = 1
a.b.d = { x = 1, "y" = [1, 2], z.w = 'lit#eral' }
long = """
[not.a.table]
still = "text" \\""" and ""quotes""
"""
raw = \'\'\'
[[nor.this]]
\'\'\'
after = 1979-05-27 07:32:00

[[node]]
id = 0x11
[[node.sensor]]
kind = "t"
[[node.sensor]]
kind = "rh"
[[node]]
id = 2
  [node.place]
  lat = -1.5
array = [
  1,   # one
  [2,
   3], # two and three
  { deep = true },
]
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("site",), 4),
        (("site", "quoted key"), 4),
        (("site", "quoted key", "a"), 5),
        (("site", "quoted key", "a", "b", "c"), 5),
        (("site", "quoted key", "a", "b", "d"), 6),
        (("site", "quoted key", "a", "b", "d", "y", 1), 6),
        (("site", "quoted key", "a", "b", "d", "z", "w"), 6),
        (("site", "quoted key", "long"), 7),
        (("site", "quoted key", "raw"), 11),
        (("site", "quoted key", "after"), 14),
        (("node",), 16),
        (("node", 0, "id"), 17),
        (("node", 0, "sensor", 0), 18),
        (("node", 0, "sensor", 1, "kind"), 21),
        (("node", 1), 22),
        (("node", 1, "id"), 23),
        (("node", 1, "place", "lat"), 25),
        (("node", 1, "place", "array", 0), 27),
        (("node", 1, "place", "array", 1), 28),
        (("node", 1, "place", "array", 1, 1), 29),
        (("node", 1, "place", "array", 2, "deep"), 30),
    ],
)
def test_odd_formatting(path: Path, line: int) -> None:
    """Every key of a text full of oddities is found on its line."""
    # source: counted by hand
    assert key_lines(ODD)[path] == line


def walk(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path of a TOML document."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, below in value.items():
            yield from walk(below, (*path, name))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from walk(below, (*path, index))


def test_odd_formatting_is_complete() -> None:
    """The scanner and tomllib know the same paths."""
    assert set(walk(tomllib.loads(ODD))) == set(key_lines(ODD))


NAMES = st.sampled_from(["id", "lat_deg", "a-b", '"with space"', "'dotted.name'", "x1"])
COMMENTS = st.sampled_from(["", "  # note", " # = [ { ' \" \n# more", "\n\n"])
SCALARS = st.sampled_from(
    ["1", "-2.5", "nan", "true", '"]}#,"', "'='", '"""a\n"b" = 1\n"""', "2026-01-01T00:00:00Z"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda v: f"[{', '.join(v)}]"),
        st.lists(inner, max_size=3).map(lambda v: "[\n  " + ",  # x\n  ".join([*v, ""]) + "]"),
        st.lists(st.tuples(NAMES, SCALARS), max_size=3, unique_by=lambda p: p[0]).map(
            lambda p: "{ " + ", ".join(f"{k} = {v}" for k, v in p) + " }"
        ),
    ),
    max_leaves=6,
)


@given(
    st.lists(
        st.tuples(NAMES, st.booleans(), st.lists(st.tuples(NAMES, VALUES, COMMENTS), max_size=4)),
        max_size=5,
    )
)
def test_any_layout(tables: list[tuple[str, bool, list[tuple[str, str, str]]]]) -> None:
    """For random texts that tomllib accepts, every path is found where it was written."""
    text = ""
    for name, is_array, pairs in tables:
        text += f"[[{name}]]\n" if is_array else f"[{name}]\n"
        text += "".join(f"{key} = {value}{comment}\n" for key, value, comment in pairs)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # the same name twice
    lines = key_lines(text)
    assert set(walk(document)) == set(lines)
    written = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert path[-1] in written[line - 1]


def test_nearest_line() -> None:
    """A key that is not written has the line of the table that should have it, or the first."""
    lines = key_lines("\n[site]\nname = 'x'\n[[node]]\nid = 1\n")
    assert line_of(lines, ("site", "epoch_s")) == 2
    assert line_of(lines, ("node", 0, "lat_deg")) == 4
    assert line_of(lines, ("radio", "sf")) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = \n", 2), ("a = 1\n\n[table\n", 3), ("a = 1\na = 2\n", 2), ('a = "open', 1)],
)
def test_line_of_a_syntax_error(text: str, line: int) -> None:
    """The line of a syntax error is taken from tomllib's message, or is the last."""
    with pytest.raises(tomllib.TOMLDecodeError) as error:
        tomllib.loads(text)
    assert syntax_error_line(text, str(error.value)) == line


@pytest.mark.parametrize("text", ["= 1", "[a", "a 1", "x = {a='1' b=2}", "x = ['1' 2]"])
def test_what_is_no_toml_is_refused(text: str) -> None:
    """Where the keys of a text cannot be followed, ValueError names the line; nothing hangs."""
    with pytest.raises(ValueError, match="line 1: "):
        key_lines(text)
