"""Reading: eye tracking and self-paced reading of 205 English sentences.

Layout: all_measures.csv as published (de Varda, Marelli and Amenta 2023), or reading_data.csv of the BabyLM evaluation
pipeline of 2025: a row for each measured word with item (the words before it), word, context_length, length,
Subtlex_log10 and the measures. Rows stand in no order of sentences; the covariate `row` of each word is the number of
its row, from 0, by which prediction files name it. A sentence's first word was measured on nobody: it is the context of
the second, and its numbers are missing.
"""

from collections.abc import Sequence
from pathlib import Path

from evaluators.importers.interface import UNSTATED, Collector, Imported, Importer, Options, clip
from evaluators.importers.sources import Row, one_file, table

MEASURES = ("RTfirstfix", "RTfirstpass", "RTgopast", "RTrightbound", "self_paced_reading_time")
COVARIATES = ("Subtlex_log10", "length", "context_length")
REQUIRED = ("item", "word", *COVARIATES, *MEASURES)
SENTENCES, WORDS = 205, 1726


def read(source: Path, options: Options) -> Imported:
    """Every sentence, whole; item `reading/<k>`, in the order in which sentences first appear."""
    name = "all_measures.csv" if (source / "all_measures.csv").is_file() else "reading_data.csv"
    sentences = _sentences(list(table(one_file(source, name), required=REQUIRED)))
    collector = Collector(options)
    for words in sentences:
        identifier = collector.number("reading")
        first = str(words[0][1].values["item"]).split()
        lead = [None] * len(first)
        covariates = {name: [*lead, *(row.number(name) for _, row in words)] for name in COVARIATES}
        covariates["row"] = [*lead, *(float(number) for number, _ in words)]
        item = {
            "id": identifier, "group": "reading", "words": [*first, *(row.text("word") for _, row in words)],
            "covariates": covariates,
        }  # fmt: skip
        measures = {name: [*lead, *(row.number(name) for _, row in words)] for name in MEASURES}
        collector.add(item, {"id": identifier, "measures": measures})
    counts = {"sentences": len(sentences), "words": sum(map(len, sentences))}
    return collector.imported(counts=counts)


def _sentences(rows: Sequence[Row]) -> list[list[tuple[int, Row]]]:
    """The rows of each sentence in the order of its words; raises ProblemsFound where words are missing between them.

    A sentence is told by its id where the table has one, else by its first words, which every row repeats.
    """
    found: dict[str, list[tuple[int, Row]]] = {}
    for number, row in enumerate(rows):
        name = row.optional("sent_id") or row.optional("sentence") or clip(row.text("item").split()[0])
        found.setdefault(name, []).append((number, row))
    for words in found.values():
        words.sort(key=lambda one: one[1].whole("context_length"))
        said = words[0][1].text("item").split()
        for _, row in words:
            if row.text("item").split() != said or row.whole("context_length") != len(said):
                raise row.refused("item", "the words before it are not those of the sentence's other rows")
            said = [*said, *row.text("word").split()]
    return list(found.values())


CITATION = (
    "@article{devarda2023cloze, title={Cloze probability, predictability ratings, and computational estimates for 205 "
    "{E}nglish sentences, aligned with existing {EEG} and reading time data}, author={de Varda, Andrea Gregor and "
    "Marelli, "
    "Marco and Amenta, Simona}, journal={Behavior Research Methods}, year={2023}}"
)
SOURCE = "de Varda, Marelli and Amenta 2023, github.com/Andrea-de-Varda/prediction-resource"
MANIFEST = {
    "task": "surprisal", "metric": "partial_r2", "chance": 0, "range": [0, 100], "direction": "higher",
    "items": "public", "version": "2025.1",
}  # fmt: skip
FORM = (
    "A sentence in words and what was measured on its readers. The score is 100 times the partial R² of a model's "
    "surprisal "
    "over {baseline} and their pairwise products{mean}. An item's id is `reading/<k>`; its covariate `row` says "
    "which row "
    "of the source each word is."
)
EXPECTED = {"sentences": SENTENCES, "words": WORDS}
EYE_TRACKING = Importer(
    name="reading-eye-tracking",
    title="Reading, eye tracking",
    source=SOURCE,
    license=UNSTATED,
    form=FORM.format(baseline="frequency, length and position", mean=", as the mean over four measures"),
    read=read,
    manifest={**MANIFEST, "options": {"measures": list(MEASURES[:4]), "baseline": list(COVARIATES)}},
    citation=CITATION,
    expected=EXPECTED,
)
SELF_PACED = Importer(
    name="reading-self-paced",
    title="Reading, self-paced",
    source=SOURCE,
    license=UNSTATED,
    form=FORM.format(baseline="frequency, length, position, the previous word's length and surprisal", mean=""),
    read=read,
    manifest={
        **MANIFEST,
        "options": {
            "measures": ["self_paced_reading_time"], "baseline": list(COVARIATES), "previous": ["length", "surprisal"],
        },
    },
    citation=CITATION,
    expected=EXPECTED,
)  # fmt: skip
