"""Archives of suite folders: taken apart only where every name in them is plain."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.protocol.problems import ProblemsFound
from suites import sealing, services
from suites.models import SuiteVersion


def zipped(files: dict[str, bytes]) -> io.BytesIO:
    """A zip archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    buffer.seek(0)
    return buffer


def tarred(members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w:gz") -> io.BytesIO:
    """A tar archive of these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    buffer.seek(0)
    return buffer


def folder_files(folder: Path, prefix: str = "") -> dict[str, bytes]:
    """Name and content of each file of a folder."""
    return {f"{prefix}{path.name}": path.read_bytes() for path in folder.iterdir()}


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ["", "owls/"])
def test_a_zip_of_a_folder_or_of_its_files_is_added(make_suite_folder: Callable[..., Path], prefix: str) -> None:
    archive = zipped(folder_files(make_suite_folder("owls"), prefix))
    assert str(services.add_archive(archive=archive, filename="owls.zip")) == "owls@1"


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_of_a_folder_is_added(make_suite_folder: Callable[..., Path], mode: str) -> None:
    files = folder_files(make_suite_folder("owls"), "owls/")
    archive = tarred([(tarfile.TarInfo(name), data) for name, data in files.items()], mode)
    services.add_archive(archive=archive, filename="owls.tar")
    assert SuiteVersion.objects.get().items == 8


@pytest.mark.parametrize(
    "name", ["../out", "/out", "a/../../out", "a\\..\\out", "line\nbreak", "\x1b[2J", "x" * 300, "a/" * 120 + "a"]
)
def test_a_name_that_leaves_the_folder_or_is_not_plain_is_refused(name: str) -> None:
    for archive in (zipped({name: b"x"}), tarred([(tarfile.TarInfo(name), b"x")])):
        with pytest.raises(ProblemsFound) as refused, sealing.unpacked(archive, file="a"):
            pass
        assert refused.value.problems[0].code == "E-SUITE-ARCHIVE"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_tar_with_anything_but_files_and_folders_is_refused(kind: bytes) -> None:
    info = tarfile.TarInfo("gold.jsonl")
    info.type, info.linkname = kind, "/etc/passwd"
    with (
        pytest.raises(ProblemsFound, match="only files and folders"),
        sealing.unpacked(tarred([(info, b"")]), file="a"),
    ):
        pass


def test_a_link_in_a_zip_becomes_a_plain_file() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("gold.jsonl")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    buffer.seek(0)
    with sealing.unpacked(buffer, file="a") as folder:
        assert not (folder / "gold.jsonl").is_symlink()
        assert (folder / "gold.jsonl").read_text() == "/etc/passwd"


def test_two_files_of_one_name_are_refused() -> None:
    archive = tarred([(tarfile.TarInfo("a/b"), b"1"), (tarfile.TarInfo("a/b"), b"2")])
    with pytest.raises(ProblemsFound, match="twice"), sealing.unpacked(archive, file="a"):
        pass


def test_a_file_that_is_a_folder_too_is_refused() -> None:
    archive = tarred([(tarfile.TarInfo("a"), b"1"), (tarfile.TarInfo("a/b"), b"2")])
    with pytest.raises(ProblemsFound, match="twice"), sealing.unpacked(archive, file="a"):
        pass


def test_an_archive_that_holds_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "MAX_BYTES", 1000)
    with pytest.raises(ProblemsFound, match="too much"), sealing.unpacked(zipped({"a": b"0" * 1001}), file="a"):
        pass
    monkeypatch.setattr(sealing, "MAX_ENTRIES", 2)
    many = zipped({str(number): b"" for number in range(3)})
    with pytest.raises(ProblemsFound, match="too much"), sealing.unpacked(many, file="a"):
        pass


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 and no more", b"plain text", b"\x1f\x8b\x08\x00 broken"])
def test_what_is_no_archive_is_told_in_a_sentence(data: bytes) -> None:
    with pytest.raises(ProblemsFound, match="not a whole zip or tar"), sealing.unpacked(io.BytesIO(data), file="a"):
        pass


def test_a_truncated_archive_is_told_in_a_sentence(make_suite_folder: Callable[..., Path]) -> None:
    files = folder_files(make_suite_folder("owls", pairs=200))
    for whole in (zipped(files), tarred([(tarfile.TarInfo(name), data) for name, data in files.items()])):
        cut = io.BytesIO(whole.getvalue()[: len(whole.getvalue()) // 2])
        with pytest.raises(ProblemsFound, match="not a whole zip or tar"), sealing.unpacked(cut, file="a"):
            pass


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({"suite.yaml": b"x"}).getvalue())
    # The flag "encrypted" in the local header and in the central directory.
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ProblemsFound), sealing.unpacked(io.BytesIO(bytes(data)), file="a"):
        pass
