# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script, not part of a package
"""
What the anomaly score of SPEC 5.5 finds on recorded weather, and at what cost.

    python -m bench.anomaly [--seed N]

The chief figures of `qres bench anomaly --json`: recall at false alarms per node-month, shares of
hours with a score, cost of a tolerance. Writes bench/results/anomaly.json.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any, Final

from bench._common import ROOT, one_core, write
from qres.anomaly.evaluate import evaluate
from qres.anomaly.records import locate

METHODS: Final = (
    "z-score",
    "z-score, warm and dry",
    "score, standard",
    "heat alarm, standard",
    "score, true data",
    "heat alarm, true data",
    "score, at the gateway",
    "heat alarm, at the gateway",
    "drift detector",
)
COSTS: Final = ("report_bytes_per_hour", "ffmc_rmse", "peak_isi_rmse", "peak_isi_rmse_dry")


def recalls(methods: list[dict[str, Any]]) -> dict[str, Any]:
    """Recall by method, kind of event and rate of false alarms."""
    return {
        m["method"]: {
            f"{kind} at {at['rate']:g}": round(found["recall"], 3)
            for at in m["at"]
            for kind, found in at["kinds"].items()
        }
        for m in methods
        if m["method"] in METHODS
    }


def short(record: dict[str, Any]) -> dict[str, Any]:
    """The figures of a record that are worth keeping; the command prints all."""
    kept = {key: record[key] for key in ("days", "node_months", "events")}
    kept["nodes"] = len(record["stations"])
    kept["recall"] = recalls(record["methods"])
    if "drift" in record:
        kept["recall, drift"] = recalls(record["drift"]["methods"])
    for loss in record.get("loss", []):
        kept[f"recall, {loss['loss']:.0%} loss"] = recalls(loss["methods"])
    grades = record["calibration"]["grades"]
    for period in record["calibration"]["periods"]:
        name = f"year {period['year']}" if period["year"] else "all"
        kept[f"share of hours, {name}"] = {
            f"{key} {grade:.0f}": share
            for key in ("local", "climate", "field")
            for grade, share in zip(grades, period[key], strict=True)
        }
    kept["tolerance"] = {n: {k: c[k] for k in COSTS} for n, c in record["cost"].items()}
    for method in record.get("field", {}).get("methods", []):
        at = method["at"][0]
        kept[f"field, 1 a month, {method['method']}"] = {
            key: at[key] for key in ("spell_recall", "worst_hour_recall")
        }
    return kept


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    one_core()
    folder = Path(os.environ.get("QRES_DATA", ROOT.parent / "shared" / "data"))
    records, absent = locate(folder)
    cpu_s = time.process_time()
    figures = evaluate(records, seed=arguments.seed)
    write(
        "anomaly",
        "the anomaly score on recorded weather with injected events, at equal false alarms",
        {
            "seed": arguments.seed,
            "absent": absent,
            "cpu_s": round(time.process_time() - cpu_s, 1),
            **{r["name"]: short(r) for r in figures["records"]},
        },
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
