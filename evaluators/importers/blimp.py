"""BLiMP as published (67 files of 1,000 minimal pairs) or, with an index of lines, in a filtered form.

Source: Warstadt et al. 2020, "BLiMP: The Benchmark of Linguistic Minimal Pairs for English", CC BY 4.0.
The filtered form of BabyLM 2024 and later keeps 59,875 of the 67,000 pairs.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluators.protocol.items import Split
from evaluators.protocol.lines import parse_json, parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.suite import SuiteManifest
from evaluators.suites.folder import write_suite

FILES = 67
PAIRS_PER_FILE = 1000
SUMMARY = "models_summary.jsonl"  # published beside the pairs; it holds accuracies, not items
CITATION = (
    "@article{warstadt-etal-2020-blimp, title={{BLiMP}: The Benchmark of Linguistic Minimal Pairs for {E}nglish}, "
    "author={Warstadt, Alex and Parrish, Alicia and Liu, Haokun and Mohananey, Anhad and Peng, Wei and Wang, Sheng-Fu "
    "and Bowman, Samuel R.}, journal={Transactions of the ACL}, volume={8}, year={2020}}"
)


def import_blimp(source: Path, dest: Path, *, index: Path | None = None, split: Split = "private") -> int:
    """Write the suite folder `dest` from the folder of published files; returns the number of pairs.

    `index` is a JSON object {file stem: [line numbers from 0]}: those lines, in that order, form the suite, so that
    item `<stem>/<k>` is the k-th of them. Raises ProblemsFound where files or counts are not as published.
    """
    files = sorted(path for path in source.glob("*.jsonl") if path.name != SUMMARY)
    if len(files) != FILES:
        raise ProblemsFound(
            [
                Problem(
                    "E-IMPORT-COUNT",
                    f"BLiMP has {FILES} files, here are {len(files)}",
                    str(source),
                    remedy="Name the folder that holds the published *.jsonl files.",
                )
            ]
        )
    lines = _index(index, {path.stem for path in files}) if index else None
    items: list[dict[str, Any]] = []
    gold: list[dict[str, Any]] = []
    for path in files:
        pairs = list(_pairs(path))
        chosen = range(len(pairs)) if lines is None else lines[path.stem]
        for number, line in enumerate(chosen):
            if not 0 <= line < len(pairs):
                raise ProblemsFound(
                    [Problem("E-IMPORT-INDEX", f"{path.name} has no line {line}", str(index), field=path.stem)]
                )
            good, bad, term = pairs[line]
            # In the order of their digests: what a model may see tells nothing about which is right.
            texts = sorted((good, bad), key=lambda text: hashlib.sha256(text.encode()).digest())
            items.append(
                {
                    "id": f"{path.stem}/{number}",
                    "choices": [{"continuation": text} for text in texts],
                    "group": path.stem,
                    "tags": [term],
                    "split": split,
                }
            )
            gold.append({"id": f"{path.stem}/{number}", "gold": texts.index(good)})
    write_suite(dest, manifest(filtered=lines is not None), items, gold, readme(len(items), filtered=lines is not None))
    return len(items)


def manifest(*, filtered: bool) -> SuiteManifest:
    """The suite's manifest: accuracy, as the mean over the 67 files."""
    value = {
        "schema": "suite/1",
        "key": "blimp-filtered" if filtered else "blimp",
        "title": "BLiMP, filtered for BabyLM 2024" if filtered else "BLiMP",
        "version": "2024.1" if filtered else "2020.1",
        "task": "choice",
        "metric": "accuracy",
        "chance": 0.5,
        "range": [0, 1],
        "direction": "higher",
        "items": "public",
        "license": "CC-BY-4.0",
        "citation": {"bibtex": CITATION},
    }
    return SuiteManifest.from_value(value, file="suite.yaml")


def readme(pairs: int, *, filtered: bool) -> str:
    """Where the suite comes from and how it was checked."""
    form = "the lines that an index of BabyLM 2024 names" if filtered else "every line as published"
    return (
        f"# BLiMP{', filtered' if filtered else ''}\n\n{pairs:,} minimal pairs in {FILES} files: {form}.\n\n"
        "Source: Warstadt et al. 2020, CC BY 4.0. An item's id is `<file>/<k>`, k counting from 0 within the file as\n"
        "it stands here. A model chooses the sentence to which it gives the larger log-probability; the score is the\n"
        "mean of the accuracies of the files.\n\nChecked against a published submission of BabyLM 2024: its\n"
        "predictions score here as its organizers' own scorer scores them.\n"
    )


def _index(path: Path, stems: set[str]) -> dict[str, list[int]]:
    value = parse_json(path.read_text(), file=path.name)
    if not isinstance(value, dict) or not all(
        isinstance(numbers, list) and all(isinstance(number, int) for number in numbers) for numbers in value.values()
    ):
        raise ProblemsFound(
            [Problem("E-IMPORT-INDEX", "the index must map file stems to lists of line numbers", path.name)]
        )
    if set(value) != stems:
        strange = sorted(set(value) ^ stems)
        raise ProblemsFound(
            [
                Problem(
                    "E-IMPORT-INDEX",
                    "the index and the folder don't name the same files",
                    path.name,
                    field=strange[0],
                    remedy="Both must name all 67.",
                )
            ]
        )
    return value


def _pairs(path: Path) -> Iterator[tuple[str, str, str]]:
    """Each line's good sentence, bad sentence and linguistic term; raises ProblemsFound."""
    count = 0
    for number, line in parse_lines(path.read_bytes(), file=path.name):
        fields = [line.get(name) for name in ("sentence_good", "sentence_bad", "linguistics_term")]
        if not all(isinstance(field, str) and field for field in fields):
            raise ProblemsFound(
                [
                    Problem(
                        "E-IMPORT-FIELD",
                        "sentence_good, sentence_bad and linguistics_term are required",
                        path.name,
                        number,
                    )
                ]
            )
        count += 1
        yield str(fields[0]), str(fields[1]), str(fields[2])
    if count != PAIRS_PER_FILE:
        raise ProblemsFound(
            [Problem("E-IMPORT-COUNT", f"a BLiMP file has {PAIRS_PER_FILE} pairs, this one {count}", path.name)]
        )
