"""BLiMP as the BabyLM evaluation pipelines of 2024 to 2026 ship it: the folder blimp_filtered, already filtered.

The 67 files are JSON lines with sentence_good, sentence_bad and, beside others, linguistics_term; the counts of each
are those of the pipeline's own collator. Item `<file>/<k>` is the k-th line of the file.
"""

from pathlib import Path

from evaluators.importers.blimp import CITATION, FILTERED
from evaluators.importers.interface import BINARY, Collector, Imported, Importer, Options
from evaluators.importers.minimal_pairs import add_pair
from evaluators.importers.sources import files, json_lines


def read(source: Path, options: Options) -> Imported:
    """Every line of every file, file by file."""
    collector = Collector(options)
    counts: dict[str, int] = {}
    for path in files(source, ".jsonl"):
        for row in json_lines(path):
            add_pair(collector, row, part=path.stem, tags=[row.optional("linguistics_term")])
            # The pipelines write names in two ways, complex_NP_island and complex_np_island.
            counts[path.stem.lower()] = counts.get(path.stem.lower(), 0) + 1
    return collector.imported(counts=counts)


IMPORTER = Importer(
    name="blimp-filtered",
    title="BLiMP, filtered for BabyLM 2024",
    source="Warstadt et al. 2020, as filtered in the BabyLM evaluation pipelines of 2024 to 2026",
    license="CC-BY-4.0",
    form="Minimal pairs; an item's id is `<file>/<k>`, the k-th line of the file. A model chooses the sentence to "
    "which "
    "it gives the larger log-probability; the score is the mean over the files.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "2024.1"},
    citation=CITATION,
    expected=FILTERED,
)
