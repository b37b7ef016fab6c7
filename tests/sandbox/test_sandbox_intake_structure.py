"""Archives whose own records contradict one another, or leave room for something: refused, and nothing is repaired."""

import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.archives import PLAIN, TakeIn, codes, made_tar, made_zip, taker


@pytest.fixture
def taken(tmp_path: Path) -> TakeIn:
    """`taken(content, **rules)`: the report on an archive."""
    return taker(tmp_path)


def hidden_entry(content: bytes, name: bytes) -> bytes:
    """A zip in whose directory one of its entries does not stand any more."""
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    records = [b"PK\x01\x02" + part for part in content[start:end].split(b"PK\x01\x02")[1:]]
    kept = [record for record in records if record[46 : 46 + len(name)] != name]
    tail = bytearray(content[end:])
    struct.pack_into("<HHL", tail, 8, len(kept), len(kept), len(b"".join(kept)))
    return content[:start] + b"".join(kept) + bytes(tail)


@pytest.mark.parametrize(
    ("name", "code"), [(b"first", "E-ARC-FORMAT"), (b"second", "E-ARC-DAMAGED"), (b"third", "E-ARC-DAMAGED")]
)
def test_bytes_that_belong_to_no_entry_are_refused(taken: TakeIn, name: bytes, code: str) -> None:
    content = made_zip({"first": b"#!/bin/sh", "second": b"\x7fELF", "third": b"MZ"}, zipfile.ZIP_STORED)
    assert codes(taken(hidden_entry(content, name))) == {code}


def with_wide_end(content: bytes, **lies: int) -> bytes:
    """A zip with the 64-bit end record beside the short one, as some writers always add it."""
    end = content.index(b"PK\x05\x06")
    _, _, _, here, count, size, offset, _ = struct.unpack("<4s4H2LH", content[end:])
    told = {"count": count, "size": size, "offset": offset} | lies
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, here, told["count"], told["size"], told["offset"]
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return content[:end] + record + locator + content[end:]


def test_a_64_bit_end_record_that_agrees_is_taken(taken: TakeIn) -> None:
    assert taken(with_wide_end(made_zip(PLAIN)))["ok"] is True


@pytest.mark.parametrize("lie", [{"count": 1}, {"size": 1}, {"offset": 2**63}])
def test_end_records_that_disagree_are_refused(taken: TakeIn, lie: dict[str, int]) -> None:
    assert codes(taken(with_wide_end(made_zip(PLAIN), **lie))) == {"E-ARC-DAMAGED"}


@pytest.mark.parametrize("offset", [2**62, 2**63, 2**64 - 1])
def test_an_entry_at_an_impossible_place_is_refused(taken: TakeIn, offset: int) -> None:
    content = made_zip({"a": b"1", "b": b"2"}, zipfile.ZIP_STORED)
    start = content.rindex(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    extra = struct.pack("<HHQ", 1, 8, offset)
    record = bytearray(content[start:end])
    struct.pack_into("<H", record, 30, len(extra))
    struct.pack_into("<L", record, 42, 0xFFFFFFFF)
    tail = bytearray(content[end:])
    struct.pack_into("<L", tail, 12, len(record) + len(extra) + start - content.index(b"PK\x01\x02"))
    assert codes(taken(content[:start] + bytes(record) + extra + bytes(tail))) == {"E-ARC-OVERLAP"}


def test_many_small_bombs_are_refused_by_their_ratio_together(taken: TakeIn) -> None:
    assert codes(taken(made_zip({f"{number}": bytes(900_000) for number in range(10)}))) == {"E-ARC-RATIO"}


@pytest.mark.parametrize("number", [b"-0000000007", b"0o000000007", b"+0000000007", b"0000000_007", b"00000000008"])
def test_a_tar_number_that_is_none_is_refused(taken: TakeIn, number: bytes) -> None:
    content = bytearray(made_tar({"a": b"1234567"}))
    content[124:135] = number
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    assert codes(taken(bytes(content))) == {"E-ARC-DAMAGED"}


def test_bytes_behind_a_nul_in_a_tar_name_are_refused(taken: TakeIn) -> None:
    content = bytearray(made_tar({"a": b"1"}))
    content[2:6] = b".exe"
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    assert codes(taken(bytes(content))) == {"E-ARC-NAME"}


def test_extended_attributes_of_any_bytes_do_not_matter(taken: TakeIn) -> None:
    body = b" SCHILY.xattr.user.a=\xff\xfe\0\n"
    raw = b"%d" % (len(body) + 2) + body
    extended = tarfile.TarInfo("PaxHeader/a")
    extended.type, extended.size = b"x", len(raw)
    content = extended.tobuf(tarfile.USTAR_FORMAT) + raw + bytes(-len(raw) % 512) + made_tar({"a": b"1"})
    assert [file["path"] for file in taken(content)["files"]] == ["a"]


@pytest.mark.parametrize("error", [IndexError, OverflowError, struct.error, RecursionError, KeyError])
def test_what_no_one_thought_of_is_the_archive_s_fault(
    taken: TakeIn, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("sandbox.inside.intake.extract_zip", fail)
    assert codes(taken(made_zip(PLAIN))) == {"E-ARC-DAMAGED"}


def test_a_full_disk_is_never_the_archive_s_fault(taken: TakeIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sandbox.inside.intake.extract_zip", fail)
    with pytest.raises(OSError, match="No space left"):
        taken(made_zip(PLAIN))
