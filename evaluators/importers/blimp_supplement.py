"""The five supplement tasks of BabyLM, from the pipelines' folder supplement_filtered: sentence_good, sentence_bad.

The lines have no field that names what a pair tests; the file does.
"""

from pathlib import Path

from evaluators.importers.interface import BINARY, UNSTATED, Collector, Imported, Importer, Options
from evaluators.importers.minimal_pairs import add_pair
from evaluators.importers.sources import files, json_lines


def read(source: Path, options: Options) -> Imported:
    """Every line of every file, file by file."""
    collector = Collector(options)
    for path in files(source, ".jsonl"):
        for row in json_lines(path):
            add_pair(collector, row, part=path.stem)
    return collector.imported()


IMPORTER = Importer(
    name="blimp-supplement",
    title="BLiMP supplement of BabyLM",
    source="the BabyLM evaluation pipelines, supplement_filtered",
    license=UNSTATED,
    form="Minimal pairs in five files; an item's id is `<file>/<k>`. A model chooses the sentence to which it gives "
    "the "
    "larger log-probability; the score is the mean over the files.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "2024.1"},
    expected={
        "hypernym": 842, "qa_congruence_easy": 64, "qa_congruence_tricky": 165, "subject_aux_inversion": 3867,
        "turn_taking": 280,
    },
)  # fmt: skip
