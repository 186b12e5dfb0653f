# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: INP001  a script, not part of a package
"""
The core on a real ESP32-C3: read the report of the self-test image and judge it.

    make -C firmware c3-selftest        builds the image and prints the esptool command to flash it
    python -m bench.c3_selftest --port /dev/ttyACM0 [--json] [--image FILE]
    python -m bench.c3_selftest         no board: runs the image in tests/firmware/c3's model

The second prints figures measured on the board; with --json one object on stdout. The third writes
bench/results/c3_selftest.json: modelled, an instruction counts as one cycle. So far nothing was
measured on hardware. Exit code 1: no good report, or a vector is not true there.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import serial  # type: ignore[import-untyped]

from bench._common import write
from tests.firmware import machines

__all__ = ["Cost", "Report", "ReportError", "decode", "first_good", "main", "table"]

FORM: Final = 1
BAUD: Final = 115200  # of UART0; USB takes any
NODE_MHZ: Final = 160
"""At which a node runs; what is computed for it is exact only while the cache holds the code."""

COSTS: Final = (
    "nothing", "aes_key", "aes_block",
    "field_30", "commit_30", "commit_epoch_30", "commit_day_30", "checkpoint_30",
    "field_128", "commit_128", "commit_epoch_128", "commit_day_128", "checkpoint_128",
)  # fmt: skip
"""Rows that a report has: firmware/README.md says what each is."""

_BEGIN: Final = b"qres c3 report "
_END: Final = re.compile(rb"qres c3 end crc ([0-9a-f]{8})\r?\n")
_TRAP: Final = re.compile(rb"qres c3 trap cause (\d+) at ([0-9a-f]{8}) value ([0-9a-f]{8})\r?\n")
_SLACK: Final = 0.02  # of cycles against microseconds, and 3 us for readings of the timer


class ReportError(ValueError):
    """Why a report is not believed, in plain words."""


class Port(Protocol):
    """What is needed of pyserial."""

    def read(self, size: int = 1) -> bytes:
        """Up to so many bytes, fewer after the timeout."""


@dataclass(frozen=True, slots=True)
class Cost:
    """
    One piece of work.

    Attributes:
        cycles: Of the fastest of four runs.
        us: Of the same, by the crystal's timer. [us]
        instructions: Executed, counted by the CPU in a run of their own.
        first: Cycles of the first run, which finds the cache empty.
    """

    cycles: int
    us: int
    instructions: int
    first: int


@dataclass(frozen=True, slots=True)
class Report:
    """A report whose CRC is right and whose figures agree with each other."""

    number: int
    image_bytes: int
    image_crc: str
    clock_khz: int
    vectors_true: int
    vectors: int
    wrong: tuple[str, ...]
    costs: dict[str, Cost]
    digests: dict[str, str]
    stack_bytes: int
    stack_of: int


def decode(data: bytes) -> Report:
    """
    One report, from `qres c3 report` up to and with its last line.

    Args:
        data: As it came; lines end with LF, or with CR LF.

    Raises:
        ReportError: It is torn or damaged, of another form, not complete, or contradicts itself.
    """
    data = data.replace(b"\r\n", b"\n")
    end = _END.search(data)
    if not data.startswith(_BEGIN) or end is None or end.end() != len(data):
        raise ReportError("it has no beginning or no end: part of it was lost")
    given, found = end[1].decode(), f"{zlib.crc32(data[: end.start()]):08x}"
    if given != found:
        raise ReportError(f"it says CRC {given}, its text has {found}: bytes were lost or changed")
    lines: list[list[str]] = [
        line.split()[2:] for line in data[: end.start()].decode("ascii").splitlines()
    ]
    return _judged(_rows(lines))


def _rows(lines: list[list[str]]) -> Report:
    head = _numbers(lines[0], "report", "form", "number")
    if head["form"] != FORM:
        raise ReportError(f"form {head['form']}: this reader knows {FORM}; use that of the image")
    of = {line[0]: line for line in lines if line[0] != "wrong"}
    missing = [
        name
        for name in ("image", "clock", "vectors", "stack", "digest_30", "digest_128", *COSTS)
        if name not in of
    ]
    if missing:
        raise ReportError(f"lines are missing: {', '.join(missing)}")
    vectors = _numbers(of["vectors"], "vectors", "true", "of")
    stack = _numbers(of["stack"], "stack", "bytes", "of")
    image = of["image"]
    return Report(
        number=head["number"],
        image_bytes=int(image[2]),
        image_crc=image[4],
        clock_khz=_numbers(of["clock"], "clock", "khz")["khz"],
        vectors_true=vectors["true"],
        vectors=vectors["of"],
        wrong=tuple(" ".join(line[1:]) for line in lines if line[0] == "wrong"),
        costs={
            name: Cost(**_numbers(of[name], name, "cycles", "us", "instructions", "first"))
            for name in COSTS
        },
        digests={name: " ".join(of[name][1:]) for name in ("digest_30", "digest_128")},
        stack_bytes=stack["bytes"],
        stack_of=stack["of"],
    )


def _numbers(line: list[str], name: str, *words: str) -> dict[str, int]:
    if line[0] != name or line[1::2] != list(words) or not all(x.isdigit() for x in line[2::2]):
        raise ReportError(f"a line {name} should have {', '.join(words)}: {' '.join(line)!r}")
    return {word: int(x) for word, x in zip(words, line[2::2], strict=True)}


def _judged(report: Report) -> Report:
    if report.clock_khz == 0:
        raise ReportError("clock 0 kHz: the cycle counter did not count")
    for name, cost in report.costs.items():
        by_cycles_us = cost.cycles * 1000 / report.clock_khz
        if abs(by_cycles_us - cost.us) > 3 + _SLACK * cost.us:
            raise ReportError(
                f"{name}: {cost.cycles} cycles at {report.clock_khz} kHz are"
                f" {by_cycles_us:.0f} us, its timer says {cost.us}"
            )
        if cost.cycles < cost.instructions:
            raise ReportError(
                f"{name}: {cost.instructions} instructions cannot take {cost.cycles} cycles"
            )
    if report.stack_bytes >= report.stack_of:
        raise ReportError(f"the stack of {report.stack_of} bytes was used up")
    return report


def first_good(port: Port, patience_s: float) -> Iterator[Report | str]:
    """
    Listen until a report is good.

    Yields:
        Why others are refused, each a sentence, then the report.

    Raises:
        ReportError: None came within *patience_s*, or the board stopped with an exception.
    """
    until_s = time.monotonic() + patience_s
    data = b""
    while time.monotonic() < until_s:
        data += port.read(256)
        trap = _TRAP.search(data)
        if trap is not None:
            raise ReportError(
                f"the board stopped with exception {int(trap[1])} at {trap[2].decode()},"
                f" value {trap[3].decode()}"
            )
        end = _END.search(data)
        if end is None:
            continue
        begin = data.rfind(_BEGIN, 0, end.start())
        try:
            yield decode(data[max(begin, 0) : end.end()])
        except ReportError as e:
            yield f"a report is refused: {e}. Waiting for the next"
        else:
            return
        data = data[end.end() :]
    what = "no good report" if data else "nothing"
    raise ReportError(
        f"{what} came within {patience_s:g} s; is the image flashed, and is it the right port?"
    )


def table(report: Report, source: str) -> str:
    """The report for people; *source* says where the figures come from."""
    own = f"us, {report.clock_khz / 1000:.1f} MHz"
    head = f"{'':<17}{'cycles':>10}{'first':>10}{'instr.':>10}{own:>14}{f'us, {NODE_MHZ} MHz*':>14}"
    lines = [
        source,
        f"image {report.image_crc}, {report.image_bytes} bytes; report {report.number}",
        f"vectors: {report.vectors_true} of {report.vectors} true",
        *(f"  not true: {name}" for name in report.wrong),
        f"stack: {report.stack_bytes} of {report.stack_of} bytes used",
        "",
        head,
        *(
            f"{name:<17}{c.cycles:>10}{c.first:>10}{c.instructions:>10}{c.us:>14}"
            f"{c.cycles / NODE_MHZ:>14.0f}"
            for name, c in report.costs.items()
        ),
        "",
        "* computed from cycles; holds while the cache holds the code",
    ]
    return "\n".join(lines) + "\n"


def modelled() -> Report:
    """
    The report of the image in the model; needs what `make test-firmware` needs.

    Raises:
        ReportError: The package unicorn is missing.
    """
    try:
        from tests.firmware.c3.model import C3  # noqa: PLC0415  unicorn is for tests only
    except ModuleNotFoundError as e:
        raise ReportError(f"the package {e.name} is missing: the model needs it") from None

    image = machines.IMAGES / "c3-selftest.bin"
    machines.make(str(image))
    board = C3(image.read_bytes())
    board.run()
    return decode(bytes(board.uart[board.uart.index(_BEGIN) :]))


def measured(arguments: argparse.Namespace) -> Report:
    """The report of the board at a port."""
    try:
        port = serial.serial_for_url(arguments.port, BAUD, timeout=0.2)
    except (serial.SerialException, OSError, ValueError) as e:
        raise ReportError(f"{arguments.port} cannot be opened: {e}") from None
    with port:
        for said in first_good(port, arguments.patience):
            if isinstance(said, Report):
                return said
            sys.stderr.write(f"c3_selftest: {said}\n")
    raise AssertionError


def of_image(report: Report, image: Path | None) -> Report:
    """
    The report, if it comes from that image or any will do.

    Raises:
        ReportError: It comes from another.
    """
    if image is not None:
        wanted = f"{zlib.crc32(image.read_bytes()):08x}"
        if report.image_crc != wanted:
            raise ReportError(f"the board runs image {report.image_crc}, {image} is {wanted}")
    return report


def main(arguments: list[str] | None = None) -> int:
    """Read or model, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[1])
    parser.add_argument("--port", help="serial port of the board, or a pyserial URL")
    parser.add_argument("--patience", type=float, default=60.0, help="wait so long [s]")
    parser.add_argument("--image", type=Path, help="the board must run this file")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args(arguments)
    try:
        report = modelled() if given.port is None else of_image(measured(given), given.image)
    except (ReportError, OSError, serial.SerialException) as e:
        sys.stderr.write(f"c3_selftest: {e}\n")
        return 1
    if given.port is None:
        figures: dict[str, Any] = asdict(report)
        write("c3_selftest", "MODELLED: the self-test image in unicorn; nothing measured", figures)
        return 0
    source = f"measured on the board at {given.port}"
    sys.stdout.write(
        json.dumps({"source": source, **asdict(report)}, indent=2) + "\n"
        if given.json
        else table(report, source)
    )
    if report.vectors_true != report.vectors:
        sys.stderr.write("c3_selftest: vectors are not true on this board\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
