"""Our own reading of zip archives: the central directory first, every local header compared, nothing repaired."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sandbox.inside.names import check_name, is_junk
from sandbox.inside.refusals import Problems, Refused
from sandbox.inside.tree import FREE_RATIO_BYTES, MAX_RATIO, Tree

CHUNK = 1024 * 1024
END = struct.Struct("<4s4H2LH")
END64_LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
MAX_DIRECTORY_ENTRY = 4096  # bytes an entry may take in the central directory, on average
DESCRIPTOR_SIZES = (0, 12, 16, 20, 24)  # bytes that sizes and checksum may take behind an entry's data
STORED, DEFLATED = 0, 8
ENCRYPTED, DESCRIPTOR, STRONG, UTF8, MASKED = 0x1, 0x8, 0x40, 0x800, 0x2000
ALL32, ALL16 = 0xFFFFFFFF, 0xFFFF
END_MOST = (ALL16, ALL16, ALL16, ALL16, ALL32, ALL32)
MAX_OFFSET = 2**62
UNIX_KINDS = {0o120000: "link", 0o020000: "special", 0o060000: "special", 0o010000: "special", 0o140000: "special"}


@dataclass(slots=True)
class ZipEntry:
    """One entry of the central directory; `data` is where its bytes begin, known once its local header is read."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    data: int = 0
    path: str = ""

    @property
    def is_folder(self) -> bool:
        """A name that ends with a slash is a folder."""
        return self.name.endswith("/")


def _damaged(message: str, file: str = "") -> Refused:
    return Refused("E-ARC-DAMAGED", message, file)


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    if not 0 <= offset <= MAX_OFFSET:
        raise _damaged("The archive names a place that it does not have.")
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        raise _damaged("The archive ends too early.")
    return data


def _directory(file: BinaryIO, length: int, max_entries: int) -> tuple[int, int, int]:
    """Return count, offset and size of the central directory; raises Refused."""
    tail_size = min(length, END.size + ALL16)
    tail = _read(file, length - tail_size, tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END.size:
        raise _damaged("The archive has no end record: the upload may have been broken off.")
    _, disk, start_disk, here, count, size, offset, comment = END.unpack_from(tail, at)
    if at + END.size + comment != len(tail):
        raise _damaged("There are bytes after the end of the archive.")
    end = length - tail_size + at
    wide = _wide_end(file, end)
    if wide is not None:
        told = (disk, start_disk, here, count, size, offset)
        # What the short record does not leave to the 64-bit one must be the same in both.
        if any(short not in (long, most) for short, long, most in zip(told, wide[1:], END_MOST, strict=True)):
            raise _damaged("The archive's two end records disagree.")
        end, disk, start_disk, here, count, size, offset = wide
    elif ALL16 in (count, here) or ALL32 in (size, offset):
        raise _damaged("The archive's 64-bit end record is damaged.")
    if disk or start_disk or here != count:
        raise Refused("E-ARC-FORMAT", "The archive is one part of several.")
    if count > max_entries:
        raise Refused("E-ARC-ENTRIES", f"The archive holds more than {max_entries} entries.")
    if offset + size != end or size > max(1, count) * MAX_DIRECTORY_ENTRY:
        raise _damaged("The archive's directory is not where it says.")
    return count, offset, size


def _wide_end(file: BinaryIO, end: int) -> tuple[int, ...] | None:
    """Return the 64-bit end record's place, disks, counts, size and offset; None where there is none."""
    locator = end - END64_LOCATOR.size
    if locator < 0:
        return None
    signature, _, record, disks = END64_LOCATOR.unpack(_read(file, locator, END64_LOCATOR.size))
    if signature != b"PK\x06\x07":
        return None
    if disks > 1 or record + END64.size != locator:
        raise _damaged("The archive's 64-bit end record is damaged.")
    signature, *fields = END64.unpack(_read(file, record, END64.size))
    if signature != b"PK\x06\x06":
        raise _damaged("The archive's 64-bit end record is damaged.")
    return record, *fields[3:]


def _wide(extra: bytes, name: str, values: list[int]) -> list[int]:
    """Return size, packed size and offset with the 64-bit field's values in place of the all-ones ones."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        body = extra[at + 4 : at + 4 + length]
        if len(body) != length:
            raise _damaged("An entry's extra field is damaged.", name)
        if kind == 0x0001:
            wide = list(struct.unpack(f"<{length // 8}Q", body[: length // 8 * 8]))
            values = [wide.pop(0) if value == ALL32 and wide else value for value in values]
        elif kind == 0x7075 and body[5:] != name.encode():
            raise Refused("E-ARC-NAME", "The entry has two names that differ.", name)
        at += 4 + length
    return values


def _name(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & UTF8 or not raw.isascii() else "ascii")
    except UnicodeDecodeError:
        shown = raw.decode("latin-1")
        raise Refused("E-ARC-NAME", "The name is neither ASCII nor UTF-8.", shown) from None


def read_directory(file: BinaryIO, *, max_entries: int) -> list[ZipEntry]:
    """Return the entries of the central directory; raises Refused."""
    file.seek(0, 2)
    length = file.tell()
    count, offset, size = _directory(file, length, max_entries)
    raw = _read(file, offset, size)
    entries = []
    at = 0
    for _ in range(count):
        if at + CENTRAL.size > len(raw) or raw[at : at + 4] != b"PK\x01\x02":
            raise _damaged("The archive's directory is damaged.")
        fields = CENTRAL.unpack_from(raw, at)
        made_by, flags, method = fields[1], fields[3], fields[4]
        crc, packed, full = fields[7:10]
        name_length, extra_length, comment_length, attributes, header = *fields[10:13], fields[15], fields[16]
        at += CENTRAL.size
        raw_name = raw[at : at + name_length]
        extra = raw[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length + comment_length
        if at > len(raw):
            raise _damaged("The archive's directory is damaged.")
        name = _name(raw_name, flags)
        full, packed, header = _wide(extra, name, [full, packed, header])
        kind = UNIX_KINDS.get((attributes >> 16) & 0o170000) if made_by >> 8 in (3, 19) else None
        if kind == "link":
            raise Refused("E-ARC-LINK", "The entry is a link.", name)
        if kind:
            raise Refused("E-ARC-SPECIAL", "The entry is a device, pipe or socket.", name)
        entries.append(ZipEntry(name, raw_name, flags, method, crc, packed, full, header))
    if at != len(raw):
        raise _damaged("The archive's directory holds bytes that belong to no entry.")
    _place(file, entries, offset)
    return entries


def _place(file: BinaryIO, entries: list[ZipEntry], directory: int) -> None:
    """Compare each local header with the directory, and refuse entries that share bytes."""
    begin = 0
    behind: tuple[int, ...] = (0,)
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.offset < begin:
            raise Refused("E-ARC-OVERLAP", "The entry shares bytes with another one.", entry.name)
        if begin == 0 and entry.offset != 0:
            raise Refused("E-ARC-FORMAT", "There are bytes before the first entry (a program?).", entry.name)
        if entry.offset + LOCAL.size > directory:
            raise Refused("E-ARC-OVERLAP", "The entry reaches into the directory.", entry.name)
        if entry.offset - begin not in behind:
            raise _damaged("There are bytes that belong to no entry.", entry.name)
        fields = LOCAL.unpack(_read(file, entry.offset, LOCAL.size))
        signature, _, flags, method = fields[:4]
        crc, packed, full, name_length, extra_length = fields[6:11]
        names = _read(file, entry.offset + LOCAL.size, name_length + extra_length)
        if signature != b"PK\x03\x04" or names[:name_length] != entry.raw_name or method != entry.method:
            raise _damaged("The entry's own header disagrees with the directory.", entry.name)
        full, packed = _wide(names[name_length:], entry.name, [full, packed])
        told = (crc, packed, full)
        later = bool(flags & DESCRIPTOR) and not any(told)
        same = told == (entry.crc, entry.packed, entry.size) or (later and bool(entry.flags & DESCRIPTOR))
        # A 64-bit writer may leave all ones, or only the checksum, for the record behind the data.
        streamed = bool(flags & entry.flags & DESCRIPTOR) and crc == 0 and packed in (0, entry.packed)
        if not (same or streamed) or (flags ^ entry.flags) & (ENCRYPTED | STRONG | MASKED | UTF8):
            raise _damaged("The entry's own header disagrees with the directory.", entry.name)
        entry.data = entry.offset + LOCAL.size + name_length + extra_length
        begin = entry.data + entry.packed
        if begin > directory:
            raise Refused("E-ARC-OVERLAP", "The entry reaches into the directory.", entry.name)
        behind = DESCRIPTOR_SIZES if (flags | entry.flags) & DESCRIPTOR else (0,)
    if directory - begin not in behind:
        raise _damaged("There are bytes between the last entry and the directory.")


def _check(entry: ZipEntry) -> None:
    if entry.flags & (ENCRYPTED | STRONG | MASKED):
        raise Refused("E-ARC-ENCRYPTED", "The entry is encrypted.", entry.name)
    if entry.method not in (STORED, DEFLATED):
        raise Refused("E-ARC-METHOD", "The entry is packed by another method than stored or deflate.", entry.name)
    if entry.size > FREE_RATIO_BYTES and entry.size > MAX_RATIO * entry.packed:
        raise Refused("E-ARC-RATIO", "The entry unpacks to more than 100 times its packed size.", entry.name)
    if entry.method == STORED and entry.size != entry.packed:
        raise _damaged("The entry's two sizes differ though it is not packed.", entry.name)
    if entry.is_folder and entry.size:
        raise _damaged("The entry is a folder with bytes of its own.", entry.name)
    entry.path = check_name(entry.name)


def extract_zip(file: BinaryIO, tree: Tree, problems: Problems) -> None:
    """Extract every entry, or none where an entry is refused; raises Refused where it can't go on."""
    entries = read_directory(file, max_entries=tree.max_entries)
    full, packed = sum(entry.size for entry in entries), sum(entry.packed for entry in entries)
    if full > tree.max_bytes:
        raise Refused("E-ARC-UNPACKED", f"The archive unpacks to more than {tree.max_bytes} bytes.")
    for entry in entries:
        try:
            _check(entry)
        except Refused as refused:
            problems.add(refused.code, str(refused), refused.file)
    if not problems and full > FREE_RATIO_BYTES and full > MAX_RATIO * packed:
        problems.add("E-ARC-RATIO", "The archive unpacks to more than 100 times its packed size.")
    if problems:
        return
    for entry in entries:
        if not entry.path or is_junk(entry.path):
            continue
        try:
            if entry.is_folder:
                tree.add_folder(entry.path)
            else:
                tree.add_file(entry.path, _inflate(file, entry))
        except Refused as refused:
            if refused.code != "E-ARC-DUPLICATE":
                raise
            problems.add(refused.code, str(refused), refused.file)


def _inflate(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    """Yield an entry's bytes; raises Refused where size or checksum are not those it declared."""
    file.seek(entry.data)
    left, crc, size = entry.packed, 0, 0
    unpacker = zlib.decompressobj(-15) if entry.method == DEFLATED else None
    while left:
        packed = file.read(min(CHUNK, left))
        if not packed:
            raise _damaged("The archive ends too early.", entry.name)
        left -= len(packed)
        while packed:
            if unpacker is None:
                chunk, packed = packed, b""
            else:
                try:
                    chunk = unpacker.decompress(packed, CHUNK)
                except zlib.error:
                    raise _damaged("The entry's packed bytes are damaged.", entry.name) from None
                packed = unpacker.unconsumed_tail
                if unpacker.unused_data:
                    raise _damaged("The entry holds bytes behind its packed bytes.", entry.name)
            size += len(chunk)
            if size > entry.size:
                raise _damaged("The entry unpacks to more than it declares.", entry.name)
            crc = zlib.crc32(chunk, crc)
            yield chunk
    if unpacker is not None:
        rest = unpacker.flush()
        size += len(rest)
        crc = zlib.crc32(rest, crc)
        if not unpacker.eof or size > entry.size:
            raise _damaged("The entry's packed bytes break off.", entry.name)
        if rest:
            yield rest
    if size != entry.size or crc != entry.crc:
        raise _damaged("The entry's size or checksum is wrong.", entry.name)
