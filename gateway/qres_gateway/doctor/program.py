# SPDX-License-Identifier: Apache-2.0
"""The program itself: Python, the compiled core, package data, the optional browser."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from qres_gateway.doctor.result import Result, fail, info, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["browser", "core", "package_data", "python"]

OLDEST_PYTHON: Final = (3, 11)
"""As `requires-python` of the distribution says."""
SPEC_WIRE_VERSION: Final = 1
"""The wire version that this program was written for: SPEC.md, first line."""
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_REBUILD: Final = "Install the program again (`make setup` in a source tree)"


def python(version: tuple[int, int, int] = sys.version_info[:3]) -> Result:
    """The interpreter's version."""
    found = f"Python {'.'.join(map(str, version))} at {sys.executable}"
    if version[:2] >= OLDEST_PYTHON:
        return ok("python", found)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return fail("python", found, f"must be {oldest} or later", f"Install Python {oldest}")


def core() -> Iterator[Result]:
    """Whether the compiled core loads, speaks this wire version, and computes known answers."""
    name = "compiled core"
    try:
        self_test = importlib.import_module("qres.self_test")
    except ImportError as error:
        yield fail(name, f"cannot be loaded: {error}", "Nothing can be decoded", _REBUILD)
        return
    wrong = self_test.wire_version(SPEC_WIRE_VERSION)
    if wrong:
        yield fail(name, wrong, "It was built from another version of the sources", _REBUILD)
    else:
        yield ok(name, f"loaded, wire version {SPEC_WIRE_VERSION}")
    for what, test in self_test.TESTS.items():
        wrong = test()
        if wrong:
            means = "The core computes wrongly on this machine; its values cannot be trusted"
            yield fail(f"self-test: {what}", wrong, means, _REBUILD)
        else:
            yield ok(f"self-test: {what}", "gives the known answer")


def package_data() -> Iterator[Result]:
    """Files that come with packages: the console's chart library and the demo's weather."""
    plotly = importlib.util.find_spec("plotly")
    origin = None if plotly is None else plotly.origin
    path = None if origin is None else Path(origin).parent / "package_data" / "plotly.min.js"
    yield _file("chart library", path, "The console draws no charts")
    qres = importlib.util.find_spec("qres")
    folder = None if qres is None or qres.origin is None else Path(qres.origin).parent / "data"
    packs = [] if folder is None else sorted(folder.glob("*.npz"))
    yield _file("demo weather", packs[0] if packs else folder, "`qres demo` has no weather")


def _file(name: str, path: Path | None, means: str) -> Result:
    if path is not None and path.is_file() and path.stat().st_size:
        return ok(name, f"{path.name}, {path.stat().st_size / 1e6:.1f} MB")
    return fail(name, f"{path or 'its package'} is missing or empty", means, _REBUILD)


def browser() -> Result:
    """Chromium, which only tests and screenshots of the console need."""
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is not None:
        return info("browser", f"{found}, for screenshots and tests of the console")
    return info("browser", "no Chromium", "Only screenshots and tests of the console need it")
