# SPDX-License-Identifier: Apache-2.0
"""YAML of plain data: block style for mappings and lists, JSON's own text for each scalar."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["to_yaml"]

_PLAIN_KEY: Final = re.compile(
    r"(?!(?:on|off|yes|no|y|n|true|false|null)$)[a-z_][\w-]*", re.IGNORECASE
)
_LINE_ENDS: Final = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
"""For YAML they end a line, for JSON they do not."""


def to_yaml(value: Mapping[str, Any], comment: str) -> str:
    """
    A document, with *comment* above it.

    Every JSON string is a YAML string, so scalars need no rules of their own.

    >>> print(to_yaml({"a": [{"b": 1, "c": "x: y"}], "d": []}, "made"), end="")
    # made
    a:
      - b: 1
        c: "x: y"
    d: []
    """
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return head + "".join(f"{line}\n" for line in _mapping(value))


def _mapping(value: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, item in value.items():
        name = key if _PLAIN_KEY.fullmatch(key) else json.dumps(key)
        if isinstance(item, Mapping | list | tuple) and item:
            lines.append(f"{name}:")
            lines += [f"  {line}" for line in _block(item)]
        else:
            lines.append(f"{name}: {_scalar(item)}")
    return lines


def _block(value: Mapping[str, Any] | Sequence[Any]) -> list[str]:
    if isinstance(value, Mapping):
        return _mapping(value)
    lines: list[str] = []
    for item in value:
        if isinstance(item, Mapping | list | tuple) and item:
            first, *rest = _block(item)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        else:
            lines.append(f"- {_scalar(item)}")
    return lines


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).translate(_LINE_ENDS)
