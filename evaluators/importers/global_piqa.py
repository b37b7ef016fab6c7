"""GlobalPIQA: which solution serves a purpose, with what people know in one place of the world.

Layout: a language's file as published on the hub (mrlbenchmarks/global-piqa-parallel and -nonparallel) as .tsv or JSON
lines, which is also what BabyLM 2026 ships (global_piqa_parallel/<language>.jsonl): prompt, solution0, solution1 and so
on, label, example_id and, where the row has it, approx_cultural_score. Whether it is the parallel part is read off the
path, or said with the command's language, as in `nonparallel/nld_latn`.
"""

from pathlib import Path

from evaluators.importers.interface import Collector, Counts, Imported, Importer, Options, continuations
from evaluators.importers.sources import Row, files, plain, rows
from evaluators.protocol.problems import Problem, ProblemsFound

COUNTS: Counts = {"global_piqa_parallel": 103, "global_piqa_nonparallel": 100}
LICENSE_NOTE = "The source restricts its use to the evaluation of language models: it must not be trained on."


def read(source: Path, options: Options) -> Imported:
    """Every example; item `global_piqa_<part>/<example_id>`."""
    path = files(source, ".tsv", ".jsonl", ".csv")[0]
    part = _part(path, options)
    language = options.language.rpartition("/")[2] or path.stem.removeprefix("nonparallel_").removeprefix("parallel_")
    group = f"global_piqa_{part}"
    collector = Collector(options)
    shares: list[float] = []
    for row in rows(path):
        solutions = _solutions(row)
        shares.append(1 / len(solutions))
        identifier = f"{group}/{row.text('example_id')}"
        gold = row.whole("label", below=len(solutions))
        score = row.number("approx_cultural_score")
        tags = [] if score is None else ["culturally specific" if score else "not culturally specific"]
        candidates = continuations(row.text("prompt", empty=True).strip(), solutions)
        collector.named(identifier, candidates, gold, group=group, tags=tags)
    chance = round(sum(shares) / len(shares), 6) if shares else None
    manifest = {
        "key": f"global-piqa-{part}-{plain(language)}", "title": f"GlobalPIQA, {part}, {language}", "chance": chance,
    }  # fmt: skip
    return collector.imported(manifest=manifest, expected={group: COUNTS[group]}, notes=(LICENSE_NOTE,))


def _part(path: Path, options: Options) -> str:
    place = f"{options.language} {path.parent.name} {path.stem}"
    if "parallel" not in place:
        remedy = "Say --language nonparallel/<language> or parallel/<language>."
        message = "nothing says whether this is the parallel part"
        raise ProblemsFound([Problem("E-IMPORT-FORMAT", message, str(path), remedy=remedy)])
    return "nonparallel" if "nonparallel" in place else "parallel"


def _solutions(row: Row) -> list[str]:
    names = [f"solution{number}" for number in range(16) if row.optional(f"solution{number}")]
    if len(names) < 2:
        raise row.refused("solution1", "at least two solutions are required")
    return [row.text(name).strip() for name in names]


IMPORTER = Importer(
    name="global-piqa",
    title="GlobalPIQA",
    source="Global PIQA, the hub's mrlbenchmarks/global-piqa-parallel and global-piqa-nonparallel",
    license="CC-BY-SA-4.0",
    form="A prompt and its solutions; a model chooses the likeliest. An item's id is "
    "`global_piqa_<part>/<example_id>`.",
    read=read,
    manifest={
        "task": "choice", "metric": "accuracy", "range": [0, 1], "direction": "higher", "items": "public",
        "version": "2026.1",
    },
    citation="@article{chang2025globalpiqa, title={Global {PIQA}: Evaluating Physical Commonsense Reasoning Across "
    "100+ "
    "Languages and Cultures}, journal={arXiv preprint arXiv:2510.24081}, year={2025}}",
)  # fmt: skip
