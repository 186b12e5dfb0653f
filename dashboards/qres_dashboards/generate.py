# SPDX-License-Identifier: Apache-2.0
"""Everything that is made from the code: boards, alert rules, runbook. And what differs on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from qres.atomic_file import write_atomic
from qres_dashboards.boards import BOARDS
from qres_dashboards.layout import board_json
from qres_dashboards.provisioning import rules
from qres_dashboards.runbook import runbook_json, runbook_markdown
from qres_dashboards.yaml_out import to_yaml

__all__ = ["BOARDS_DIR", "RULES_FILE", "RUNBOOK_FILE", "boards", "drift", "files", "write"]

BOARDS_DIR: Final = "dashboards/generated"
RUNBOOK_FILE: Final = "dashboards/runbook.md"
RULES_FILE: Final = "infra/grafana/provisioning/alerting/rules.yaml"
_MADE: Final = (
    "SPDX-License-Identifier: Apache-2.0\n"
    "Made by `qres dashboards build` from qres_dashboards/alerts.py: change it there.\n"
    "Grafana 12 reads it from provisioning/alerting."
)


def boards() -> dict[str, dict[str, Any]]:
    """Every board as Grafana reads it, by name, the runbook last."""
    found = {board.name: board_json(board) for board in BOARDS}
    return found | {"runbook": runbook_json()}


def files() -> dict[str, str]:
    """Text of every generated file by its path below the project's root."""
    found = {
        f"{BOARDS_DIR}/{name}.json": json.dumps(board, indent=1, sort_keys=True) + "\n"
        for name, board in boards().items()
    }
    return found | {RUNBOOK_FILE: runbook_markdown(), RULES_FILE: to_yaml(rules(), _MADE)}


def write(root: Path) -> list[Path]:
    """
    Write every file below *root*; one that is right already is left alone.

    Returns:
        Those that changed.

    Raises:
        OSError: A file or directory cannot be written.
    """
    changed: list[Path] = []
    for name, content in files().items():
        path = root / name
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content.encode(), replace=True)
        changed.append(path)
    return changed


def drift(root: Path) -> list[str]:
    """What on disk is not what the code makes, in words; empty if all is well."""
    found: list[str] = []
    made = files()
    for name, content in made.items():
        path = root / name
        if not path.exists():
            found.append(f"{name}: missing; `qres dashboards build` writes it")
        elif path.read_text(encoding="utf-8") != content:
            found.append(f"{name}: differs from the code; `qres dashboards build` writes it anew")
    found += [
        f"{BOARDS_DIR}/{path.name}: no board has this name; delete it"
        for path in sorted((root / BOARDS_DIR).glob("*.json"))
        if f"{BOARDS_DIR}/{path.name}" not in made
    ]
    return found
