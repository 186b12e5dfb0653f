# SPDX-License-Identifier: Apache-2.0
"""cppcheck's MISRA findings against the deviations of firmware/MISRA.md."""

from __future__ import annotations

import re
import subprocess
from typing import Final, NamedTuple

from tests.firmware.machines import core_folder
from tests.sources import ROOT

__all__ = ["Finding", "deviations", "findings"]

FIRMWARE: Final = ROOT / "firmware"
_FOUND: Final = re.compile(r"(?m)^(\S+?):(\d+):\d+: .*\[misra-c2012-(\d+\.\d+)\]$")


class Finding(NamedTuple):
    """One finding: file below firmware/, rule, and the line that it is in."""

    file: str
    rule: str
    text: str


def findings() -> list[Finding]:
    """What the addon finds in the application and the link."""
    include = ("include", "app", "ports/link", core_folder() / "include")
    done = subprocess.run(
        ["cppcheck", "--std=c99", "--addon=misra", "--quiet", "--suppress=missingIncludeSystem",
         *(f"-I{i}" for i in include), "app", "ports/link"],
        cwd=FIRMWARE, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = []
    for file, line, rule in _FOUND.findall(done.stderr):
        path = FIRMWARE / file
        if path.is_file() and not path.resolve().is_relative_to(core_folder().resolve()):
            lines = path.read_text(encoding="utf-8").splitlines()
            found.append(Finding(file, rule, lines[max(0, int(line) - 1)].strip()))
    return found


def deviations() -> tuple[set[str], list[Finding]]:
    """Rules that are followed nowhere, and single places: file, rule, a part of the line."""
    rules: set[str] = set()
    places: list[Finding] = []
    for line in (FIRMWARE / "MISRA.md").read_text(encoding="utf-8").splitlines():
        cells = [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and re.fullmatch(r"\d+\.\d+", cells[1]):
            places.append(Finding(cells[0], cells[1], cells[2].strip("`")))
        elif len(cells) == 4 and re.fullmatch(r"\d+\.\d+", cells[0]):
            rules.add(cells[0])
    return rules, places
