"""What intake takes and refuses: each hostile archive is made here and taken in by the code that runs inside."""

import gzip
import io
import os
import random
import re
import stat
import struct
import tarfile
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.inside.intake import take_in
from sandbox.inside.refusals import REMEDIES
from tests.sandbox.archives import PLAIN, RULES, TakeIn, codes, made_tar, made_zip, safetensors, taker, tensor


@pytest.fixture
def taken(tmp_path: Path) -> TakeIn:
    """`taken(content, **rules)`: the report on an archive."""
    return taker(tmp_path)


@pytest.mark.parametrize(
    "content",
    [made_zip(PLAIN), made_zip(PLAIN, zipfile.ZIP_STORED), made_tar(PLAIN), made_tar(PLAIN, "w:gz")],
    ids=["zip", "zip stored", "tar", "tar.gz"],
)
def test_plain_archive_is_taken_and_reported(taken: TakeIn, tmp_path: Path, content: bytes) -> None:
    report = taken(content)
    assert report["ok"] is True
    assert report["manifest_text"] == "schema: submission/1\n"
    assert {(file["path"], file["size"]) for file in report["files"]} == {("submission.yaml", 21), ("model.py", 6)}
    assert (tmp_path / "root" / "model.py").read_bytes() == b"x = 1\n"


def test_single_top_folder_is_stripped_when_it_holds_the_manifest(taken: TakeIn, tmp_path: Path) -> None:
    report = taken(made_zip({f"mine/{name}": content for name, content in PLAIN.items()} | {"mine/mine/a": b"1"}))
    assert report["ok"] is True
    assert report["stripped_folder"] == "mine"
    assert sorted(file["path"] for file in report["files"]) == ["mine/a", "model.py", "submission.yaml"]
    assert (tmp_path / "root" / "mine" / "a").read_bytes() == b"1"


def test_single_top_folder_stays_when_it_holds_no_manifest(taken: TakeIn) -> None:
    assert taken(made_zip({"mine/model.py": b""}))["stripped_folder"] is None


def test_what_desktop_systems_add_is_left_out(taken: TakeIn) -> None:
    files = {f"mine/{name}": content for name, content in PLAIN.items()}
    report = taken(
        made_zip(
            files
            | {"__MACOSX/mine/._model.py": b"junk", "mine/.DS_Store": b"junk", "mine/._model.safetensors": b"junk"}
        )
    )
    assert sorted(file["path"] for file in report["files"]) == ["model.py", "submission.yaml"]


def test_set_uid_file_becomes_a_plain_one(taken: TakeIn, tmp_path: Path) -> None:
    def set_uid(entry: tarfile.TarInfo) -> None:
        entry.mode = 0o6777

    assert taken(made_tar({"run": b"#!"}, change=set_uid))["ok"] is True
    assert stat.S_IMODE((tmp_path / "root" / "run").stat().st_mode) == 0o644


def test_nested_archive_is_not_expanded(taken: TakeIn) -> None:
    report = taken(made_zip({"inner.zip": made_zip(PLAIN)}))
    assert [file["path"] for file in report["files"]] == ["inner.zip"]


def test_bare_file_is_taken_under_the_name_it_is_given(taken: TakeIn) -> None:
    content = gzip.compress(b'{"a": 1}')
    report = taken(content, single_file="predictions.json.gz")
    assert [(file["path"], file["size"]) for file in report["files"]] == [("predictions.json.gz", len(content))]


NAMES = {
    "../evil": "E-ARC-PATH",
    "a/../../evil": "E-ARC-PATH",
    "/etc/passwd": "E-ARC-PATH",
    "C:/evil": "E-ARC-PATH",
    "a\\..\\evil": "E-ARC-PATH",
    "a//b": "E-ARC-PATH",
    "a/./b": "E-ARC-PATH",
    "new\nline": "E-ARC-NAME",
    "escape\x1b[31m": "E-ARC-NAME",
    "turned\u202egnp.exe": "E-ARC-NAME",
    "x" * 300: "E-ARC-NAME",
    "/".join("d" * 1 for _ in range(17)): "E-ARC-NAME",
    unicodedata.normalize("NFD", "café"): "E-ARC-NAME",
}


@pytest.mark.parametrize(("name", "code"), NAMES.items(), ids=[ascii(name)[:30] for name in NAMES])
@pytest.mark.parametrize("make", [made_zip, made_tar], ids=["zip", "tar"])
def test_name_that_could_mean_another_place_is_refused(
    taken: TakeIn, tmp_path: Path, make: Callable[[dict[str, bytes]], bytes], name: str, code: str
) -> None:
    report = taken(make({"ok.txt": b"1", name: b"2"}))
    assert codes(report) == {code}
    assert report["problems"][0]["remedy"] == REMEDIES[code]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "root"]


def test_nul_in_a_zip_name_is_refused(taken: TakeIn) -> None:
    content = made_zip({"aXb": b"1"}).replace(b"aXb", b"a\0b")
    assert codes(taken(content)) == {"E-ARC-NAME"}


@pytest.mark.parametrize("make", [made_zip, made_tar], ids=["zip", "tar"])
@pytest.mark.parametrize(
    "files",
    [
        {"Model.py": b"1", "model.py": b"2"},
        {"stra\u00dfe": b"1", "STRASSE": b"2"},
        {"a": b"1", "a/b": b"2"},
        {"a/b": b"2", "a": b"1"},
        {"D/x": b"1", "d/y": b"2"},
    ],
    ids=["case", "folded", "file then folder", "folder then file", "folder case"],
)
def test_names_that_collide_are_refused(
    taken: TakeIn, make: Callable[[dict[str, bytes]], bytes], files: dict[str, bytes]
) -> None:
    assert codes(taken(make(files))) == {"E-ARC-DUPLICATE"}


def test_name_that_stands_twice_is_refused(taken: TakeIn) -> None:
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a", "1")
        archive.writestr("a", "2")
    assert codes(taken(packed.getvalue())) == {"E-ARC-DUPLICATE"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"])
def test_link_in_a_tar_is_refused(taken: TakeIn, kind: bytes) -> None:
    def link(entry: tarfile.TarInfo) -> None:
        entry.type, entry.linkname, entry.size = kind, "/etc/passwd", 0

    assert codes(taken(made_tar({"a": b""}, change=link))) == {"E-ARC-LINK"}


@pytest.mark.parametrize("kind", [tarfile.BLKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"S", b"V"])
def test_device_pipe_and_unknown_kind_in_a_tar_are_refused(taken: TakeIn, kind: bytes) -> None:
    def special(entry: tarfile.TarInfo) -> None:
        entry.type, entry.size = kind, 0

    assert codes(taken(made_tar({"a": b""}, change=special))) == {"E-ARC-SPECIAL"}


def test_symbolic_link_in_a_zip_is_refused(taken: TakeIn) -> None:
    content = made_zip({"a": b"/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16, create_system=3)
    assert codes(taken(content)) == {"E-ARC-LINK"}


def test_encrypted_zip_is_refused(taken: TakeIn) -> None:
    content = bytearray(made_zip({"a": b"secret"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert codes(taken(bytes(content))) == {"E-ARC-ENCRYPTED"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_other_methods_are_refused(taken: TakeIn, method: int) -> None:
    assert codes(taken(made_zip({"a": b"x" * 1000}, method))) == {"E-ARC-METHOD"}


@pytest.mark.parametrize("make", [made_zip, lambda files: made_tar(files, "w:gz")], ids=["zip", "tar.gz"])
def test_bomb_is_refused_by_its_ratio(taken: TakeIn, make: Callable[[dict[str, bytes]], bytes]) -> None:
    report = taken(make({"zeros": bytes(15_000_000)}))
    assert codes(report) == {"E-ARC-RATIO"}


def test_zip_whose_declared_size_is_a_lie_is_refused(taken: TakeIn) -> None:
    content = made_zip({"a": os.urandom(1000) * 50})
    lied = content.replace(struct.pack("<L", 50_000), struct.pack("<L", 40_000))
    assert codes(taken(lied)) == {"E-ARC-DAMAGED"}


@pytest.mark.parametrize("make", [made_zip, made_tar], ids=["zip", "tar"])
def test_too_large_tree_is_refused(taken: TakeIn, make: Callable[[dict[str, bytes]], bytes]) -> None:
    report = taken(make({"a": os.urandom(3000), "b": os.urandom(3000)}), max_unpacked_bytes=5000)
    assert codes(report) == {"E-ARC-UNPACKED"}


@pytest.mark.parametrize("make", [made_zip, made_tar], ids=["zip", "tar"])
def test_too_many_entries_are_refused(taken: TakeIn, make: Callable[[dict[str, bytes]], bytes]) -> None:
    assert codes(taken(make({f"f{number}": b"" for number in range(101)}))) == {"E-ARC-ENTRIES"}


def overlapping_zip() -> bytes:
    """Two directory entries, one file: the quoted-overlap bomb in its smallest form."""
    content = made_zip({"a": b"12345"}, zipfile.ZIP_STORED)
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    central = content[start:end]
    tail = bytearray(content[end:])
    struct.pack_into("<HHL", tail, 8, 2, 2, 2 * len(central))
    return content[:start] + central * 2 + bytes(tail)


def test_overlapping_entries_are_refused(taken: TakeIn) -> None:
    assert codes(taken(overlapping_zip())) == {"E-ARC-OVERLAP"}


def test_program_in_front_of_a_zip_is_refused(taken: TakeIn) -> None:
    packed = io.BytesIO(b"#!/bin/sh\n")
    packed.seek(0, 2)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("a", "1")
    assert codes(taken(packed.getvalue())) == {"E-ARC-FORMAT"}


TAR_WITHOUT_END = made_tar(PLAIN)[:2048]


@pytest.mark.parametrize(
    "content", [made_zip(PLAIN), TAR_WITHOUT_END, made_tar(PLAIN, "w:gz")], ids=["zip", "tar", "tar.gz"]
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_truncated_upload_is_refused(taken: TakeIn, content: bytes, share: float) -> None:
    assert codes(taken(content[: int(len(content) * share)])) == {"E-ARC-DAMAGED"}


def test_tar_without_its_end_is_refused(taken: TakeIn) -> None:
    assert codes(taken(TAR_WITHOUT_END)) == {"E-ARC-DAMAGED"}


@pytest.mark.parametrize("at", [0.2, 0.4, 0.6])
def test_flipped_byte_in_packed_bytes_is_refused(taken: TakeIn, at: float) -> None:
    content = bytearray(made_zip({"a": os.urandom(5000)}))
    content[int(len(content) * at)] ^= 0xFF
    assert codes(taken(bytes(content))) == {"E-ARC-DAMAGED"}


def test_bytes_behind_a_gzipped_tar_are_refused(taken: TakeIn) -> None:
    assert codes(taken(made_tar(PLAIN, "w:gz") + b"more")) == {"E-ARC-DAMAGED"}


@pytest.mark.parametrize(
    "content", [b"hello", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", gzip.compress(b"no tar", mtime=0), b"\x1f\x8bbroken"]
)
def test_other_files_are_refused(taken: TakeIn, content: bytes) -> None:
    assert codes(taken(content)) == {"E-ARC-FORMAT"}


@pytest.mark.parametrize("content", [made_zip({}), made_zip({"only/": b""}), made_tar({})])
def test_archive_without_files_is_refused(taken: TakeIn, content: bytes) -> None:
    assert codes(taken(content)) == {"E-ARC-EMPTY"}


def test_local_header_that_disagrees_is_refused(taken: TakeIn) -> None:
    content = made_zip({"good.txt": b"1"})
    assert codes(taken(content.replace(b"good.txt", b"evil.txt", 1))) == {"E-ARC-DAMAGED"}


def test_streamed_zip_with_sizes_behind_the_data_is_taken(taken: TakeIn) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.content = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.content += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"1" * 100)
        with archive.open("b", "w", force_zip64=True) as file:
            file.write(b"2" * 100)
    assert [file["size"] for file in taken(bytes(pipe.content))["files"]] == [100, 100]


def test_global_header_that_renames_is_refused(taken: TakeIn) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "evil"}) as archive:
        archive.addfile(tarfile.TarInfo("a"))
    assert codes(taken(packed.getvalue())) == {"E-ARC-DAMAGED"}


def test_long_tar_names_of_either_dialect_are_read(taken: TakeIn) -> None:
    name = "folder/" + "n" * 150
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo(name))
    assert [file["path"] for file in taken(packed.getvalue())["files"]] == [name]


@pytest.mark.parametrize(
    "manifest", [b"\xff\xfe", "a: \u00e9".encode("latin-1"), b"\xef\xbb\xbfa: 1", b"#" * 1_000_001]
)
def test_manifest_that_is_no_plain_text_is_refused(taken: TakeIn, manifest: bytes) -> None:
    assert codes(taken(made_zip({"submission.yaml": manifest}))) == {"E-ARC-TEXT"}


def test_at_most_fifty_problems_are_said(taken: TakeIn) -> None:
    assert len(taken(made_zip({f"../{number}": b"" for number in range(90)}))["problems"]) == 50


def test_every_refusal_is_a_code_with_a_remedy() -> None:
    sources = Path(__file__).parents[2].joinpath("sandbox").rglob("*.py")
    named = {code for source in sources for code in re.findall(r"E-(?:ARC|WEIGHTS)-[A-Z]+", source.read_text())}
    assert named == set(REMEDIES)


def test_gzip_is_inflated_in_bounded_steps(taken: TakeIn) -> None:
    content = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = content.compress(made_tar({"a": bytes(12_000_000)})) + content.flush()
    assert codes(taken(bomb)) == {"E-ARC-RATIO"}


def test_damaged_archives_are_refused_and_never_crash_the_check(tmp_path: Path) -> None:
    whole = PLAIN | {"model.safetensors": safetensors({"a": tensor(0, 8)}, bytes(8)), "d/f": bytes(range(256))}
    seeds = [made_zip(whole), made_zip(whole, zipfile.ZIP_STORED), made_tar(whole), made_tar(whole, "w:gz")]
    dice = random.Random(7)
    for number in range(400):
        content = bytearray(dice.choice(seeds))
        for _ in range(dice.choice([1, 2, 8])):
            content[dice.randrange(len(content))] = dice.choice([0, 255, 47, dice.randrange(256)])
        root = tmp_path / str(number)
        root.mkdir()
        (tmp_path / "archive").write_bytes(content)
        report = take_in(str(tmp_path / "archive"), str(root), RULES)
        assert report["ok"] or codes(report) <= set(REMEDIES)
