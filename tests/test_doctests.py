# SPDX-License-Identifier: Apache-2.0
"""The examples in docstrings are run."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Iterator

import pytest

from tests.sources import ROOT, own_files


def modules_with_examples() -> Iterator[str]:
    """Names of the modules whose docstrings hold examples."""
    for parent in (ROOT / "node", ROOT / "gateway", ROOT / "dashboards"):
        for path in own_files(".py", under=str(parent)):
            module = path.relative_to(parent).with_suffix("")
            if module.parts[0].startswith("qres") and ">>> " in path.read_text(encoding="utf-8"):
                yield ".".join(module.parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", list(modules_with_examples()))
def test_docstring_examples_hold(name: str) -> None:
    """What the docstrings of a module show is what it does."""
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
