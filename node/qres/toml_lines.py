# SPDX-License-Identifier: Apache-2.0
"""
Which line of a TOML text says what, for error messages that name the line.

`tomllib` checks and reads the text; this scanner only follows the keys of a text that tomllib has
accepted, whatever way it is laid out: tables, arrays of tables, dotted and quoted keys, inline
tables, arrays over many lines, multi-line strings, comments.

Source:
    TOML v1.0.0, https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Path", "key_lines", "line_of", "syntax_error_line"]

Path = tuple[str | int, ...]
"""Way to a value: names of tables and keys, and indices (from 0) into arrays."""

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BLANK: Final = re.compile(r"[ \t]*")
_SPACE: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")  # between the elements of an array
_SCALAR: Final = re.compile(r"[^,\]}#\r\n]*")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\]|\\.)*"|' + r"'[^']*'",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([btnfr"\\]))')
_CONTROL: Final = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def key_lines(text: str) -> dict[Path, int]:
    r"""
    Line of every table, key and array element of *text*.

    Args:
        text: A TOML document that `tomllib.loads` accepts.

    Returns:
        Line, counted from 1, by path; for a table its header, for a key the key. Tables that are
        only implied (by a dotted key or a longer header) have the line that first implies them.

    Raises:
        ValueError: The keys of *text* cannot be followed: it is not TOML.

    >>> key_lines("[site]\nname = 'x'  # here\n[[node]]\nid = 3")[("node", 0, "id")]
    4
    """
    return _Scanner(text).scan()


def line_of(lines: dict[Path, int], path: Path) -> int:
    """Line of *path*, or of the nearest table around it that is written down; 1 if none is."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return 1


def syntax_error_line(text: str, message: str) -> int:
    """The line that tomllib's *message* about *text* names; the last line where it names none."""
    found = re.search(r"at line (\d+)", message)
    return int(found[1]) if found else max(1, len(text.splitlines()))


class _Scanner:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._lines: dict[Path, int] = {}
        self._tables_in: dict[Path, int] = {}  # arrays of tables: how many so far

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while True:
            self._take(_SPACE)
            if self._at == len(self._text):
                return self._lines
            if self._peek("["):
                table = self._header()
            else:
                self._key_value(table)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"line {self._line}: not TOML")
        self._at = match.end()
        self._line += match[0].count("\n")
        return match[0]

    def _peek(self, token: str) -> bool:
        return self._text.startswith(token, self._at)

    def _expect(self, token: str) -> None:
        if not self._peek(token):
            raise ValueError(f"line {self._line}: {token!r} expected")
        self._at += len(token)

    def _header(self) -> Path:
        """`[a.b]` or `[[a.b]]`; returns the path of the table that it opens."""
        line = self._line
        is_array = self._peek("[[")
        self._expect("[[" if is_array else "[")
        *above, last = self._key()
        self._expect("]]" if is_array else "]")
        path: Path = ()
        for name in above:
            path = self._newest((*path, name))
            self._lines.setdefault(path, line)
        path = (*path, last)
        if is_array:
            self._lines.setdefault(path, line)
            self._tables_in[path] = self._tables_in.get(path, 0) + 1
            path = self._newest(path)
        self._lines[path] = line
        return path

    def _newest(self, path: Path) -> Path:
        count = self._tables_in.get(path)
        return path if count is None else (*path, count - 1)

    def _key(self) -> list[str]:
        """A dotted key with the blanks around it."""
        names = []
        while True:
            self._take(_BLANK)
            quoted = self._peek('"') or self._peek("'")
            names.append(_unquoted(self._take(_STRING)) if quoted else self._take(_BARE_KEY))
            self._take(_BLANK)
            if not self._peek("."):
                return names
            self._at += 1

    def _key_value(self, table: Path) -> None:
        line = self._line
        path = table
        for name in self._key():
            path = (*path, name)
            self._lines.setdefault(path, line)
        self._expect("=")
        self._take(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._peek("["):
            self._elements(path)
        elif self._peek("{"):
            self._inline_table(path)
        elif self._peek('"') or self._peek("'"):
            self._take(_STRING)
        else:
            self._take(_SCALAR)

    def _elements(self, path: Path) -> None:
        self._at += 1
        index = 0
        self._take(_SPACE)
        while not self._peek("]"):
            self._lines[(*path, index)] = self._line
            self._value((*path, index))
            index += 1
            self._take(_SPACE)
            if self._peek("]"):
                break
            self._expect(",")
            self._take(_SPACE)
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._take(_SPACE)
        while not self._peek("}"):
            self._key_value(path)
            self._take(_SPACE)
            if self._peek("}"):
                break
            self._expect(",")
            self._take(_SPACE)
        self._at += 1


def _unquoted(literal: str) -> str:
    """The name that a quoted key spells."""
    if literal.startswith("'"):
        return literal[1:-1]
    return _ESCAPE.sub(
        lambda m: _CONTROL[m[3]] if m[3] else chr(int(m[1] or m[2], 16)), literal[1:-1]
    )
