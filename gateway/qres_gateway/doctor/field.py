# SPDX-License-Identifier: Apache-2.0
"""The site file and its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qres.site_check import parse_site
from qres_gateway.doctor.result import Result, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["site_file"]


def site_file(path: Path) -> Iterator[Result]:
    """Every problem of the site file *path* and of its key file, or that there is none."""
    site, problems = parse_site(path, with_key=True)
    for problem in problems:
        if problem.is_error:
            means = "No gateway can run with this site file"
            yield fail("site file", str(problem), means, f"Correct it: `qres site check {path}`")
        else:
            yield warn("site file", str(problem), "It can be used", "Consider the advice")
    if site is not None:
        yield ok("site file", f"{path}: {site.name}, {len(site.nodes)} nodes, {site.key_file.name}")
