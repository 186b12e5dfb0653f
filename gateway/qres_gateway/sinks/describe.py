# SPDX-License-Identifier: Apache-2.0
"""
Print the parts of `docs/schema.md` and `docs/mqtt.md` that follow from the code.

`python -m qres_gateway.sinks.describe docs/schema.md docs/mqtt.md` renews what stands between the
marks `<!-- begin: NAME -->` and `<!-- end -->`; a test compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qres_gateway.sinks.discovery import BATTERY_ENTITIES, FIELD_ENTITIES, NODE_ENTITIES
from qres_gateway.sinks.schema import MEASUREMENTS
from qres_gateway.sinks.topics import EVENTS, OF_FIELD, OF_NODE
from qres_gateway.sources.raw_message import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from qres_gateway.sinks.discovery import Entity

__all__ = ["main", "renewed"]

_BLOCK: Final = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def measurements() -> str:
    """Every measurement with its tags and fields."""
    out = []
    for m in MEASUREMENTS:
        tags = ", ".join(f"`{tag}`" for tag in m.tags)
        out.append(f"### {m.name}\n\n{_sentence(m.text)} Tags: {tags}. Time: {m.time}.\n")
        out.append("| field | type | unit | what |\n|---|---|---|---|")
        out += [f"| `{c.name}` | {c.kind} | {c.unit or '–'} | {c.text} |" for c in m.columns]
        out.append("")
    return "\n".join(out)


def topics() -> str:
    """Every topic below <prefix>/<field>."""
    out = ["| topic | retained | what |", "|---|---|---|"]
    of = {m.name: m.text for m in MEASUREMENTS}
    out += [f"| `node/<id>/{name}` | yes | {of[name]} |" for name in OF_NODE]
    out += [f"| `field/{name}` | yes | {of[name]} |" for name in OF_FIELD]
    out.append(f"| `gateway/<sink>` | yes | {of['gateway']} |")
    out += [f"| `rf/{name}` | no | {of[name]} |" for name in EVENTS]
    return "\n".join(out) + "\n"


def entities() -> str:
    """Sensors that Home Assistant finds."""
    out = ["| device | sensor | topic | key |", "|---|---|---|---|"]
    out += [_entity("node", "node/<id>", e) for e in NODE_ENTITIES]
    out += [_entity("node with battery", "node/<id>", e) for e in BATTERY_ENTITIES]
    out += [_entity("field", "field", e) for e in FIELD_ENTITIES]
    return "\n".join(out) + "\n"


def reasons() -> str:
    """Why a raw frame may be refused."""
    return ", ".join(f"`{reason}`" for reason in REASONS) + "\n"


def _entity(device: str, topic: str, e: Entity) -> str:
    return f"| {device} | {e.name} | `{topic}/{e.measurement}` | `{e.column}` |"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


_BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "measurements": measurements,
    "topics": topics,
    "entities": entities,
    "reasons": reasons,
}


def renewed(text: str) -> str:
    """
    A document with every marked block as the code has it now.

    Raises:
        KeyError: A mark has an unknown name.
    """
    return _BLOCK.sub(lambda m: f"{m[1]}{_BLOCKS[m[2]]()}{m[3]}", text)


def main(paths: list[str]) -> None:
    """Renew files in place."""
    for path in map(Path, paths):
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
