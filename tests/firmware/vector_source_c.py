# SPDX-License-Identifier: Apache-2.0
"""Python values as C initializers, and the same with one thing wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from qres._core import ffi
from qres.reference import FireState, State
from tests.core.vector_rig import c_reports
from tests.vectors.as_json import Json, report_from_json

__all__ = [
    "Array",
    "Blob",
    "Code",
    "Inline",
    "Source",
    "Value",
    "Want",
    "number",
    "report_value",
    "state_value",
    "steps_value",
    "struct",
    "table_value",
]

_I31: Final = 2**31
_I63: Final = 2**63


class Value(Protocol):
    """Something that a row of a table has."""

    def text(self, source: Source) -> str:
        """As a C initializer; *source* takes the constants that it points to."""
        ...

    def broken(self) -> list[Value]:
        """The same with one thing wrong, in each way that matters."""
        ...


def number(x: int) -> str:
    """A C constant of -2^63..2^64-1; what int64_t does not hold is that pattern of bits."""
    if -_I31 < x < 2 * _I31:
        return f"{x}u" if x >= _I31 else str(x)
    if x == -_I31:
        return "(-2147483647 - 1)"
    x = x - 2 * _I63 if x >= _I63 else x
    return "INT64_MIN" if x == -_I63 else f"INT64_C({x})"


def _braces(texts: list[str]) -> str:
    return "{" + ", ".join(texts) + "}" if texts else "{0}"


def struct(value: Any) -> str:
    """Initializer of a cffi structure or array; zeros at an end are left out."""
    if isinstance(value, int):
        return number(value)
    kind = ffi.typeof(value)
    if kind.kind == "struct":
        texts = [(name, struct(getattr(value, name))) for name, _ in kind.fields]
        return _braces([f".{name} = {text}" for name, text in texts if text not in {"0", "{0}"}])
    items = [struct(x) for x in value]
    while items and items[-1] in {"0", "{0}"}:
        items.pop()
    return _braces(items)


@dataclass(slots=True)
class Source:
    """The constants so far, by content, so that equal ones are written once."""

    constants: dict[tuple[str, str], str] = field(default_factory=dict)

    def constant(self, c_type: str, text: str, suffix: str = "") -> str:
        """Name of a constant with that content."""
        return self.constants.setdefault((f"{c_type} %s{suffix}", text), f"c{len(self.constants)}")

    def lines(self) -> list[str]:
        """Their definitions."""
        return [f"static const {c % name} = {t};" for (c, t), name in self.constants.items()]


@dataclass(frozen=True, slots=True)
class Code:
    """C text that is never wrong."""

    c: str

    def text(self, _source: Source) -> str:
        """The text."""
        return self.c

    def broken(self) -> list[Value]:
        """Nothing."""
        return []


@dataclass(frozen=True, slots=True)
class Inline:
    """An array inside the row; `where`: the places that the broken ones differ in, None for all."""

    items: tuple[int, ...]
    where: tuple[int, ...] | None = None

    def text(self, _source: Source) -> str:
        """Its numbers."""
        return _braces([number(x) for x in self.items])

    def broken(self) -> list[Value]:
        """One number is one off."""
        wrong = _each_wrong(self.items)
        return [Inline(wrong[i]) for i in (range(len(wrong)) if self.where is None else self.where)]


def _each_wrong(items: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [(*items[:i], x ^ 1, *items[i + 1 :]) for i, x in enumerate(items)]


@dataclass(frozen=True, slots=True)
class Array:
    """A pointer to numbers; `where` are the places that the broken ones differ in."""

    c_type: str
    items: tuple[int, ...]
    where: tuple[int, ...] = (0, -1)

    def text(self, source: Source) -> str:
        """Name of the array."""
        return source.constant(self.c_type, _braces([number(x) for x in self.items]), "[]")

    def broken(self) -> list[Value]:
        """One number is one off."""
        wrong = _each_wrong(self.items)
        return [replace(self, items=wrong[i]) for i in self.where] if wrong else []


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes and how many."""

    data: bytes

    def text(self, source: Source) -> str:
        """Pointer and length."""
        return f"{{{Array('uint8_t', tuple(self.data)).text(source)}, {len(self.data)}}}"

    def broken(self) -> list[Value]:
        """The first or the last bit is wrong."""
        if not self.data:
            return []
        low, high = self.data[-1] ^ 1, self.data[0] ^ 128
        return [Blob(self.data[:-1] + bytes([low])), Blob(bytes([high]) + self.data[1:])]


@dataclass(frozen=True, slots=True)
class _Struct:
    """A structure inside the row, by name of its members."""

    members: Mapping[str, Value | int]
    wants: tuple[str, ...]

    def text(self, source: Source) -> str:
        """Its members."""
        return row_text(source, self.members)

    def broken(self) -> list[Value]:
        """One member is wrong."""
        return [
            replace(self, members={**self.members, name: wrong})
            for name in self.wants
            for wrong in broken(self.members[name])
        ]


def report_value(given: Json) -> Value:
    """A report, which is wrong by its member, its channels or its numbers."""
    made = c_reports([report_from_json(given)])[0]
    members: dict[str, Value | int] = {
        "member": made.member,
        "included": made.included,
        "absent": made.absent,
        "k": Inline(tuple(made.k), tuple(c for c in range(6) if made.included >> c & 1)),
    }
    return _Struct(members, tuple(members))


def table_value(
    rows: list[Mapping[str, Value | int]], c_type: str, wants: tuple[str, ...]
) -> Value:
    """A pointer to structures; the last one may be wrong."""
    return steps_value([(row, wants) for row in rows], c_type)


def steps_value(
    rows: list[tuple[Mapping[str, Value | int], tuple[str, ...]]], c_type: str
) -> Value:
    """A pointer to structures, each with what it expects; the last that expects so may be wrong."""
    return _Table(tuple(_Struct(row, wants) for row, wants in rows), c_type)


@dataclass(frozen=True, slots=True)
class _Table:
    rows: tuple[_Struct, ...]
    c_type: str

    def text(self, source: Source) -> str:
        """Name of the array."""
        return source.constant(self.c_type, _braces([r.text(source) for r in self.rows]), "[]")

    def broken(self) -> list[Value]:
        """The last row of those that expect the same things is wrong."""
        last = {row.wants: i for i, row in enumerate(self.rows)}
        return [
            _Table((*self.rows[:i], wrong, *self.rows[i + 1 :]), self.c_type)
            for i in last.values()
            for wrong in self.rows[i].broken()
            if isinstance(wrong, _Struct)
        ]


def state_value(state: State) -> Array:
    """The words of a state in the order of rig_state_walk (rig.c); each part may be wrong."""
    parts: list[list[int]] = [[state.phase]]
    n, n_channels = state.value.shape
    for c in range(n_channels):
        parts += [[int(state.m[c])], [int(state.e[c])], state.q[c].tolist()]
    parts += [[state.absent_mask(i), int(state.last_report[i])] for i in range(n)]
    for c in range(n_channels):
        parts += [getattr(state, name)[:, c].tolist() for name in ("value", "last", "slow")]
    if state.fire is not None:
        parts += _fire_parts(state.fire)
    words, where = [], []
    for part in parts:
        words += [x - 2**32 if x >= _I31 else x for x in part]
        where.append(len(words) - 1)
    return Array("int32_t", tuple(words), tuple(where))


def _fire_parts(fire: FireState) -> list[list[int]]:
    parts = [[fire.days], [fire.regime], [fire.lull], list(fire.usual), list(fire.spread)]
    parts += [list(x) for x in (*fire.apart, *fire.rare)]
    return [*parts, fire.fuel.tolist(), fire.mark.tolist()]


@dataclass(frozen=True, slots=True)
class Want:
    """An expectation of a vector: what the broken ones have wrong."""

    value: Value | int

    def text(self, source: Source) -> str:
        """The expectation."""
        return text_of(source, self.value)

    def broken(self) -> list[Value]:
        """The same, wrong."""
        return broken(self.value)


def text_of(source: Source, value: Value | int) -> str:
    """An initializer."""
    return number(value) if isinstance(value, int) else value.text(source)


def broken(value: Value | int) -> list[Value]:
    """Wrong ones in place of a right one."""
    return [Code(number(value ^ 1))] if isinstance(value, int) else value.broken()


def row_text(source: Source, row: Mapping[str, Value | int]) -> str:
    """A structure's initializer; zeros are left out."""
    texts = [(name, text_of(source, value)) for name, value in row.items()]
    return _braces([f".{name} = {text}" for name, text in texts if text != "0"])
