# SPDX-License-Identifier: Apache-2.0
"""Dependencies are pinned once, locked with hashes, and the version has one source."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from typing import Any

import qres
from tests.sources import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = re.findall(r"(?m)^([a-z0-9][^ ;\\]*==[^ ;\\]+)", LOCK)


def declared() -> list[str]:
    """Every requirement that pyproject.toml states."""
    groups: dict[str, list[Any]] = PROJECT["dependency-groups"]
    named = [item for group in groups.values() for item in group if isinstance(item, str)]
    return [*PROJECT["project"]["dependencies"], *named]


def test_everything_declared_is_locked_at_that_version() -> None:
    """requirements.lock was made from the present pyproject.toml: `make lock` keeps them equal."""
    assert set(declared()) - set(LOCKED) == set()


def test_build_requirements_are_the_locked_ones() -> None:
    """Building without isolation uses just what the build system asks for."""
    requires = set(PROJECT["build-system"]["requires"])
    assert requires <= set(PROJECT["dependency-groups"]["build"])


def test_every_locked_package_has_hashes() -> None:
    """No package of the lock can be installed from bytes that were not seen before."""
    blocks = re.split(r"(?m)^(?=[a-z0-9])", LOCK)
    bare = [block.split()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]
    assert LOCKED
    assert bare == []


def test_lock_names_no_package_index() -> None:
    """The lock works behind any mirror: it holds no address."""
    assert re.findall(r"(?m)^(?:-i|--(?:extra-)?index-url|--find-links).*|.*://.*", LOCK) == []


def test_version_is_that_of_the_c_header() -> None:
    """Distribution, package and compiled core agree on the version in qres.h."""
    header = (ROOT / "node/core/include/qres.h").read_text(encoding="utf-8")
    parts = re.findall(r"#define QRES_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    assert importlib.metadata.version("qres-field-kit") == ".".join(parts)
    assert qres.__version__ == ".".join(parts)


def test_wire_version_is_that_of_the_c_header() -> None:
    """The compiled core speaks the wire version that its header states."""
    header = (ROOT / "node/core/include/qres.h").read_text(encoding="utf-8")
    assert re.findall(r"#define QRES_WIRE_VERSION (\d+)", header) == [str(qres.WIRE_VERSION)]


def test_compiled_core_is_abi3() -> None:
    """One build of the core serves every CPython from 3.11 on."""
    files = importlib.metadata.files("qres-field-kit") or []
    assert [path.name for path in files if path.name.startswith("_core")] == ["_core.abi3.so"]
