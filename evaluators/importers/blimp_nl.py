"""BLiMP-NL: minimal pairs for Dutch, in 22 phenomena.

Layout: a file for each phenomenon, as the task of BabyLM 2026 reads them (juletxara/blimp-nl, one configuration each):
sentence_good, sentence_bad and, where the line has them, paradigm and item_id. JSON lines, .csv or .tsv.
"""

from pathlib import Path

from evaluators.importers.interface import BINARY, UNSTATED, Collector, Imported, Importer, Options
from evaluators.importers.minimal_pairs import add_pair
from evaluators.importers.sources import files, rows

PHENOMENA = (
    "adpositional_phrases", "adverbial_modification", "anaphor_agreement", "argument_structure", "auxiliaries",
    "binding_principle_a", "complementive", "crossing_dependencies", "determiners", "extraposition",
    "finite_argument_clause", "infinitival_argument_clause", "nominalization", "parasitic_gaps", "passive",
    "quantifiers", "r_words", "relativization", "topicalization", "verb_second", "wh_movement",
    "wh_movement_restrictions",
)  # fmt: skip


def read(source: Path, options: Options) -> Imported:
    """Every pair of every phenomenon; item `<file>/<k>`."""
    collector = Collector(options)
    for path in files(source, ".jsonl", ".csv", ".tsv"):
        for row in rows(path):
            paradigm, number = row.optional("paradigm"), row.optional("item_id")
            cluster = f"{paradigm}/{number}" if paradigm and number else ""
            add_pair(collector, row, part=path.stem, tags=[paradigm], cluster=cluster)
    return collector.imported()


IMPORTER = Importer(
    name="blimp-nl",
    title="BLiMP-NL",
    source="Suijkerbuijk et al. 2025, BLiMP-NL, as in the multilingual tasks of BabyLM 2026",
    license=UNSTATED,
    form="Minimal pairs for Dutch; an item's id is `<phenomenon>/<k>`. A model chooses the sentence to which it "
    "gives the "
    "larger log-probability; the score is the accuracy over all pairs, as BabyLM 2026 weighs phenomena by their size.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "2026.1", "aggregate": "micro"},
    expected=dict.fromkeys(PHENOMENA),
)
