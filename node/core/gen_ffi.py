# SPDX-License-Identifier: Apache-2.0
"""
Write the C source of `qres._core` from qres.h and the headers it includes.

The declarations between `/* cffi: begin */` and `/* cffi: end */` are given to
cffi, so the headers have no second copy. The module also carries a digest of
the sources it was compiled from, by which the tests refuse a stale build.

    python gen_ffi.py OUTPUT.c     write the module source
    python gen_ffi.py --digest     print the digest of the sources
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = HERE / "include" / "qres.h"
BEGIN = "/* cffi: begin */"
END = "/* cffi: end */"


def with_includes(path: Path, seen: set[Path]) -> str:
    """Text of a header with those of its own folder in place of their `#include`, once each."""
    seen.add(path)

    def included(match: re.Match[str]) -> str:
        header = path.parent / match[1]
        return "" if header in seen else with_includes(header, seen)

    return re.sub(r'(?m)^#include "(.+)"$', included, path.read_text(encoding="utf-8"))


def declarations(header: str) -> str:
    """
    The text between each pair of marks, joined; computed macros are left to the compiler.

    Raises:
        ValueError: There is no pair, or a mark lacks its partner.
    """
    head, *parts = header.split(BEGIN)
    if not parts or END in head or any(part.count(END) != 1 for part in parts):
        raise ValueError(
            f"qres.h and its includes: each {BEGIN!r} needs one {END!r} after it, "
            f"and there are {header.count(BEGIN)} and {header.count(END)}"
        )
    text = "\n".join(part.split(END)[0] for part in parts)
    return re.sub(r"(?m)^(#define \w+) +\(.*$", r"\1 ...", text)


def source_digest(core: Path = HERE) -> str:
    """SHA-256 [hex] over name and content of every file the module is built from."""
    files = [core / "CMakeLists.txt", core / "gen_ffi.py"]
    files += [path for folder in ("include", "src") for path in (core / folder).glob("**/*.[ch]")]
    total = hashlib.sha256()
    for path in sorted(files):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{content}  {path.relative_to(core).as_posix()}\n".encode())
    return total.hexdigest()


def write_module(output: Path) -> None:
    """Write the cffi module source, with the digest of the present sources."""
    from cffi import FFI  # noqa: PLC0415  `--digest` runs before cffi is installed

    ffi = FFI()
    ffi.cdef(declarations(with_includes(HEADER, set())))
    ffi.cdef("const char *qres_source_digest(void);")
    ffi.set_source(
        "qres._core",
        '#include "qres.h"\n'
        "static const char *qres_source_digest(void)\n"
        f'{{\n    return "{source_digest()}";\n}}\n',
    )
    ffi.emit_c_code(str(output))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"one argument expected, OUTPUT.c or --digest; got {sys.argv[1:]}")
    if sys.argv[1] == "--digest":
        print(source_digest())  # noqa: T201  the answer of a build script
    else:
        write_module(Path(sys.argv[1]))
