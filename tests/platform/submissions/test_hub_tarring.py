"""The tar that is made of stored files while it is read."""

import io
import os
import tarfile
from collections.abc import Mapping

import pytest

from sandbox.inside.refusals import Problems
from sandbox.inside.tars import extract_tar
from sandbox.inside.tree import Tree
from submissions.hub.tarring import Member, TarOf

FILES = {
    "config.json": b"{}",
    "empty.json": b"",
    "model.safetensors": os.urandom(3 * 512 + 7),
    "checkpoints/chck_1M/tokenizer.json": os.urandom(512),
    f"checkpoints/{'long' * 30}/é.json": b"{}",
}


def tar(files: Mapping[str, bytes], stored: Mapping[str, bytes] | None = None) -> TarOf:
    members = [Member(path, len(content), path) for path, content in sorted(files.items())]
    return TarOf(members, lambda name: io.BytesIO((stored or files)[name]))


def test_it_is_a_tar_of_the_files_as_others_read_it() -> None:
    made = tar(FILES)
    whole = made.read()
    assert len(whole) == made.size
    with tarfile.open(fileobj=io.BytesIO(whole)) as read:
        found = {one.name: read.extractfile(one) for one in read.getmembers()}
        assert {name: file.read() if file else None for name, file in found.items()} == FILES


def test_intake_reads_it(tmp_path: "os.PathLike[str]") -> None:
    tree, problems = Tree(str(tmp_path), max_bytes=10**6, max_entries=100), Problems()
    extract_tar(tar(FILES), tree, problems, packed=False)  # type: ignore[arg-type]
    assert not problems
    assert {file.path for file in tree.files} == set(FILES)


def test_it_is_the_same_every_time_and_from_every_place() -> None:
    whole = tar(FILES).read()
    made = tar(FILES)
    assert made.seek(0, os.SEEK_END) == len(whole)
    assert made.read() == b""
    for at in (0, 1, 511, 512, 513, 1000, 2 * 512 + 1, len(whole) - 1):
        made.seek(at)
        assert made.read(700) == whole[at : at + made.tell() - at]
        made.seek(at)
        assert made.read() == whole[at:]


def test_a_stored_file_that_has_become_shorter_is_noticed() -> None:
    with pytest.raises(OSError, match="shorter"):
        tar(FILES, {**FILES, "model.safetensors": b"short"}).read()
