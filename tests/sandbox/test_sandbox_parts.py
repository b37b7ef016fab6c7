"""Small parts: figures, tar streams, image digests, and what may be imported inside."""

import ast
import io
import sys
import tarfile
from pathlib import Path

import pytest

from sandbox.engine.archives import Entry, read_single, tar_stream
from sandbox.figures import parse_size, parse_time
from sandbox.images import recipe
from sandbox.running import find_requests

SANDBOX = Path(recipe.PACKAGE)


@pytest.mark.parametrize(
    ("text", "size"), [("512m", 512 << 20), ("8g", 8 << 30), ("8GiB", 8 << 30), ("64k", 65536), ("100", 100)]
)
def test_size_is_read_as_people_write_it(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "seconds"), [("2h", 7200), ("30m", 1800), ("90s", 90), ("1.5", 1.5)])
def test_time_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "many", "8x", "-1", "1 2"])
def test_other_figures_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a figure"):
        parse_size(text)


def test_tar_stream_is_a_tar_archive(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    entries = [
        Entry("folder", None, mode=0o755),
        Entry("folder/bytes", b"12345", uid=20_000),
        Entry("path", tmp_path / "file"),
        Entry("open", io.BytesIO(b"abcdef"), size=4),
    ]
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar_stream(entries)))) as archive:
        members = {member.name: member for member in archive}
        assert {name: member.size for name, member in members.items()} == {
            "folder": 0, "folder/bytes": 5, "path": 3_000_000, "open": 4,
        }  # fmt: skip
        assert members["folder"].isdir()
        assert (members["folder/bytes"].uid, members["folder/bytes"].mode) == (20_000, 0o644)


def test_file_that_shrinks_while_it_is_read_is_an_error() -> None:
    with pytest.raises(OSError, match="shorter"):
        list(tar_stream([Entry("open", io.BytesIO(b"ab"), size=4)]))


@pytest.mark.parametrize("cut", [1, 700, 100_000])
def test_one_file_is_read_from_a_stream_of_any_pieces(cut: int) -> None:
    raw = b"".join(tar_stream([Entry("a", b"content" * 1000)]))
    pieces = (raw[at : at + cut] for at in range(0, len(raw), cut))
    assert read_single(pieces, max_bytes=7000) == b"content" * 1000


def test_digest_follows_what_runs_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recipe.image_digest("base") != recipe.image_digest("model")
    for name in ("inside", "runner"):
        (tmp_path / name).mkdir()
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "inside" / "a.py").write_text("1")
    monkeypatch.setattr(recipe, "PACKAGE", tmp_path)
    before = recipe.image_digest("base")
    (tmp_path / "inside" / "a.py").write_text("2")
    after = recipe.image_digest("base")
    (tmp_path / "host_only.py").write_text("3")
    assert before != after == recipe.image_digest("base")


# Older weights are read by PyTorch, in a container of the model image; it is imported where it is used.
ALSO = {"convert.py": {"torch"}}


def test_what_runs_inside_imports_the_standard_library_and_itself_only() -> None:
    for source in (SANDBOX / "inside").rglob("*.py"):
        known = sys.stdlib_module_names | ALSO.get(source.name, set())
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                assert top in known or name.startswith("sandbox.inside"), f"{source}: {name}"


def test_only_the_docker_side_imports_docker() -> None:
    for source in SANDBOX.rglob("*.py"):
        place = source.relative_to(SANDBOX)
        if place.parts[0] not in ("engine", "images", "docker_sandbox.py"):
            assert "import docker" not in source.read_text(), str(place)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["requests.jsonl"], [("main", "suite", "0")]),
        (["blimp.jsonl"], [("main", "blimp", "0")]),
        (["blimp/requests.jsonl", "ewok/requests.jsonl"], [("main", "blimp", "0"), ("main", "ewok", "0")]),
        (["c1/blimp/7/requests.jsonl"], [("c1", "blimp", "7")]),
    ],
)
def test_request_files_are_found_at_every_depth(
    tmp_path: Path, files: list[str], found: list[tuple[str, str, str]]
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}\n")
    assert list(find_requests(tmp_path).values()) == found
