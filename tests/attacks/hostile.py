"""Hostile things to hand in: archives that no usual program makes, model files, and code that asks for too much."""

import io
import json
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import yaml

# Stands in the gold of every suite here, and nowhere else.
CANARY = "canary-5c1f0a7be2d94638"
# Stands in the hidden texts, which a submission sees and its team must not.
HIDDEN_WORD = "Hoopoe"
# In the name of every file that an attack tries to leave outside of its container.
MARK = "proctor-attack-mark"

MANIFEST = yaml.safe_dump(
    {"schema": "submission/1", "kind": "code", "method": {"name": "Magpie"}, "code": {"entry": "model.py:Model"}}
).encode()
CONSTANT = b"class Model:\n    def loglikelihood(self, requests):\n        return [-1.0 for _ in requests]\n"
PLAIN: Mapping[str, bytes] = {"submission.yaml": MANIFEST, "model.py": CONSTANT}


def made_zip(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED, **info: Any) -> bytes:
    """A zip of the files; `info` changes the headers of all of them. The same files give the same bytes."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # names that stand twice
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.filename, entry.compress_type = name, method
            for key, value in info.items():
                setattr(entry, key, value)
            archive.writestr(entry, content)
    return out.getvalue()


def made_tar(
    files: Mapping[str, bytes], mode: str = "w", change: Callable[[tarfile.TarInfo], None] = lambda entry: None
) -> bytes:
    """A tar of the files; `change` is called with the header of each that is not PLAIN."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            if name not in PLAIN:
                change(entry)
            archive.addfile(entry, io.BytesIO(content) if entry.size else None)
    return out.getvalue()


def beside_plain(files: Mapping[str, bytes], **info: Any) -> bytes:
    """A zip of a sound submission and of more files."""
    return made_zip({**PLAIN, **files}, **info)


def tar_of_kind(kind: bytes, target: str = "") -> bytes:
    """A tar of a sound submission with one more entry of this kind."""

    def change(entry: tarfile.TarInfo) -> None:
        entry.type, entry.linkname, entry.size, entry.devmajor, entry.devminor = kind, target, 0, 8, 0

    return made_tar({**PLAIN, "thing": b""}, change=change)


def tar_through_link(target: str) -> bytes:
    """A link to a folder outside, and a file that would be written through it."""

    def change(entry: tarfile.TarInfo) -> None:
        if entry.name == "way":
            entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, target, 0

    return made_tar({**PLAIN, "way": b"", f"way/{MARK}": b"1"}, change=change)


def zip_symlink(target: str) -> bytes:
    """A zip whose entry says that it is a symbolic link."""
    return made_zip({**PLAIN, "link": target.encode()}, external_attr=(stat.S_IFLNK | 0o777) << 16, create_system=3)


def set_uid_tar(code: bytes) -> bytes:
    """A submission of this code with a program that would run as root, and as everybody."""

    def change(entry: tarfile.TarInfo) -> None:
        entry.mode, entry.uid, entry.gid, entry.uname = 0o6777, 0, 0, "root"

    return made_tar({**PLAIN, "model.py": code, "program": b"#!/bin/sh\nid\n"}, change=change)


def zip_with_end(*, entries: int | None = None, offset: int | None = None, disk: int = 0) -> bytes:
    """A sound zip but for its end record."""
    content = bytearray(made_zip(PLAIN))
    at = content.rindex(b"PK\x05\x06")
    signature, _, first, here, count, size, start, comment = struct.unpack_from("<4s4H2LH", content, at)
    here, count = (here, count) if entries is None else (entries, entries)
    struct.pack_into(
        "<4s4H2LH", content, at, signature, disk, first, here, count, size, start if offset is None else offset, comment
    )
    return bytes(content)


def tar_of_size(field: bytes) -> bytes:
    """A tar with an entry whose header has these twelve bytes for its size."""
    header = bytearray(tarfile.TarInfo("thing").tobuf())
    header[124:136] = field
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return made_tar(PLAIN)[: 4 * 512] + bytes(header) + bytes(1024)  # two entries of one block each come first


def global_rename() -> bytes:
    """A tar whose global header gives every entry another name."""
    out = io.BytesIO()
    names = {"path": f"/tmp/{MARK}"}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=names) as archive:
        for name, content in PLAIN.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def twice(name: str) -> bytes:
    """A zip in which a name stands twice, with two contents."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")
        for known, content in PLAIN.items():
            archive.writestr(known, content)
        archive.writestr(name, CONSTANT)
        archive.writestr(name, b"import os\n")
    return out.getvalue()


def renamed(before: bytes, after: bytes) -> bytes:
    """A zip in which a name was changed behind the archiver's back; both have the same length."""
    return beside_plain({before.decode(): b"1"}).replace(before, after)


def encrypted() -> bytes:
    """A zip that says of every entry that it is encrypted."""
    content = bytearray(beside_plain({}))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        found = content.find(signature)
        while found >= 0:
            content[found + at] |= 1
            found = content.find(signature, found + 4)
    return bytes(content)


def overlapping(copies: int = 2) -> bytes:
    """Many directory entries over one file: a bomb without nesting."""
    content = made_zip({"a": b"12345"}, zipfile.ZIP_STORED)
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    central, tail = content[start:end], bytearray(content[end:])
    struct.pack_into("<HHL", tail, 8, copies, copies, copies * len(central))
    return content[:start] + central * copies + bytes(tail)


def crowded_zip(entries: int) -> bytes:
    """A zip of so many empty files, which has to use the 64-bit end record."""
    local, central = [], []
    for number in range(entries):
        name = b"%d" % number
        offset = number * 30 + sum_of_digits(number)
        local.append(struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0) + name)
        central.append(
            struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0, 0, 0, 0, 0, offset)
            + name
        )
    files, directory = b"".join(local), b"".join(central)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, len(directory), len(files))
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(files) + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return files + directory + end64 + locator + end


def sum_of_digits(number: int) -> int:
    """How many digits all whole numbers below this one have together."""
    total, width, first = 0, 1, 0
    while first < number:
        last = min(number, 10**width)
        total += (last - first) * width
        first, width = last, width + 1
    return total


def modest_liar() -> bytes:
    """A bomb whose headers call it small."""
    size = 64 * 1024**2
    content = beside_plain({"zeros": bytes(size)})
    return content.replace(struct.pack("<L", size), struct.pack("<L", 50_000))


def gzip_bomb(size: int = 512 * 1024**2) -> bytes:
    """A tar of zeros, packed a thousand to one, made without ever holding it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    entry = tarfile.TarInfo("zeros")
    entry.size = size
    parts = [packer.compress(entry.tobuf())]
    block = bytes(1024**2)
    parts += [packer.compress(block) for _ in range(size // len(block))]
    parts += [packer.compress(bytes(1024)), packer.flush()]
    return b"".join(parts)


def zip_bomb(size: int = 512 * 1024**2) -> bytes:
    """A file of zeros, packed a thousand to one."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("zeros", "w") as file,
    ):
        block = bytes(1024**2)
        for _ in range(size // len(block)):
            file.write(block)
    return out.getvalue()


def sparse_tar() -> bytes:
    """A file that says it has holes of a terabyte."""
    out = io.BytesIO()
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 40)}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("holes")
        entry.pax_headers = headers
        archive.addfile(entry)
    return out.getvalue()


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with this header, which may lie about its own length."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def tensor(begin: int, end: int, **change: Any) -> dict[str, Any]:
    """One tensor of that span."""
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]} | change


def model_archive(files: Mapping[str, bytes | None]) -> bytes:
    """A zip of a model submission that is sound but for these files; None leaves one out."""
    described = yaml.safe_dump({
        "schema": "submission/1", "kind": "model", "method": {"name": "Magpie"},
        "model": {"path": ".", "backend": "causal"},
    })  # fmt: skip
    sound: dict[str, bytes | None] = {
        "submission.yaml": described.encode(),
        "config.json": b'{"model_type": "gpt2"}',
        "tokenizer.json": b"{}",
        "model.safetensors": safetensors({"w": tensor(0, 4)}, bytes(4)),
    }
    return made_zip({name: content for name, content in {**sound, **files}.items() if content is not None})


def answering(body: str, *, load: str = "pass") -> str:
    """Code whose class runs `load` when it is made, and `body` when it is asked; `body` may return answers."""
    parts = (
        [f"        {line}" for line in load.strip().splitlines()],
        [f"        {line}" for line in body.strip().splitlines()],
    )
    return "\n".join([
        "import errno, glob, json, os, resource, signal, socket, stat, subprocess, sys, time",
        "class Model:",
        "    def __init__(self):", *parts[0],
        "    def loglikelihood(self, requests):", *parts[1],
        "        return [-1.0 for _ in requests]", "",
    ])  # fmt: skip
