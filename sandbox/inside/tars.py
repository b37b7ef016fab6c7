"""Our own reading of tar archives, packed by gzip or not: one pass, every header checked, nothing repaired."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sandbox.inside.names import check_name, is_junk
from sandbox.inside.refusals import Problems, Refused
from sandbox.inside.tree import FREE_RATIO_BYTES, MAX_RATIO, Tree

BLOCK = 512
CHUNK = 1024 * 1024
MAX_EXTENDED = 64 * 1024  # bytes of a pax or long-name record
REGULAR, FOLDER = (b"0", b"\0", b"7"), b"5"
LINKS, SPECIALS = (b"1", b"2", b"K"), (b"3", b"4", b"6")


def _damaged(message: str, file: str = "") -> Refused:
    return Refused("E-ARC-DAMAGED", message, file)


class Unpacked:
    """The tar's bytes in order, inflated where the archive is gzip; the ratio is watched while they grow."""

    def __init__(self, file: BinaryIO, *, packed: bool) -> None:
        self._file = file
        self._unpacker = zlib.decompressobj(31) if packed else None
        self._pending = b""
        self._buffer = b""
        self._at = 0
        self._taken = 0
        self._made = 0

    def _more(self) -> bytes:
        """Return the next bytes, b"" at the end."""
        if self._unpacker is None:
            return self._file.read(CHUNK)
        while not self._unpacker.eof:
            if not self._pending:
                self._pending = self._file.read(CHUNK)
                self._taken += len(self._pending)
                if not self._pending:
                    raise _damaged("The archive ends too early.")
            try:
                chunk = self._unpacker.decompress(self._pending, CHUNK)
            except zlib.error:
                raise _damaged("The archive's packed bytes are damaged.") from None
            self._pending = self._unpacker.unconsumed_tail
            self._made += len(chunk)
            used = self._taken - len(self._pending)
            if self._made > FREE_RATIO_BYTES and self._made > MAX_RATIO * used:
                raise Refused("E-ARC-RATIO", "The archive unpacks to more than 100 times its packed size.")
            if chunk:
                return chunk
        if self._unpacker.unused_data or self._file.read(1):
            raise _damaged("There are bytes after the end of the archive.")
        return b""

    def _fill(self) -> bool:
        """Put the next bytes into the used-up buffer; False at the end."""
        self._buffer, self._at = self._more(), 0
        return bool(self._buffer)

    def chunks(self, size: int, name: str = "") -> Iterator[bytes]:
        """Yield `size` bytes and pass over the padding; raises Refused where they are not there."""
        left = size + -size % BLOCK
        wanted = size
        while left:
            if self._at == len(self._buffer) and not self._fill():
                raise _damaged("The archive ends too early.", name)
            data = self._buffer[self._at : self._at + left]
            self._at += len(data)
            left -= len(data)
            if wanted:
                yield data[:wanted]
                wanted -= min(wanted, len(data))

    def block(self) -> bytes:
        """Return the next block, b"" at the end; raises Refused where half a block is left."""
        if self._at == len(self._buffer) and not self._fill():
            return b""
        return b"".join(self.chunks(BLOCK))


@dataclass(frozen=True, slots=True)
class Header:
    """One tar header; `size` in bytes."""

    name: str
    size: int
    kind: bytes


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        if field[0] != 0x80:
            raise _damaged("A number in a header is negative or too large.")
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    # Python's own reading of a number would take signs, underscores and prefixes too.
    if text.strip(b"01234567"):
        raise _damaged("A number in a header is damaged.")
    return int(text, 8) if text else 0


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("E-ARC-NAME", "The name is not UTF-8.", raw.decode("latin-1")) from None


def _latin(raw: bytes) -> str:
    return raw.decode("latin-1")


def _field(raw: bytes) -> bytes:
    """Return a name's bytes up to the NULs that fill its field; raises Refused where something stands behind them."""
    name = raw.rstrip(b"\0")
    if b"\0" in name:
        raise Refused("E-ARC-NAME", "The name holds a NUL.", name.decode("latin-1"))
    return name


def parse_header(block: bytes) -> Header:
    """Return a header's fields; raises Refused where its checksum is wrong."""
    told = _number(block[148:156])
    if told != sum(block[:148]) + 8 * 32 + sum(block[156:]):
        raise _damaged("A header's checksum is wrong.")
    name = _field(block[:100])
    if block[257:263] == b"ustar\0":
        prefix = _field(block[345:500])
        name = prefix + b"/" + name if prefix else name
    return Header(_text(name), _number(block[124:136]), block[156:157])


def parse_pax(raw: bytes) -> dict[str, str]:
    """Return the records of a pax header; raises Refused."""
    records: dict[str, str] = {}
    while raw:
        length, space, _ = raw.partition(b" ")
        if not space or not length.isdigit() or len(length) > 6 or not 5 <= int(length) <= len(raw):
            raise _damaged("A pax record is damaged.")
        record, raw = raw[len(length) + 1 : int(length)], raw[int(length) :]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise _damaged("A pax record is damaged.")
        # Only names are read: other values, such as extended attributes, may hold any bytes.
        text = _text if key in (b"path", b"linkpath") else _latin
        records[key.decode("latin-1")] = text(value[:-1])
    return records


def headers(source: Unpacked, tree: Tree) -> Iterator[Header]:
    """Yield the entries' headers, with pax and GNU names resolved; raises Refused."""
    changes: dict[str, str] = {}
    while True:
        block = source.block()
        if not block:
            raise _damaged("The archive has no end: the upload may have been broken off.")
        if not any(block):
            return
        header = parse_header(block)
        tree.count_entry()
        if header.kind in (b"x", b"g", b"L"):
            if header.size > MAX_EXTENDED:
                raise _damaged("An extended header is too long.")
            raw = b"".join(source.chunks(header.size, header.name))
            records = {"path": _text(raw.rstrip(b"\0"))} if header.kind == b"L" else parse_pax(raw)
            if any(key.startswith("GNU.sparse") for key in records):
                raise Refused("E-ARC-SPECIAL", "The entry is a sparse file.", records.get("path", ""))
            if header.kind == b"g":
                if {"path", "size", "linkpath"} & records.keys():
                    raise _damaged("A global header changes names or sizes.")
            else:
                changes.update(records)
            continue
        size = changes.get("size", str(header.size))
        if not size.isascii() or not size.isdigit() or len(size) > 15:
            raise _damaged("A size is damaged.", header.name)
        yield Header(changes.get("path", header.name), int(size), header.kind)
        changes = {}


def _is_folder(header: Header) -> bool:
    """Say whether an entry is a folder; raises Refused where it is neither that nor a plain file."""
    if header.kind in LINKS:
        raise Refused("E-ARC-LINK", "The entry is a link.", header.name)
    if header.kind in SPECIALS:
        raise Refused("E-ARC-SPECIAL", "The entry is a device or pipe.", header.name)
    if header.kind not in (*REGULAR, FOLDER):
        raise Refused("E-ARC-SPECIAL", "The entry is neither a file nor a folder.", header.name)
    folder = header.kind == FOLDER or header.name.endswith("/")
    if folder and header.size:
        raise _damaged("The entry is a folder with bytes of its own.", header.name)
    return folder


def extract_tar(file: BinaryIO, tree: Tree, problems: Problems, *, packed: bool) -> None:
    """Extract every entry; raises Refused where it can't go on. Where there are problems the tree is of no use."""
    source = Unpacked(file, packed=packed)
    for header in headers(source, tree):
        folder = _is_folder(header)
        if header.size > tree.max_bytes - tree.unpacked:
            raise Refused("E-ARC-UNPACKED", f"The archive unpacks to more than {tree.max_bytes} bytes.", header.name)
        content = source.chunks(header.size, header.name)
        try:
            path = check_name(header.name)
            if path and not is_junk(path):
                if folder:
                    tree.add_folder(path)
                else:
                    tree.add_file(path, content)
        except Refused as refused:
            if refused.code not in ("E-ARC-DUPLICATE", "E-ARC-NAME", "E-ARC-PATH"):
                raise
            problems.add(refused.code, str(refused), refused.file)
        for _ in content:  # what was not written is passed over
            pass
    while rest := source.block():
        if any(rest):
            raise _damaged("There are bytes after the end of the archive.")
