"""What an importer is, what it makes, and how that becomes a suite folder with the counts that are known."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluators.protocol.items import Split
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.suite import SuiteManifest
from evaluators.suites.folder import MAX_PROBLEMS, MEDIA, write_suite

Line = dict[str, Any]
# By group, or under another name what a benchmark counts (words, contexts); None: any number, but at least one.
Counts = Mapping[str, int | None]
UNSTATED = "not stated by the source"
BINARY = {"metric": "accuracy", "chance": 0.5, "range": [0, 1], "direction": "higher"}


@dataclass(frozen=True)
class Options:
    """What a command may say about an import beyond source and destination."""

    split: Split = "private"
    index: Path | None = None
    images: Path | None = None
    language: str = ""


@dataclass(frozen=True)
class Imported:
    """A source's items and gold, in the source's own order.

    `manifest` says what the importer's own does not; `media` are image files by digest; `notes` are sentences for the
    README; `counts` are what is counted where that is not items by group; `expected` replaces the importer's counts
    where they depend on what was read.
    """

    items: list[Line]
    gold: list[Line]
    train: list[Line] = field(default_factory=list)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    media: Mapping[str, Path] = field(default_factory=dict)
    notes: Sequence[str] = ()
    counts: Mapping[str, int] | None = None
    expected: Counts | None = None


@dataclass(frozen=True)
class Importer:
    """One source format. `read` makes items and gold; `manifest` is that of the suite, without licence and citation."""

    name: str
    title: str
    source: str
    license: str
    form: str
    read: Callable[[Path, Options], Imported]
    manifest: Mapping[str, Any]
    citation: str = ""
    expected: Counts | None = None


@dataclass(frozen=True)
class Written:
    """A suite folder that was written; `asserted` says whether the counts were compared with those known."""

    manifest: SuiteManifest
    items: int
    counts: Mapping[str, int]
    asserted: bool


def run(
    importer: Importer,
    source: Path,
    dest: Path,
    options: Options,
    *,
    any_count: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> Written:
    """Write the suite folder `dest`; raises ProblemsFound where the source is faulty or its counts are not as known.

    `any_count` takes other counts, of another version of the benchmark; `overrides` replace fields of the manifest.
    """
    imported = importer.read(source, options)
    counts = dict(imported.counts or Counter(item.get("group", "all") for item in imported.items))
    expected = imported.expected if imported.expected is not None else importer.expected
    if expected is not None and not any_count:
        _compare(importer, counts, expected, source)
    value = {
        "schema": "suite/1",
        "key": importer.name,
        "title": importer.title,
        "version": "1",
        "license": importer.license,
        **importer.manifest,
        **imported.manifest,
        **(overrides or {}),
    }
    if importer.citation:
        value["citation"] = {"bibtex": importer.citation}
    manifest = SuiteManifest.from_value(value, file="suite.yaml")
    asserted = expected is not None and not any_count
    text = _readme(importer, manifest, imported, counts, asserted=asserted)
    write_suite(dest, manifest, imported.items, imported.gold, text, imported.train)
    _write_media(dest, imported.media)
    return Written(manifest, len(imported.items), counts, asserted)


def _compare(importer: Importer, counts: Mapping[str, int], expected: Counts, source: Path) -> None:
    """Refuse what is not as many as is known, each with both numbers."""
    problems = []
    for name in sorted(counts.keys() | expected.keys()):
        found, known = counts.get(name, 0), expected.get(name, 0)
        if found == known or (known is None and found):
            continue
        wanted = "some are known" if known is None else f"{known:,} are known"
        remedy = "Fetch the source again, or pass --any-count where it is another version of the benchmark."
        problems.append(
            Problem("E-IMPORT-COUNT", f"{importer.name}: {name}: {found:,} found, {wanted}", str(source), remedy=remedy)
        )
    if problems:
        raise ProblemsFound(problems[:MAX_PROBLEMS])


def _readme(
    importer: Importer, manifest: SuiteManifest, imported: Imported, counts: Mapping[str, int], *, asserted: bool
) -> str:
    total = f"{len(imported.items):,} items"
    if imported.train:
        total += f", {len(imported.train):,} lines to learn from"
    known = "as many as the source is known to have" if asserted else "the counts were not compared with known ones"
    lines = [
        f"# {manifest.title}", "", f"{total}; {known}.", "", f"Source: {importer.source}. Licence: {manifest.license}.",
        "", importer.form, *(f"\n{note}" for note in imported.notes), "", "| part | count |", "|---|---|",
        *(f"| {name} | {count:,} |" for name, count in counts.items()), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _write_media(dest: Path, media: Mapping[str, Path]) -> None:
    if not media:
        return
    folder = dest / MEDIA
    folder.mkdir(exist_ok=True)
    for digest, path in media.items():
        shutil.copyfile(path, folder / digest)


def by_digest(choices: Sequence[Mapping[str, Any]]) -> list[int]:
    """The positions of the candidates in the order of their digests: what a model may see tells nothing of the gold."""

    def digest(position: int) -> bytes:
        one = choices[position]
        parts = [str(one.get("context", "")), str(one["continuation"]), *one.get("images", [])]
        return hashlib.sha256("\0".join(parts).encode()).digest()

    return sorted(range(len(choices)), key=digest)


def choice(
    identifier: str, candidates: Sequence[Mapping[str, Any]], gold: int, options: Options, **fields: Any
) -> tuple[Line, Line]:
    """A choice item and its gold; `candidates` as the source orders them, `gold` the right one's position there."""
    order = by_digest(candidates)
    item = {"id": identifier, "choices": [dict(candidates[position]) for position in order], "split": options.split}
    item |= {name: value for name, value in fields.items() if value}
    return item, {"id": identifier, "gold": order.index(gold)}


def continuations(context: str, texts: Sequence[str]) -> list[Line]:
    """Candidates that continue one context, each after a blank where the context is not empty."""
    if not context:
        return [{"continuation": text} for text in texts]
    return [{"context": context, "continuation": f" {text}"} for text in texts]


def clip(text: str, most: int = 120) -> str:
    """A name as groups, tags and clusters may hold it: one line, cut where it is too long and told apart by digest."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if len(plain) <= most:
        return plain
    return f"{plain[: most - 17]} {hashlib.sha256(plain.encode()).hexdigest()[:16]}"


class Collector:
    """Gathers items and gold, and counts within each part."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.items: list[Line] = []
        self.gold: list[Line] = []
        self._next: Counter[str] = Counter()

    def number(self, part: str) -> str:
        """The next id of a part: `<part>/<k>`, k counting from 0."""
        k = self._next[part]
        self._next[part] += 1
        return f"{part}/{k}"

    def choice(self, part: str, candidates: Sequence[Mapping[str, Any]], gold: int, **fields: Any) -> None:
        """Add a choice item to a part, which is its group."""
        self.named(self.number(part), candidates, gold, group=part, **fields)

    def named(self, identifier: str, candidates: Sequence[Mapping[str, Any]], gold: int, **fields: Any) -> None:
        """Add a choice item whose id the source says."""
        item, line = choice(identifier, candidates, gold, self.options, **fields)
        self.items.append(item)
        self.gold.append(line)

    def add(self, item: Line, gold: Line) -> None:
        """Add an item of another task."""
        self.items.append({**item, "split": self.options.split})
        self.gold.append(gold)

    def imported(self, **more: Any) -> Imported:
        """What was gathered."""
        return Imported(self.items, self.gold, **more)
