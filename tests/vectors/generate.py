# SPDX-License-Identifier: Apache-2.0
"""
Write the vectors that the reference makes: fold, fire, report, echo, frames, blob, relay (.json).

Run in the project's folder:

    python -m tests.vectors.generate           writes them
    python -m tests.vectors.generate --check   exit code 1 if one would change

Each file has `sites` by name and `vectors`. A vector has `id`, `kind`, `what`, `source` and
`wire_version`; what it asserts depends on its kind. An invalid one has `error`, the gateway
counter of SPEC 9, where a valid one has the result; a blob that its own state would be written
otherwise has that as `again_hex`. Bytes are hex. Integers are exact: states
are in the units of SPEC 4, samples are Q16.16 or null for a miss, masks have bit c for channel c,
members are given by their index. All of a field's keys here are known: never use one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.vectors.as_json import Json, site_to_json
from tests.vectors.cases_blob import blob_vectors
from tests.vectors.cases_echo import echo_vectors
from tests.vectors.cases_fire import fire_vectors
from tests.vectors.cases_fold import SITES, fold_vectors
from tests.vectors.cases_frames import frame_vectors
from tests.vectors.cases_relay import RELAY_SITES, relay_vectors
from tests.vectors.cases_report import report_vectors

__all__ = ["FILES", "text_of"]

FOLDER = Path(__file__).resolve().parent

FILES: dict[str, tuple[str, Callable[[], Iterable[Json]]]] = {
    "fold.json": ("Integers and the fold, SPEC 1 to 5", fold_vectors),
    "fire.json": ("Fire weather, SPEC 5.5 and 6.2", fire_vectors),
    "report.json": ("REPORT, SPEC 6.1 and 6.2", report_vectors),
    "echo.json": ("The echo at the end of a REPORT, SPEC 6.5", echo_vectors),
    "frames.json": ("Keys, BEACON and CHECKPOINT, SPEC 6, 6.3 and 6.4", frame_vectors),
    "relay.json": ("Relays, SPEC 2, 3, 6.6 and 8", relay_vectors),
    "blob.json": ("The checkpoint blob, SPEC 7", blob_vectors),
}


def text_of(name: str) -> str:
    """The text of one file: a vector per line."""
    about, vectors = FILES[name]
    of = SITES | RELAY_SITES
    lines = [json.dumps(v) for v in vectors()]
    used = sorted({site for v in map(json.loads, lines) if isinstance(site := v.get("site"), str)})
    sites = [f"  {json.dumps(s)}: {json.dumps(site_to_json(of[s]))}" for s in used]
    return (
        f'{{"about": {json.dumps(about + "; notation in generate.py")},\n'
        '"sites": {\n' + ",\n".join(sites) + '\n},\n"vectors": [\n' + ",\n".join(lines) + "\n]}\n"
    )


def main(arguments: list[str]) -> int:
    """Write or check all files; the exit code."""
    changed = 0
    for name in FILES:
        path, text = FOLDER / name, text_of(name)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        changed += 1
        if "--check" in arguments:
            sys.stdout.write(f"{name} differs from what generate.py makes\n")
        else:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{name}: {text.count(chr(10)) - 5} lines\n")
    return 1 if changed and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
