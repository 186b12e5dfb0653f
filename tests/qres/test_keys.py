# SPDX-License-Identifier: Apache-2.0
"""The field key's file, and files that are there whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from qres.atomic_file import write_atomic
from qres.errors import KeyFileError
from qres.keys import KEY_BYTES, loose_permissions, new_key, read_key_file, write_key_file

KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0f")


def test_round_trip_and_mode(tmp_path: Path) -> None:
    """A key is written as 32 digits, readable by its owner only, and read back."""
    path = tmp_path / "site.key"
    write_key_file(path, KEY)
    assert path.read_text() == "000102030405060708090a0b0c0d0e0f\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert loose_permissions(path) is None
    assert read_key_file(path) == KEY


def test_fresh_keys_come_from_the_system() -> None:
    """A new key is what the source of randomness gave; by default two differ."""
    asked = []

    def source(n: int) -> bytes:
        asked.append(n)
        return KEY[:n]

    assert new_key(source) == KEY
    assert asked == [KEY_BYTES]
    assert new_key() != new_key()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_loose_permissions(tmp_path: Path, mode: int) -> None:
    """A key that others may read or write is noticed, with its mode."""
    path = tmp_path / "site.key"
    write_key_file(path, KEY)
    path.chmod(mode)
    assert loose_permissions(path) == mode


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has 0 digits: must be 32 hexadecimal digits (128 bits)"),
        (b"00112233\n", "has 8 digits: must be 32"),
        (b"0" * 31, "has 31 digits: must be 32"),
        (b"0" * 33, "has 33 digits: must be 32"),
        (b"00112233445566778899aabbccddeefg", "character 32 is no digit: must be 32"),
        (b"0011223344556677 8899aabbccddeeff", "character 17 is no digit: must be 32"),
        (bytes(range(128, 144)), "character 1 is no digit: must be 32"),
        (b"ab" * 16, "all bytes are equal: must be a random key"),
        (b"0" * 10_000_000, "has 4096 digits: must be 32"),
    ],
)
def test_key_files_that_hold_no_key(tmp_path: Path, content: bytes, reason: str) -> None:
    """A short, long, odd or made-up key is refused with the limit, and never shown."""
    path = tmp_path / "site.key"
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as error:
        read_key_file(path)
    assert error.value.reason.startswith(reason)
    assert "112233" not in str(error.value)


def test_upper_case_and_spaces_around(tmp_path: Path) -> None:
    """A key that went through an editor is the same key."""
    path = tmp_path / "site.key"
    path.write_bytes(b"  000102030405060708090A0B0C0D0E0F\r\n\n")
    assert read_key_file(path) == KEY


def test_absent_key_and_folder(tmp_path: Path) -> None:
    """An absent key says how to get one; a folder in its place is named as unreadable."""
    with pytest.raises(KeyFileError, match=r"key file .*site\.key: not found; copy the field's"):
        read_key_file(tmp_path / "site.key")
    with pytest.raises(KeyFileError, match="cannot be read: Is a directory"):
        read_key_file(tmp_path)


def test_a_key_is_not_replaced_by_accident(tmp_path: Path) -> None:
    """A key that is there stays, unless replacing is asked for."""
    path = tmp_path / "site.key"
    write_key_file(path, KEY)
    with pytest.raises(KeyFileError, match="exists already"):
        write_key_file(path, KEY[::-1])
    assert read_key_file(path) == KEY
    write_key_file(path, KEY[::-1], replace=True)
    assert read_key_file(path) == KEY[::-1]


def test_a_key_of_another_length_is_not_written(tmp_path: Path) -> None:
    """Only 128-bit keys are written."""
    with pytest.raises(KeyFileError, match="a key of 32 bytes: must be 16"):
        write_key_file(tmp_path / "site.key", KEY * 2)
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full, or Ctrl-C comes, the old file is whole and nothing lies about."""
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new", replace=True)

    def stop(_fd: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, b"new", replace=True)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
