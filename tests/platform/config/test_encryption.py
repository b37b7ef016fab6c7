"""What is encrypted opens under its key and whole, or not at all."""

import io

import pytest

from config.encryption import CHUNK, MARK, SealingKeyError, decrypt, encrypt, is_under, key_from, keys_from, new_key

KEYS = keys_from([new_key()])


def sealed(data: bytes, keys: list[bytes] = KEYS) -> bytes:
    """The data, encrypted."""
    out = io.BytesIO()
    encrypt(io.BytesIO(data), out, keys)
    return out.getvalue()


def opened(data: bytes, keys: list[bytes] = KEYS) -> bytes:
    """The data, decrypted."""
    out = io.BytesIO()
    decrypt(io.BytesIO(data), out, keys)
    return out.getvalue()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_what_is_encrypted_comes_back_as_it_was(size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"o" * (size % 256)
    assert opened(sealed(data)) == data


def test_no_two_files_look_alike_and_none_holds_its_text() -> None:
    text = b"the owl hoots " * 100
    assert sealed(text) != sealed(text)
    assert b"owl" not in sealed(text)


def test_a_changed_or_shortened_file_does_not_open() -> None:
    data = sealed(bytes(2 * CHUNK + 5))
    for broken in (
        data[:-1],
        data[: len(data) - 5 - 16],
        data[:-3] + b"owl",
        data[:60] + bytes([data[60] ^ 1]) + data[61:],
    ):
        with pytest.raises(SealingKeyError, match="changed or cut off"):
            opened(broken)


def test_chunks_can_not_change_places() -> None:
    data = sealed(bytes(CHUNK) + b"o" * CHUNK + b"end")
    head, size = len(data) - 3 - 16 - 2 * (CHUNK + 16), CHUNK + 16
    swapped = data[:head] + data[head + size : head + 2 * size] + data[head : head + size] + data[head + 2 * size :]
    assert len(swapped) == len(data)
    with pytest.raises(SealingKeyError, match="changed or cut off"):
        opened(swapped)


def test_without_the_key_it_says_so_and_nothing_else() -> None:
    with pytest.raises(SealingKeyError, match="not among PROCTOR_SEALING_KEYS"):
        opened(sealed(b"the owl hoots"), keys_from([new_key()]))
    with pytest.raises(SealingKeyError, match="not encrypted"):
        opened(b"the owl hoots, and hoots, and hoots, and hoots, and hoots")


def test_the_first_key_writes_and_every_key_reads() -> None:
    old, new = KEYS[0], key_from(new_key())
    before, after = sealed(b"owl"), sealed(b"owl", [new, old])
    assert opened(before, [new, old]) == opened(after, [new, old]) == b"owl"
    assert (is_under(before, old), is_under(before, new), is_under(after, new)) == (True, False, True)
    assert before.startswith(MARK)


@pytest.mark.parametrize("text", ["", "owl", "b3ds", "!" * 44])
def test_a_key_that_is_none_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(SealingKeyError, match="PROCTOR_SEALING_KEYS") as refusal:
        key_from(text)
    assert not text or f" {text} " not in str(refusal.value)
    with pytest.raises(SealingKeyError, match="is empty"):
        keys_from([])
