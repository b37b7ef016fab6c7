"""A suite folder: suite.yaml, items.jsonl, gold.jsonl, train.jsonl and media/, opened into plain documents."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from evaluators.protocol.documents import Document, canonical_json, problems_of
from evaluators.protocol.items import Gold, Item, TrainLine
from evaluators.protocol.lines import MAX_LINE_BYTES, parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.suite import SuiteManifest
from evaluators.tasks import setting_of, task_of
from evaluators.tasks.interface import Task

MANIFEST, ITEMS, GOLD, TRAIN, MEDIA = "suite.yaml", "items.jsonl", "gold.jsonl", "train.jsonl", "media"
MAX_FILE_BYTES = 2_000_000_000
# The gold of a similarity item may be a matrix of millions of numbers.
MAX_GOLD_LINE_BYTES = 128_000_000
# A file with thousands of faults is told by its first few.
MAX_PROBLEMS = 50

Line = TypeVar("Line", bound=Document)


@dataclass(frozen=True)
class Suite:
    """An opened suite; `gold` is empty where it was opened without, `digest` is over the whole folder's content."""

    manifest: SuiteManifest
    # Of the documents of the suite's own task, as its gold is.
    items: Sequence[Any]
    gold: Mapping[str, Any]
    digest: str
    # Every item's id, those that a selection left out included: an answer to one of them is no error.
    all_ids: Collection[str] = ()
    # What a model that is to be trained may learn from: public to it, in this order.
    train: Sequence[TrainLine] = ()

    @property
    def gold_in_order(self) -> list[Any]:
        """The gold of each item, in the items' order."""
        return [self.gold[item.id] for item in self.items]

    @property
    def name(self) -> str:
        """`key@version`."""
        return f"{self.manifest.key}@{self.manifest.version}"


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    if not path.is_file() or path.is_symlink():
        raise ProblemsFound([Problem("E-SUITE-FILE", f"the folder has no file {name}", name, remedy=f"Add {name}.")])
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ProblemsFound([Problem("E-SUITE-FILE", f"the file is larger than {MAX_FILE_BYTES:,} bytes", name)])
    return path.read_bytes()


def read_manifest(folder: Path) -> SuiteManifest:
    """The folder's suite.yaml; raises ProblemsFound."""
    try:
        text = _read(folder, MANIFEST).decode()
    except UnicodeDecodeError as error:
        raise ProblemsFound(
            [Problem("E-DOC-SYNTAX", "the file is not UTF-8", MANIFEST, remedy="Save it as UTF-8.")]
        ) from error
    return SuiteManifest.from_yaml(text, file=MANIFEST)


def read_lines(folder: Path, name: str, model: type[Line]) -> list[Line]:
    """Every line of a file as `model`, with unique ids; raises ProblemsFound with up to 50 faults."""
    found: list[Line] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    longest = MAX_GOLD_LINE_BYTES if name == GOLD else MAX_LINE_BYTES
    for number, value in parse_lines(_read(folder, name), file=name, max_line_bytes=longest):
        try:
            line = model.model_validate(value)
        except ValidationError as error:
            problems += [
                Problem(problem.code, problem.message, name, number, problem.field, problem.remedy)
                for problem in problems_of(error, file=name)
            ]
        else:
            identifier = str(line.id)  # type: ignore[attr-defined]
            if identifier in seen:
                problems.append(
                    Problem(
                        "E-SUITE-DUPLICATE",
                        f"the id {identifier!r} stands on line {seen[identifier]} too",
                        name,
                        number,
                        "id",
                        "Give every item an id of its own.",
                    )
                )
            seen.setdefault(identifier, number)
            found.append(line)
        if len(problems) >= MAX_PROBLEMS:
            break
    if problems:
        raise ProblemsFound(problems)
    return found


def media_digests(folder: Path) -> list[str]:
    """The names in media/, which are the digests of the files; raises ProblemsFound where one is not."""
    media = folder / MEDIA
    if not media.is_dir():
        return []
    names = sorted(path.name for path in media.iterdir())
    for name in names:
        if not (media / name).is_file():
            raise ProblemsFound(
                [Problem("E-SUITE-MEDIA", "only files may be here", f"{MEDIA}/{name}", remedy="Take the folder out.")]
            )
        with (media / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != name:
                raise ProblemsFound(
                    [
                        Problem(
                            "E-SUITE-MEDIA",
                            "the file's name is not its sha256",
                            f"{MEDIA}/{name}",
                            remedy="Name every media file by its digest.",
                        )
                    ]
                )
    return names


def content_digest(
    manifest: SuiteManifest,
    items: Sequence[Document],
    gold: Iterable[Document],
    media: Sequence[str] = (),
    train: Sequence[Document] = (),
) -> str:
    """sha256 over the canonical form: manifest, items and gold sorted by id, digests of media.

    Order and layout of the files don't move it; anything that could move a score does.
    """
    head = manifest.model_dump(mode="json", by_alias=True)
    if not manifest.options:
        # The field came later: digests of suites that don't use it stay as they were published.
        del head["options"]
    digest = hashlib.sha256(canonical_json(head))
    for lines in (items, gold, train) if train else (items, gold):
        digest.update(b"\0")
        for line in sorted(lines, key=lambda line: str(line.id)):  # type: ignore[attr-defined]
            digest.update(canonical_json(line.model_dump(mode="json")) + b"\n")
    digest.update(b"\0" + "\n".join(media).encode())
    return digest.hexdigest()


def open_suite(folder: Path, *, with_gold: bool = True) -> Suite:
    """Open a suite folder; raises ProblemsFound where a file is missing or faulty, or items and gold don't join."""
    manifest = read_manifest(folder)
    task = task_of(manifest)
    setting_of(manifest)
    items = read_lines(folder, ITEMS, task.item)
    train = _train_lines(folder, trains=task.trains)
    if not with_gold:
        return Suite(manifest, items, gold={}, digest="", all_ids=[item.id for item in items], train=train)
    gold = {line.id: line for line in read_lines(folder, GOLD, task.gold)}
    problems = join_problems(items, gold, task)
    if problems:
        raise ProblemsFound(problems)
    digest = content_digest(manifest, items, gold.values(), media_digests(folder), train)
    return Suite(manifest, items, gold, digest, all_ids=list(gold), train=train)


def _train_lines(folder: Path, *, trains: bool) -> list[TrainLine]:
    if not (folder / TRAIN).exists():
        return []
    if not trains:
        remedy = "Remove the file, or name a task that trains."
        raise ProblemsFound([Problem("E-SUITE-FILE", "this task trains nothing", TRAIN, remedy=remedy)])
    return read_lines(folder, TRAIN, TrainLine)


def join_problems(items: Sequence[Item], gold: Mapping[str, Gold], task: Task) -> list[Problem]:
    """What keeps items and gold from joining on id, one to one."""
    known = {item.id: item for item in items}
    problems = [
        Problem("E-SUITE-GOLD", f"the item {identifier!r} has no gold", GOLD, remedy="Add its line.")
        for identifier in sorted(known.keys() - gold.keys())[:MAX_PROBLEMS]
    ]
    problems += [
        Problem("E-SUITE-GOLD", f"there is no item {identifier!r}", GOLD, remedy="Remove its line.")
        for identifier in sorted(gold.keys() - known.keys())[:MAX_PROBLEMS]
    ]
    for identifier, line in gold.items():
        fault = task.join(known[identifier], line) if identifier in known else None
        if fault:
            remedy = "The two lines of one id must fit each other; positions count from 0."
            problems.append(Problem("E-SUITE-GOLD", f"{identifier!r}: {fault}", GOLD, field="gold", remedy=remedy))
    return problems[:MAX_PROBLEMS]


def write_suite(
    folder: Path,
    manifest: SuiteManifest,
    items: Iterable[Document | Mapping[str, Any]],
    gold: Iterable[Document | Mapping[str, Any]],
    readme: str = "",
    train: Iterable[Document | Mapping[str, Any]] = (),
) -> None:
    """Write a suite folder; values are written as they are given, defaults left out."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(manifest.to_yaml())
    parts = [(ITEMS, items), (GOLD, gold)]
    if train:
        parts.append((TRAIN, train))
    for name, lines in parts:
        with (folder / name).open("w", encoding="utf-8") as file:
            for line in lines:
                value = line.to_value() if isinstance(line, Document) else dict(line)
                file.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    if readme:
        (folder / "README.md").write_text(readme)
