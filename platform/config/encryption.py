"""Files that are encrypted at rest: AES-256-GCM in chunks, under keys that can be replaced.

A file begins with a mark, the first bytes of its key's digest and a random salt; its own key is the HMAC-SHA256 of the
salt. Each chunk is sealed under its number and whether it is the last, so that none can be taken out, moved or cut off.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = b"proctor sealed 1\n"
ID_BYTES, SALT_BYTES, KEY_BYTES, TAG_BYTES = 8, 32, 32, 16
CHUNK = 1024 * 1024


class SealingKeyError(RuntimeError):
    """An encrypted file can't be opened here: ours to mend, and nothing of the file is said."""


def new_key() -> str:
    """A random key, written as the setting takes it."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def key_from(text: str) -> bytes:
    """The key that a setting writes; raises SealingKeyError."""
    try:
        key = base64.urlsafe_b64decode(text.strip())
    except (binascii.Error, ValueError) as error:
        raise SealingKeyError("PROCTOR_SEALING_KEYS: a key is not base64.") from error
    if len(key) != KEY_BYTES:
        raise SealingKeyError(f"PROCTOR_SEALING_KEYS: a key must be {KEY_BYTES} bytes in base64.")
    return key


def keys_from(texts: Sequence[str]) -> list[bytes]:
    """All keys, the one that new files are written under first; raises SealingKeyError where there is none."""
    if not texts:
        raise SealingKeyError("PROCTOR_SEALING_KEYS is empty: gated suites can't be written or read.")
    return [key_from(text) for text in texts]


def id_of(key: bytes) -> bytes:
    """What a file says about its key: enough to find it among several, and nothing of the key."""
    return hashlib.sha256(b"proctor sealing key" + key).digest()[:ID_BYTES]


def encrypt(source: IO[bytes], out: IO[bytes], keys: Sequence[bytes]) -> None:
    """Write what `source` holds to `out`, encrypted under the first key."""
    salt = os.urandom(SALT_BYTES)
    header = MARK + id_of(keys[0]) + salt
    cipher = _cipher(keys[0], salt)
    out.write(header)
    number, block = 0, source.read(CHUNK)
    while True:
        following = source.read(CHUNK) if len(block) == CHUNK else b""
        out.write(cipher.encrypt(_nonce(number, last=not following), block, header))
        if not following:
            return
        number, block = number + 1, following


def decrypt(source: IO[bytes], out: IO[bytes], keys: Sequence[bytes]) -> None:
    """Write what was encrypted to `out`; raises SealingKeyError where its key is not here or the file was changed."""
    from cryptography.exceptions import InvalidTag

    header = source.read(len(MARK) + ID_BYTES + SALT_BYTES)
    cipher = _cipher(_key_of(header, keys), header[-SALT_BYTES:])
    number, block = 0, source.read(CHUNK + TAG_BYTES)
    try:
        while True:
            following = source.read(CHUNK + TAG_BYTES) if len(block) == CHUNK + TAG_BYTES else b""
            out.write(cipher.decrypt(_nonce(number, last=not following), block, header))
            if not following:
                return
            number, block = number + 1, following
    except InvalidTag as error:
        raise SealingKeyError("A sealed file was changed or cut off since it was written.") from error


def is_under(header: bytes, key: bytes) -> bool:
    """Whether a file that begins so is encrypted under this key."""
    return header.startswith(MARK + id_of(key))


def _key_of(header: bytes, keys: Sequence[bytes]) -> bytes:
    if not header.startswith(MARK) or len(header) != len(MARK) + ID_BYTES + SALT_BYTES:
        raise SealingKeyError("A file of a gated suite is not encrypted as it must be.")
    for key in keys:
        if is_under(header, key):
            return key
    raise SealingKeyError(
        "The key of a sealed file is not among PROCTOR_SEALING_KEYS; add the key that it was written with."
    )


def _cipher(key: bytes, salt: bytes) -> "AESGCM":
    # Loaded where it is needed: most installations have no gated suite, and every command would wait for it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(hmac.digest(key, b"proctor sealed file" + salt, "sha256"))


def _nonce(number: int, *, last: bool) -> bytes:
    """Each chunk's own; a file's key is used for that file alone."""
    return number.to_bytes(11, "big") + bytes([last])
