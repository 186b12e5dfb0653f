# SPDX-License-Identifier: Apache-2.0
"""
Takes values out of a TOML file and notes every problem with file, line, key, value and limit.

A reader never stops at the first problem: a value that cannot be used reads as None, and the
problem is kept for the user.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from qres.toml_lines import key_lines, line_of, syntax_error_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from qres.toml_lines import Path as KeyPath

__all__ = ["Problem", "Reader", "Severity", "Table"]

Severity = Literal["error", "warning"]

FILE_MAX_BYTES: Final = 1_000_000
"""A site file of 128 nodes has about 20 kB; far more is some other file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing that is wrong with a file.

    Attributes:
        file: The file, as it was named by the caller.
        line: Line in it, from 1; 0 if the file as a whole is meant.
        key: The key, e.g. "node[7].id", blocks counted from 0; "" if the whole file is meant.
        value: What the file says, as TOML; None if the key is missing.
        message: What is wrong, and the limit.
        severity: With an error the file cannot be used; with a warning it probably should not.
    """

    file: str
    line: int
    key: str
    value: str | None
    message: str
    severity: Severity = "error"

    @property
    def is_error(self) -> bool:
        """Whether the file cannot be used."""
        return self.severity == "error"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        kind = "" if self.is_error else "warning: "
        if not self.key:
            return f"{where}{kind}{self.message}"
        if self.value is None:
            return f"{where}{kind}{self.key} is missing: {self.message}"
        return f"{where}{kind}{self.key} = {self.value}: {self.message}"


class Reader:
    """
    One file, its document and its problems.

    Attributes:
        problems: What has been noted so far.
    """

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._lines: dict[KeyPath, int] = {}

    def read(self, path: Path) -> dict[str, Any] | None:
        """The TOML document in *path*; None, with a problem noted, if there is none."""
        try:
            raw = path.read_bytes()
        except OSError as e:
            reason = "not found" if isinstance(e, FileNotFoundError) else str(e.strerror)
            self._unusable(0, f"{reason}; `qres site new` writes a new one")
            return None
        if len(raw) > FILE_MAX_BYTES:
            self._unusable(0, f"{len(raw)} bytes long: must be at most {FILE_MAX_BYTES}")
            return None
        try:
            return self.parse(raw.decode("utf-8"))
        except UnicodeDecodeError as e:
            self._unusable(raw.count(b"\n", 0, e.start) + 1, "must be UTF-8 text, as TOML is")
            return None

    def parse(self, text: str) -> dict[str, Any] | None:
        """The TOML document *text*; None, with a problem noted, if it is none."""
        text = text.replace("\r\n", "\n")
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as e:
            self._unusable(syntax_error_line(text, str(e)), f"not valid TOML: {e}")
            return None
        self._lines = key_lines(text)
        return document

    def _unusable(self, line: int, message: str) -> None:
        self.problems.append(Problem(self._file, line, "", None, message))

    def line(self, path: KeyPath) -> int:
        """Line of the value at *path*."""
        return line_of(self._lines, path)

    def add(self, path: KeyPath, value: object, message: str, severity: Severity = "error") -> None:
        """Note a problem with the value at *path*; None as *value* says that it is missing."""
        shown = None if value is None else _shown(value)
        line = self.line(path)
        self.problems.append(Problem(self._file, line, _dotted(path), shown, message, severity))

    def known(self, values: dict[str, Any], path: KeyPath, keys: Iterable[str]) -> None:
        """Note every key of *values* that is not one of *keys*, with the nearest that is."""
        keys = tuple(keys)
        for name, value in values.items():
            if name not in keys:
                near = difflib.get_close_matches(name, keys, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(keys)}"
                self.add((*path, name), value, f"unknown key; {hint}")

    def table(self, document: dict[str, Any], name: str, keys: Iterable[str]) -> Table:
        """The table *name* of *document*; an empty one, with a problem noted, if it has none."""
        keys = tuple(keys)
        values = document.get(name)
        if not isinstance(values, dict):
            self.add((name,), values, f"must be a table [{name}] with {', '.join(keys)}")
            return Table(self, None, (name,))
        self.known(values, (name,), keys)
        return Table(self, values, (name,))


class Table:
    """
    The values of one TOML table.

    Every method returns the value if it is within its limits; otherwise it notes a problem and
    returns None. A table that is missing as a whole is silent: that has been noted once.
    """

    def __init__(self, reader: Reader, values: dict[str, Any] | None, path: KeyPath) -> None:
        self._reader = reader
        self._values = values
        self.path = path

    def raw(self, name: str) -> Any:
        """Whatever the file says; None if it says nothing."""
        return None if self._values is None else self._values.get(name)

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int | None:
        """A whole number, *low* to *high*."""
        value = self._get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self._refuse(name, value, f"must be a whole number {low}..{high}")
        return None

    def number(
        self, name: str, low: float, high: float, unit: str, default: float | None = None
    ) -> float | None:
        """A number, *low* to *high*; not NaN."""
        value = self._get(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return float(value)
        self._refuse(name, value, f"must be a number {low:g}..{high:g} {unit}")
        return None

    def text(self, name: str, longest: int, default: str | None = None) -> str | None:
        """A text of one line."""
        value = self._get(name, default)
        if isinstance(value, str) and 0 < len(value.strip()) <= longest and value.isprintable():
            return value
        self._refuse(name, value, f'must be "1..{longest} printable characters" in quotes')
        return None

    def flag(self, name: str, *, default: bool) -> bool | None:
        """True or false."""
        value = self._get(name, default)
        if isinstance(value, bool):
            return value
        self._refuse(name, value, "must be true or false")
        return None

    def one_of(self, name: str, choices: Iterable[str], default: str | None = None) -> str | None:
        """One of some texts."""
        choices = tuple(choices)
        value = self._get(name, default)
        if isinstance(value, str) and value in choices:
            return value
        known = ", ".join(f'"{c}"' for c in choices)
        self._refuse(name, value, f"must be one of {known}")
        return None

    def refuse(self, name: str, message: str) -> None:
        """Note that the value of *name* is wrong."""
        self._refuse(name, self.raw(name), message)

    def _get(self, name: str, default: object) -> object:
        value = self.raw(name)
        return default if value is None else value

    def _refuse(self, name: str, value: object, message: str) -> None:
        if self._values is not None:
            self._reader.add((*self.path, name), value, message)


def _shown(value: object) -> str:
    """*value* as TOML writes it, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _dotted(path: KeyPath) -> str:
    """`("node", 7, "id")` as `node[7].id`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
