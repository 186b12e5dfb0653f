# SPDX-License-Identifier: Apache-2.0
"""AES-128 and AES-CCM of the core against published vectors and against OpenSSL."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given
from hypothesis import strategies as st

from qres._core import ffi, lib

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "ccm.json").read_text())

Case = dict[str, Any]

keys = st.binary(min_size=16, max_size=16)
nonces = st.integers(7, 13).flatmap(lambda n: st.binary(min_size=n, max_size=n))
tag_lengths = st.sampled_from([4, 6, 8, 10, 12, 14, 16])
texts = st.binary(max_size=80)


def by_id(cases: list[Case]) -> pytest.MarkDecorator:
    """Parametrize a test over vectors, each named by its id."""
    return pytest.mark.parametrize("case", cases, ids=[case["id"] for case in cases])


def unhex(case: Case, name: str) -> bytes:
    """A field of a vector as bytes; the additional data may be written as a repetition."""
    value = bytes.fromhex(case[name])
    return value * case.get("aad_repeat", 1) if name == "aad" else value


def array(data: bytes) -> Any:
    """A C array that holds *data* and nothing after it."""
    out = ffi.new("uint8_t[]", len(data))
    ffi.memmove(out, data, len(data))
    return out


class Aes:
    """A key of the core, and the calls on it with bytes in and bytes out."""

    def __init__(self, key: bytes) -> None:
        self.ctx = ffi.new("qres_aes128 *")
        lib.qres_aes128_init(self.ctx, key)
        self.cipher = ffi.new("qres_cipher *", lib.qres_aes128_cipher(self.ctx))

    def block(self, data: bytes) -> bytes:
        """One block, encrypted."""
        out = ffi.new("uint8_t[16]")
        lib.qres_aes128_encrypt(self.ctx, out, data)
        return bytes(out)

    def two_blocks(self, data: bytes) -> bytes:
        """Two independent blocks, encrypted in place."""
        out = array(data)
        lib.qres_aes128_encrypt2(self.ctx, out, out)
        return bytes(out)

    def crypt(self, nonce: bytes, data: bytes) -> tuple[int, bytes]:
        """qres_ccm_crypt: its answer, and the data afterwards."""
        out = array(data)
        err = lib.qres_ccm_crypt(self.cipher, nonce, len(nonce), out, len(data))
        return err, bytes(out)

    def tag(self, nonce: bytes, aad: bytes, data: bytes, tag_len: int) -> tuple[int, bytes]:
        """qres_ccm_tag: its answer, and the tag."""
        out = array(b"\xaa" * tag_len)
        err = lib.qres_ccm_tag(
            self.cipher, nonce, len(nonce), aad, len(aad), data, len(data), out, tag_len
        )
        return err, bytes(out)

    def seal(self, nonce: bytes, aad: bytes, data: bytes, tag_len: int) -> tuple[int, bytes, bytes]:
        """qres_ccm_seal: its answer, the ciphertext and the tag."""
        out, tag = array(data), array(b"\xaa" * tag_len)
        err = lib.qres_ccm_seal(
            self.cipher, nonce, len(nonce), aad, len(aad), out, len(data), tag, tag_len
        )
        return err, bytes(out), bytes(tag)

    def open(self, nonce: bytes, aad: bytes, data: bytes, tag: bytes) -> tuple[int, bytes]:
        """qres_ccm_open: its answer, and the data afterwards."""
        out = array(data)
        err = lib.qres_ccm_open(
            self.cipher, nonce, len(nonce), aad, len(aad), out, len(data), tag, len(tag)
        )
        return err, bytes(out)


def openssl_block(key: bytes, data: bytes) -> bytes:
    """AES-128 in ECB mode by OpenSSL: the bare block cipher."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  no mode wanted
    return encryptor.update(data) + encryptor.finalize()


class Fips197:
    """AES-128 encryption word for word from FIPS 197, noting which S-box inputs occur."""

    def __init__(self, key: bytes) -> None:
        self.met: set[int] = set()
        self.sbox = [self._sub(x) for x in range(256)]
        words = [list(key[i : i + 4]) for i in range(0, 16, 4)]
        rcon = 1
        for i in range(4, 44):
            word = list(words[i - 1])
            if i % 4 == 0:
                word = [self.sbox[x] for x in word[1:] + word[:1]]
                word[0] ^= rcon
                rcon = self._mul(rcon, 2)
            words.append([a ^ b for a, b in zip(words[i - 4], word, strict=True)])
        self.round_keys = [list(itertools.chain(*words[i : i + 4])) for i in range(0, 44, 4)]

    @staticmethod
    def _mul(a: int, b: int) -> int:
        """Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (4.2)."""
        product = 0
        while b:
            if b & 1:
                product ^= a
            a = (a << 1) ^ (0x11B if a & 0x80 else 0)
            b >>= 1
        return product

    @classmethod
    def _sub(cls, x: int) -> int:
        """The S-box: inverse, then the affine map (5.1.1)."""
        inverse = next((y for y in range(256) if cls._mul(x, y) == 1), 0)
        result = inverse
        for n in range(1, 5):
            result ^= (inverse << n | inverse >> (8 - n)) & 0xFF
        return result ^ 0x63

    def encrypt(self, block: bytes) -> bytes:
        """The cipher (5.1); byte r + 4 c is row r, column c."""
        state = [a ^ b for a, b in zip(block, self.round_keys[0], strict=True)]
        for number in range(1, 11):
            self.met.update(state)
            state = [self.sbox[x] for x in state]
            state = [state[(i + 4 * (i % 4)) % 16] for i in range(16)]
            if number < 10:
                state = [
                    self._mul(state[i], 2)
                    ^ self._mul(state[i - i % 4 + (i + 1) % 4], 3)
                    ^ state[i - i % 4 + (i + 2) % 4]
                    ^ state[i - i % 4 + (i + 3) % 4]
                    for i in range(16)
                ]
            state = [a ^ b for a, b in zip(state, self.round_keys[number], strict=True)]
        return bytes(state)


@by_id(VECTORS["block"])
def test_block_vector(case: Case) -> None:
    """AES-128 gives the ciphertext that FIPS 197 and SP 800-38A print."""
    aes = Aes(unhex(case, "key"))
    assert aes.block(unhex(case, "plaintext")) == unhex(case, "ciphertext")
    assert aes.two_blocks(unhex(case, "plaintext") * 2) == unhex(case, "ciphertext") * 2


def test_every_sbox_value_is_that_of_the_standard() -> None:
    """The S-box circuit agrees with the definition in FIPS 197 on all 256 inputs."""
    key = bytes(range(16))
    standard, aes = Fips197(key), Aes(key)
    for i in range(24):
        block = bytes((37 * i + 11 * j) % 256 for j in range(16))
        assert aes.block(block) == standard.encrypt(block)
    assert standard.met == set(range(256))


@given(keys, st.binary(min_size=32, max_size=32))
def test_block_agrees_with_openssl(key: bytes, data: bytes) -> None:
    """Any key and any two blocks: the core's AES is OpenSSL's, alone and in pairs."""
    aes = Aes(key)
    expected = openssl_block(key, data)
    assert aes.block(data[:16]) + aes.block(data[16:]) == expected
    assert aes.two_blocks(data) == expected


@by_id(VECTORS["ccm"])
def test_ccm_vector(case: Case) -> None:
    """Sealing a published message gives its ciphertext and tag; opening gives it back."""
    aes = Aes(unhex(case, "key"))
    nonce, aad, plaintext, ciphertext, tag = (
        unhex(case, name) for name in ("nonce", "aad", "plaintext", "ciphertext", "tag")
    )
    assert aes.seal(nonce, aad, plaintext, len(tag)) == (lib.QRES_OK, ciphertext, tag)
    assert aes.open(nonce, aad, ciphertext, tag) == (lib.QRES_OK, plaintext)
    assert aes.crypt(nonce, ciphertext) == (lib.QRES_OK, plaintext)
    assert aes.tag(nonce, aad, plaintext, len(tag)) == (lib.QRES_OK, tag)


@by_id(VECTORS["invalid"])
def test_invalid_vector_is_refused(case: Case) -> None:
    """An altered message gives its stated error and no plaintext."""
    data = unhex(case, "ciphertext")
    err, after = Aes(unhex(case, "key")).open(
        unhex(case, "nonce"), unhex(case, "aad"), data, unhex(case, "tag")
    )
    assert err == getattr(lib, case["error"])
    assert after == (bytes(len(data)) if err == lib.QRES_ERR_TAG else data)


@given(keys, nonces, texts, texts, tag_lengths)
def test_ccm_agrees_with_openssl(
    key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_len: int
) -> None:
    """Any message, nonce length and tag length: sealed as OpenSSL does, and opened again."""
    aes = Aes(key)
    expected = AESCCM(key, tag_length=tag_len).encrypt(nonce, plaintext, aad)
    err, ciphertext, tag = aes.seal(nonce, aad, plaintext, tag_len)
    assert (err, ciphertext + tag) == (lib.QRES_OK, expected)
    assert aes.open(nonce, aad, ciphertext, tag) == (lib.QRES_OK, plaintext)


@pytest.mark.parametrize("aad_len", [0xFEFF, 0xFF00, 0x10000, 0x10001])
def test_long_additional_data_agrees_with_openssl(aad_len: int) -> None:
    """The length of the additional data changes its encoding at 0xFF00 bytes, and not before."""
    key, nonce, aad = bytes(range(16)), bytes(13), bytes(i % 251 for i in range(aad_len))
    err, ciphertext, tag = Aes(key).seal(nonce, aad, b"surprise", 4)
    assert err == lib.QRES_OK
    assert ciphertext + tag == AESCCM(key, tag_length=4).encrypt(nonce, b"surprise", aad)


def test_message_length_is_bounded_by_the_nonce() -> None:
    """With a 13-byte nonce 65535 bytes pass and agree with OpenSSL; 65536 are refused."""
    key, nonce, longest = bytes(16), bytes(range(13)), bytes(65535)
    aes = Aes(key)
    err, ciphertext, tag = aes.seal(nonce, b"", longest, 16)
    assert err == lib.QRES_OK
    assert ciphertext + tag == AESCCM(key).encrypt(nonce, longest, b"")
    assert aes.crypt(nonce, longest + b"\0") == (lib.QRES_ERR_INVALID, longest + b"\0")
    assert aes.crypt(nonce[:12], longest + b"\0")[0] == lib.QRES_OK


@given(keys, nonces, texts, texts, tag_lengths, st.data())
def test_one_flipped_bit_is_refused_and_leaves_no_plaintext(
    key: bytes, nonce: bytes, aad: bytes, plaintext: bytes, tag_len: int, data: st.DataObject
) -> None:
    """A bit flipped anywhere in nonce, additional data, ciphertext or tag fails the tag."""
    aes = Aes(key)
    _, ciphertext, tag = aes.seal(nonce, aad, plaintext, tag_len)
    parts = [nonce, aad, ciphertext, tag]
    which = data.draw(st.sampled_from([i for i, part in enumerate(parts) if part]))
    bit = data.draw(st.integers(0, 8 * len(parts[which]) - 1))
    flipped = bytearray(parts[which])
    flipped[bit // 8] ^= 1 << bit % 8
    parts[which] = bytes(flipped)
    assert aes.open(*parts) == (lib.QRES_ERR_TAG, bytes(len(plaintext)))


@pytest.mark.parametrize(("nonce_len", "tag_len"), [(6, 4), (14, 4), (13, 2), (13, 5), (13, 18)])
def test_bad_lengths_leave_everything_untouched(nonce_len: int, tag_len: int) -> None:
    """A nonce or tag of a length that CCM does not have is refused before anything is written."""
    aes, nonce = Aes(bytes(16)), bytes(nonce_len)
    untouched = b"\xaa" * tag_len
    assert aes.seal(nonce, b"a", b"data", tag_len) == (lib.QRES_ERR_INVALID, b"data", untouched)
    assert aes.tag(nonce, b"a", b"data", tag_len) == (lib.QRES_ERR_INVALID, untouched)
    assert aes.open(nonce, b"a", b"data", untouched) == (lib.QRES_ERR_INVALID, b"data")


def test_a_port_may_bring_its_own_block_cipher() -> None:
    """CCM calls the cipher it is given, with its context, and no other."""
    key, contexts = bytes(range(16, 32)), []

    def hardware(ctx: Any, out: Any, block: Any) -> None:
        contexts.append(ctx)
        ffi.memmove(out, openssl_block(key, ffi.buffer(block, 16)[:]), 16)

    marker, port = ffi.new("int *"), Aes(bytes(16))
    function = ffi.callback("qres_block_fn", hardware)
    port.cipher.encrypt, port.cipher.ctx = function, marker
    expected = Aes(key).seal(bytes(13), b"where and when", b"27.5 degC", 4)
    assert port.seal(bytes(13), b"where and when", b"27.5 degC", 4) == expected
    assert set(contexts) == {ffi.cast("void *", marker)}


def test_a_cipher_without_function_is_refused() -> None:
    """A cipher whose function is NULL is an invalid argument, not a crash."""
    aes = Aes(bytes(16))
    aes.cipher.encrypt = ffi.NULL
    assert aes.crypt(bytes(13), b"data") == (lib.QRES_ERR_INVALID, b"data")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_ct_equal_is_equality(a: bytes, b: bytes) -> None:
    """Constant-time comparison says what a plain one says."""
    size = min(len(a), len(b))
    assert lib.qres_ct_equal(a, b, size) == (a[:size] == b[:size])
    assert lib.qres_ct_equal(a, a, len(a)) == 1


def test_wipe_zeroes_exactly_what_it_is_given() -> None:
    """qres_wipe clears the bytes it is told, and no neighbour."""
    data = array(b"keyskeyskeys")
    lib.qres_wipe(data + 4, 4)
    assert bytes(data) == b"keys\0\0\0\0keys"
