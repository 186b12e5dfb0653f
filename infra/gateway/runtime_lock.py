# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script, copied into the image alone
"""
The part of requirements.lock that a program needs to run, or that builds it; hashes kept.

    python runtime_lock.py pyproject.toml requirements.lock [--group build] [--without NAME ...]

requirements.lock also holds what tests and linters need, which is no business of an image. A
package belongs to the part if pyproject.toml asks for it there, or if a package of the part is
among those that the lock names after "via". What is left out takes along what only it needs.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(name: str) -> str:
    """A package's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: str) -> str:
    """The package that *requirement* asks for."""
    match = _NAME.match(requirement)
    if match is None:
        raise ValueError(f"not a requirement: {requirement!r}")
    return normal(match[0])


def blocks(lock: str) -> dict[str, str]:
    """The text of each package in a lock file, by name."""
    parts = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    return {name_of(part): part for part in parts if "==" in part}


def wanted_by(block: str) -> set[str]:
    """Who asks for a package, by the comment in its block."""
    _, _, via = block.partition("# via")
    return {name_of(line) for line in re.findall(r"[ #]+([A-Za-z0-9].*)", via)}


def part(
    pyproject: str, lock: str, group: str | None = None, without: frozenset[str] = frozenset()
) -> str:
    """
    The part of *lock* for running, or for a dependency group; *without* some packages.

    Raises:
        ValueError: *lock* lacks something that *pyproject* asks for: it is out of date.
    """
    project = tomllib.loads(pyproject)
    asked = project["dependency-groups"][group] if group else project["project"]["dependencies"]
    packages = blocks(lock)
    names = {name_of(item) for item in asked if isinstance(item, str)}
    if missing := names - packages.keys():
        raise ValueError(f"requirements.lock lacks {', '.join(sorted(missing))}; run `make lock`")
    if unknown := without - packages.keys():
        raise ValueError(f"requirements.lock has no {', '.join(sorted(unknown))} to leave out")
    names -= without
    while more := {n for n, b in packages.items() if wanted_by(b) & names} - names - without:
        names |= more
    return "".join(packages[name] for name in sorted(names))


def main() -> None:
    """Print the part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("pyproject", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--group")
    parser.add_argument("--without", nargs="*", default=[])
    a = parser.parse_args()
    texts = a.pyproject.read_text(encoding="utf-8"), a.lock.read_text(encoding="utf-8")
    sys.stdout.write(part(*texts, a.group, frozenset(map(normal, a.without))))


if __name__ == "__main__":
    main()
