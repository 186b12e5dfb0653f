# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script
"""
Whether every link of the documents to a file of the project leads somewhere.

    python check_links.py FOLDER
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_CODE = re.compile(r"(?ms)^```.*?^```|`[^`\n]*`")


def broken(top: Path) -> list[str]:
    """Links below *top* that lead nowhere, as "file: target"."""
    found = []
    for page in sorted(top.rglob("*.md")):
        if any(part.startswith(".") or part == "build" for part in page.relative_to(top).parts):
            continue
        for target in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
            if "://" not in target and not target.startswith("mailto:"):
                place = (page.parent / target).resolve()
                if not place.exists():
                    found.append(f"{page.relative_to(top)}: {target}")
    return found


def main() -> None:
    """Check the folder of the command line."""
    bad = broken(Path(sys.argv[1]))
    for line in bad:
        sys.stderr.write(f"{line}: no such file\n")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
