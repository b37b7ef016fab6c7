"""BLiMP as BabyLM 2023 scores it: in one group for each of 12 phenomena.

Layout: a file of JSON lines for each phenomenon, as the pipeline of 2023 ships them (anaphor_agreement.json, …), with
sentence_good and sentence_bad; or the files of BLiMP, published or filtered, whose lines say their phenomenon in
linguistics_term. Item `<phenomenon>/<k>` is the k-th line of the phenomenon, file by file in the order of their names.
"""

from pathlib import Path

from evaluators.importers.blimp import CITATION, SUMMARY
from evaluators.importers.interface import BINARY, Collector, Imported, Importer, Options
from evaluators.importers.minimal_pairs import add_pair
from evaluators.importers.sources import Row, files, json_lines

PHENOMENA = (
    "anaphor_agreement", "argument_structure", "binding", "control_raising", "determiner_noun_agreement", "ellipsis",
    "filler_gap", "irregular_forms", "island_effects", "npi_licensing", "quantifiers", "subject_verb_agreement",
)  # fmt: skip
# BLiMP's lines tell 13 terms; its paper and the edition count the selection of subjects to argument structure.
TERMS = {
    **{name: name for name in PHENOMENA},
    "filler_gap_dependency": "filler_gap",
    "s-selection": "argument_structure",
}


def read(source: Path, options: Options) -> Imported:
    """Every pair, counted within its phenomenon."""
    collector = Collector(options)
    for path in files(source, ".jsonl", ".json"):
        if path.name == SUMMARY:
            continue
        for row in json_lines(path):
            paradigm = row.optional("UID") or path.stem
            add_pair(collector, row, part=_phenomenon(row, path.stem), tags=[paradigm])
    return collector.imported()


def _phenomenon(row: Row, stem: str) -> str:
    """By the line's own term, else by the file's name; raises ProblemsFound."""
    found = TERMS.get(row.optional("linguistics_term") or stem)
    if found is None:
        remedy = "Name the folder with a file for each phenomenon, or that of BLiMP's own files."
        raise row.refused("linguistics_term", "neither the line nor the file names one of BLiMP's phenomena", remedy)
    return found


IMPORTER = Importer(
    name="blimp-2023",
    title="BLiMP by phenomenon, BabyLM 2023",
    source="Warstadt et al. 2020, as filtered in the BabyLM evaluation pipeline of 2023",
    license="CC-BY-4.0",
    form="Minimal pairs in 12 phenomena; an item's id is `<phenomenon>/<k>`, and its tag the paradigm. A model chooses "
    "the sentence to which it gives the larger log-probability; the score is the mean over the phenomena.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "2023.1"},
    citation=CITATION,
    # The sizes of the edition's files were never published beside them: each phenomenon must be there.
    expected=dict.fromkeys(PHENOMENA),
)
