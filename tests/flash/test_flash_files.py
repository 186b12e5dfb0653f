# SPDX-License-Identifier: Apache-2.0
"""Firmware folders and images, labels, the register's file, and the command line's words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from qres.core import Field
from qres.site import load_site
from qres_gateway.cli import COMMANDS, build_app
from qres_gateway.flash.errors import FirmwareError, RegisterError
from qres_gateway.flash.firmware import load_folder, load_image
from qres_gateway.flash.label import label_png, label_svg, label_text
from qres_gateway.flash.partitions import Partition, parse_table, provisioning_partition
from qres_gateway.flash.register import load_register
from tests.flash.builds import STANDARD, make_build, make_site_file, merged, table
from tests.flash.mock_board import app_image
from tests.qres.site_text import KEY
from tests.sources import ROOT


def test_table_is_read_as_esp_idf_writes_it() -> None:
    """Entries up to the MD5 row; the record's partition is found by name, type and alignment."""
    rows = parse_table(table(*STANDARD))
    assert rows == tuple(Partition(*row) for row in STANDARD)
    assert provisioning_partition(rows) == rows[0]
    assert parse_table(b"\xff" * 0xC00) == parse_table(b"") == ()
    app = (Partition("qres_prov", 0, 0x40, 0x9000, 0x1000),)
    short = (Partition("qres_prov", 1, 0x40, 0x9000, 0x800),)
    assert provisioning_partition(app) is provisioning_partition(short) is None


def test_firmware_has_room_for_the_record() -> None:
    """The partition table of the node firmware has the partition that `qres flash` looks for."""
    text = (ROOT / "firmware/ports/esp32/partitions.csv").read_text(encoding="utf-8")
    rows = [[word.strip() for word in line.split(",")] for line in text.splitlines()]
    named = {row[0]: row for row in rows if row[0] and not row[0].startswith("#")}
    name, kind, subtype, offset, size, *_ = named["qres_prov"]
    row = Partition(name, {"data": 1}[kind], int(subtype, 0), int(offset, 0), int(size, 0))
    assert provisioning_partition((row,)) == row


def test_image_is_the_folder(tmp_path: Path) -> None:
    """A merged image writes what the folder writes, but for erased data partitions and gaps."""
    build = make_build(tmp_path / "build", "esp32s3")
    image = tmp_path / "image.bin"
    image.write_bytes(merged(build))
    folder, single = load_folder(build), load_image(image)
    assert (single.chip, single.record) == (folder.chip, folder.record)
    flash = bytearray(b"\xff" * 0x20000)
    for part in single.parts:
        assert not part.offset < 0x10000 <= part.offset + len(part.data) - 1
        flash[part.offset : part.offset + len(part.data)] = part.data
    for part in folder.parts:
        assert flash[part.offset : part.offset + len(part.data)] == part.data
    assert len(folder.digest) == 16
    assert folder.digest == load_folder(build).digest != single.digest


def test_unusable_firmware_is_named(tmp_path: Path) -> None:
    """Each way in which a folder or image is wrong is refused with file, limit and value."""

    def bad(name: str, text: str, app_for: str = "") -> None:
        folder = make_build(tmp_path / name, "esp32c3", app_for=app_for)
        args = json.loads((folder / "flasher_args.json").read_text())
        if name == "chip":
            args["extra_esptool_args"]["chip"] = "esp8266"
        elif name == "absent":
            (folder / "app.bin").unlink()
        elif name == "overlap":
            args["flash_files"]["0x1000"] = args["flash_files"].pop("0x10000")
        elif name == "covered":
            (folder / "table.bin").write_bytes(table(("qres_prov", 1, 64, 0x11000, 4096)))
        elif name == "no partition":
            (folder / "table.bin").write_bytes(table(*STANDARD[1:]))
        elif name == "offset":
            args["flash_files"]["here"] = "app.bin"
        elif name == "empty":
            (folder / "app.bin").write_bytes(b"")
        (folder / "flasher_args.json").write_text(json.dumps(args))
        with pytest.raises(FirmwareError, match=text):
            load_folder(folder)

    bad("chip", "chip esp8266: must be one of esp32, esp32c3, esp32s3, esp32c6")
    bad("absent", "names app.bin, which is not there; build again")
    bad("overlap", "app.bin at 0x1000: .* not before 0x")
    bad("covered", "app.bin covers the partition qres_prov at 0x11000")
    bad("no partition", "has no data partition qres_prov")
    bad("offset", "invalid literal")
    bad("empty", "app.bin is empty")
    bad("other app", "app.bin is for esp32: must be for esp32c3", app_for="esp32")
    with pytest.raises(FirmwareError, match=re.escape("no flasher_args.json")):
        load_folder(tmp_path)
    image = tmp_path / "app.bin"
    image.write_bytes(app_image(2))
    with pytest.raises(FirmwareError, match="no bootloader for"):
        load_image(image)


def test_label_says_who_and_where_and_no_secret(tmp_path: Path) -> None:
    """The QR text names field, id, name, place and site; SVG is well-formed, PNG is one."""
    site = load_site(make_site_file(tmp_path))
    site_hash = Field(site).site_hash
    text = label_text(site, 3, site_hash, "24:0a:c4:01:02:03")
    parts = urlsplit(text)
    assert (parts.scheme, parts.path) == ("qres", "0x01020304/3")
    assert parse_qs(parts.query) == {
        "name": ["north"],
        "at": ["50.98000,3.81000,0"],
        "site": [f"{site_hash:08x}"],
        "mac": ["240ac4010203"],
    }
    svg = label_svg(site, 3, site_hash)
    words = [e.text for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
    assert words == [
        *("node 3", "north", "Rim", "50.98000, 3.81000"),
        *("field 01020304", f"site {site_hash:08x}"),
    ]
    png = label_png(site, 3, site_hash)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert KEY.hex().encode() not in svg
    assert KEY not in png


def test_damaged_register_stops_before_a_board_is_touched(tmp_path: Path) -> None:
    """A register that cannot be read is an error with the way out, not an empty register."""
    path = tmp_path / "site.boards.json"
    for text, said in (("{", "register"), ('{"version": 2, "field_id": 1}', "version 2")):
        path.write_text(text)
        with pytest.raises(RegisterError, match=said):
            load_register(path, 1)


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    """Options that do not go together are refused before the site file is read."""
    for words in (
        [],
        ["--node", "3"],
        ["--node", "3", "--port", "p", "--tray", "3=p"],
        ["--node", "3", "--port", "p", "--firmware", "a", "--image", "b"],
        ["--out", "f"],
    ):
        done = CliRunner().invoke(build_app("flash"), ["flash", str(tmp_path / "none"), *words])
        assert done.exit_code == 2, words
    assert COMMANDS["flash"].module == "qres_gateway.cli.flash"


def test_node_that_the_site_lacks(tmp_path: Path) -> None:
    """An id that is not in the site is refused with the ids that are."""
    done = CliRunner().invoke(
        build_app("flash"),
        ["flash", str(make_site_file(tmp_path)), "--node", "7", "--port", "/dev/null"],
    )
    assert done.exit_code == 1
    assert str(done.exception) == "node = 7: must be one of the site's ids: 1, 3"
