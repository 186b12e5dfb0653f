# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script, not part of a package
"""
The numbers of bench/results as one short table.

    python -m bench._table [NAME ...]

A row is a number with its name in the file; of several runs of the same only the summary is shown.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from bench._common import RESULTS


def rows(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Names and values of the numbers in a result; the machine is told apart from them."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key != "machine":
                yield from rows(part, f"{name} {key}".strip())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value


def main(names: list[str]) -> int:
    """Print the results of these benches, of all if none is named."""
    files = sorted(RESULTS.glob("*.json"))
    for path in files:
        if names and path.stem not in names:
            continue
        result = json.loads(path.read_text(encoding="utf-8"))
        machine = result["machine"]
        sys.stdout.write(
            f"\n{path.stem}: {result['what']}\n"
            f"  {result['command']}, {result['date']}, {machine['processor']},"
            f" Python {machine['python']}\n"
        )
        for name, value in rows(result):
            sys.stdout.write(f"  {name:<46} {value:>12,}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
