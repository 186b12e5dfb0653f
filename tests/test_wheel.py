# SPDX-License-Identifier: Apache-2.0
"""What a user installs: the wheel, built from the source archive and not from this tree."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.sources import ROOT, own_files

pytestmark = pytest.mark.slow

BUILD = "from scikit_build_core import build; print(build.build_{kind}({folder!r}))"
# Site packages without their .pth files, else the editable install would be imported.
IMPORT = """
import sys
sys.path[:0] = {paths!r}
import qres, qres_gateway
print(qres.__file__, qres_gateway.__file__, qres.WIRE_VERSION)
"""


def run(*arguments: str, cwd: Path) -> str:
    """Standard output of this Python run with *arguments*; it must succeed."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from an unpacked source archive."""
    folder = tmp_path_factory.mktemp("dist")
    run("-c", BUILD.format(kind="sdist", folder=str(folder)), cwd=ROOT)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    source = folder / archive.name.removesuffix(".tar.gz")
    run("-c", BUILD.format(kind="wheel", folder=str(folder)), cwd=source)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_serves_every_cpython_from_3_11(wheel: Path) -> None:
    """The wheel is tagged cp311-abi3: one build for CPython 3.11 and later."""
    assert "-cp311-abi3-" in wheel.name


def test_wheel_holds_every_file_of_both_packages(wheel: Path) -> None:
    """Data, static and type-marker files travel with the Python files and the compiled core."""
    present = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(parent).as_posix()
        for parent, package in ((ROOT / "node", "qres"), (ROOT / "gateway", "qres_gateway"))
        for path in own_files("", under=str(parent / package))
    }
    assert "qres/py.typed" in expected
    assert (expected | {"qres/_core.abi3.so"}) - present == set()


def test_wheel_works_without_the_source_tree(wheel: Path, tmp_path: Path) -> None:
    """The unpacked wheel imports and calls its own compiled core."""
    run("-m", "zipfile", "-e", str(wheel), str(tmp_path), cwd=tmp_path)
    paths = [str(tmp_path), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    said = run("-I", "-S", "-c", IMPORT.format(paths=paths), cwd=tmp_path).split()
    assert [Path(name).is_relative_to(tmp_path) for name in said[:2]] == [True, True]
    assert int(said[2]) > 0
