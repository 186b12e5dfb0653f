# SPDX-License-Identifier: Apache-2.0
"""What of requirements.lock goes into the gateway's image."""

from __future__ import annotations

import importlib.metadata
import re
import runpy
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.sources import ROOT

TOOL: dict[str, Any] = runpy.run_path(str(ROOT / "infra/gateway/runtime_lock.py"))
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "infra/gateway/Dockerfile").read_text(encoding="utf-8")
LEFT_OUT = frozenset(re.findall(r"--without ([a-z ]+) >runtime\.lock", DOCKERFILE)[0].split())


def names(part: str) -> set[str]:
    """Packages of a part of the lock."""
    return set(TOOL["blocks"](part))


def needed(name: str) -> set[str]:
    """What a package needs here, by its own metadata, without extras."""
    found = importlib.metadata.requires(name) or []
    requirements = [Requirement(text) for text in found]
    wanted = [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    return {TOOL["normal"](r.name) for r in wanted}


def test_the_part_is_complete() -> None:
    """Whatever a package of the image needs, by its own metadata, is in the image, too."""
    part = names(TOOL["part"](PYPROJECT, LOCK, None, LEFT_OUT))
    lacking = {}
    for name in part:
        try:
            lacking[name] = needed(name) - part - LEFT_OUT
        except importlib.metadata.PackageNotFoundError:
            assert name == "colorama", f"{name} is only for Windows"
    assert {name: rest for name, rest in lacking.items() if rest} == {}


def test_the_part_is_small() -> None:
    """No test, linter or desk tool is in the image; what was left out took its own along."""
    part = names(TOOL["part"](PYPROJECT, LOCK, None, LEFT_OUT))
    assert part & {"pytest", "mypy", "ruff", "playwright", "hypothesis", "cmake"} == set()
    assert part & LEFT_OUT == set()
    assert {"esptool", "pandas"} <= LEFT_OUT
    assert "esp-pylib" not in part


def test_hashes_are_kept() -> None:
    """Each package of the part is as in the lock, to the letter."""
    part = TOOL["part"](PYPROJECT, LOCK, None, LEFT_OUT)
    assert all(block in LOCK for block in TOOL["blocks"](part).values())
    assert all("--hash=sha256:" in block for block in TOOL["blocks"](part).values())


def test_what_is_left_out_is_not_imported_by_the_gateway() -> None:
    """`qres gateway`, `field`, `replay`, `doctor` and the sinks load without those packages."""
    import subprocess  # noqa: PLC0415  a fresh interpreter
    import sys  # noqa: PLC0415

    modules = [f"qres_gateway.cli.{v}" for v in ("gateway", "field", "replay", "doctor", "site")]
    modules += ["qres_gateway.sinks.influx", "qres_gateway.sinks.mqtt"]
    code = "import sys; sys.modules.update(dict.fromkeys(sys.argv[1].split()))\n"
    code += "\n".join(f"import {module}" for module in modules)
    command = [sys.executable, "-c", code, " ".join(LEFT_OUT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_outdated_lock_is_refused() -> None:
    """A dependency that the lock lacks, or an unknown name to leave out, is an error."""
    with pytest.raises(ValueError, match="lacks numpy; run `make lock`"):
        TOOL["part"](PYPROJECT, re.sub(r"(?ms)^numpy==.*?(?=^[a-z])", "", LOCK))
    with pytest.raises(ValueError, match="no nonsense"):
        TOOL["part"](PYPROJECT, LOCK, None, frozenset({"nonsense"}))
