"""Entity tracking: after a text in which things are moved between boxes, which content does a box have?

Layout: the folder entity_tracking of the BabyLM evaluation pipeline of 2025, which turned the task of Kim and Schuster
into a choice: files regular.jsonl, ambiref.jsonl and move_contents.jsonl, in the folder or below it, whose lines have
input_prefix, options (the first is right) and numops. File and numops make the 18 cells. In 2026 lines with an option
that says "nothing" are left out.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from evaluators.importers.interface import UNSTATED, Collector, Imported, Importer, Options, clip
from evaluators.importers.sources import Row, files, json_lines


def _files(source: Path) -> list[Path]:
    """The files in the folder and in those below it."""
    below = sorted(path for path in source.rglob("*.jsonl") if path.is_file()) if source.is_dir() else []
    return below or files(source, ".jsonl")


def read(source: Path, options: Options) -> Imported:
    """Every line of every file; item `<cell>/<k>` is the k-th line of its cell."""
    return _read(source, options, lambda _row: True)


def read_2026(source: Path, options: Options) -> Imported:
    """The lines of which no option says "nothing"; item `<cell>/<k>` is the k-th of these in its cell."""
    return _read(source, options, lambda row: not any("nothing" in text.lower() for text in row.texts("options")))


def _read(source: Path, options: Options, asked: Callable[[Row], bool]) -> Imported:
    collector = Collector(options)
    for path in _files(source):
        for row in filter(asked, json_lines(path)):
            contents = row.texts("options", least=2)
            context = row.text("input_prefix")
            cell = f"{path.stem}_{row.whole('numops', below=100)}_ops"
            tags = [f"operations: {row.whole('numops', below=100)}"]
            # The options are continuations as they stand: they bring their own blank.
            candidates = [{"context": context, "continuation": content} for content in contents]
            collector.choice(
                cell, candidates, 0, tags=tags, cluster=clip(_sample(path.stem, row.optional("sample_id")))
            )
    return collector.imported(manifest={"chance": _chance(collector)})


def _sample(stem: str, sample: str) -> str:
    return f"{stem}/{sample}" if sample else ""


def _chance(collector: Collector) -> float | None:
    """The mean over the cells of what equal answers score: 1/k for k options."""
    cells: dict[str, list[float]] = {}
    for item in collector.items:
        cells.setdefault(str(item["group"]), []).append(1 / len(item["choices"]))
    means = [sum(shares) / len(shares) for shares in cells.values()]
    return round(sum(means) / len(means), 6) if means else None


IMPORTER = Importer(
    name="entity-tracking",
    title="Entity tracking",
    source="Kim and Schuster 2023, as in the BabyLM evaluation pipeline of 2025",
    license=UNSTATED,
    form="A text and the possible contents of a box; a model chooses the likeliest. An item's id is `<cell>/<k>`, a "
    "cell "
    "being a file and a number of operations; the score is the mean over the 18 cells.",
    read=read,
    manifest={
        "task": "choice", "metric": "accuracy", "range": [0, 1], "direction": "higher", "items": "public",
        "version": "2025.1",
    },
    citation="@inproceedings{kim-schuster-2023-entity, title={Entity Tracking in Language Models}, author={Kim, "
    "Najoung "
    "and Schuster, Sebastian}, booktitle={Proceedings of ACL}, year={2023}}",
    expected={
        "regular_0_ops": 606, "regular_1_ops": 607, "regular_2_ops": 606, "regular_3_ops": 606, "regular_4_ops": 568,
        "regular_5_ops": 159, "ambiref_0_ops": 607, "ambiref_1_ops": 607, "ambiref_2_ops": 604, "ambiref_3_ops": 604,
        "ambiref_4_ops": 615, "ambiref_5_ops": 187, "move_contents_0_ops": 605, "move_contents_1_ops": 606,
        "move_contents_2_ops": 605, "move_contents_3_ops": 606, "move_contents_4_ops": 529,
        "move_contents_5_ops": 156,
    },
)  # fmt: skip
IMPORTER_2026 = replace(
    IMPORTER,
    name="entity-tracking-2026",
    title="Entity tracking, BabyLM 2026",
    form=IMPORTER.form + ' Lines with an option that says "nothing" are left out, as in 2026.',
    read=read_2026,
    manifest={**IMPORTER.manifest, "key": "entity-tracking", "version": "2026.1"},
    expected={
        "regular_0_ops": 517, "regular_1_ops": 409, "regular_2_ops": 405, "regular_3_ops": 425, "regular_4_ops": 388,
        "regular_5_ops": 94, "ambiref_0_ops": 508, "ambiref_1_ops": 428, "ambiref_2_ops": 413, "ambiref_3_ops": 409,
        "ambiref_4_ops": 434, "ambiref_5_ops": 123, "move_contents_0_ops": 516, "move_contents_1_ops": 437,
        "move_contents_2_ops": 399, "move_contents_3_ops": 406, "move_contents_4_ops": 353,
        "move_contents_5_ops": 116,
    },
)  # fmt: skip
