"""WUG: between two forms of an invented word people are divided; is the model as divided?

Layout: wug_adj_nominalization.jsonl and wug_past_tense.jsonl of the BabyLM evaluation pipeline of 2025: sentences (two,
with a tab between them) and ratio, the share of people that took the first one. Candidate 0 is the first sentence.
"""

from pathlib import Path

from evaluators.importers.interface import UNSTATED, Collector, Imported, Importer, Options
from evaluators.importers.sources import json_lines, one_file

CITATION = (
    "@article{hofmann2024derivational, title={Derivational Morphology Reveals Analogical Generalization in Large "
    "Language "
    'Models}, author={Hofmann, Valentin and Weissweiler, Leonie and Mortensen, David and Sch{\\"u}tze, Hinrich and '
    "Pierrehumbert, Janet}, journal={arXiv preprint arXiv:2411.07990}, year={2024}}"
)


def _read(file: str, part: str, source: Path, options: Options) -> Imported:
    collector = Collector(options)
    for row in json_lines(one_file(source, file)):
        forms = row.text("sentences").split("\t")
        if len(forms) != 2 or not all(form.strip() for form in forms):
            raise row.refused("sentences", "two sentences with a tab between them are required")
        share = row.required("ratio")
        if not 0 <= share <= 1:
            raise row.refused("ratio", "the share must lie between 0 and 1")
        identifier = collector.number(part)
        item = {"id": identifier, "group": part, "choices": [{"continuation": form} for form in forms]}
        collector.add(item, {"id": identifier, "probability": share})
    return collector.imported()


def read_adjectives(source: Path, options: Options) -> Imported:
    """The nominalizations of invented adjectives; item `wug_adj/<k>`."""
    return _read("wug_adj_nominalization.jsonl", "wug_adj", source, options)


def read_past(source: Path, options: Options) -> Imported:
    """The past tenses of invented verbs; item `wug_past/<k>`."""
    return _read("wug_past_tense.jsonl", "wug_past", source, options)


FORM = (
    "Two forms of an invented word, and the share of people that took the first. The model's share is the softmax "
    "over the "
    "two log-probabilities; the score is Spearman's correlation of the shares. An item's id is `{part}/<k>`."
)
MANIFEST = {
    "task": "probability", "metric": "spearman", "range": [-1, 1], "direction": "higher", "items": "public",
    "version": "2025.1",
}  # fmt: skip
ADJECTIVES = Importer(
    name="wug-adj",
    title="WUG, adjective nominalization",
    source="Hofmann et al. 2024, as in the BabyLM evaluation pipeline of 2025",
    license=UNSTATED,
    form=FORM.format(part="wug_adj"),
    read=read_adjectives,
    manifest=MANIFEST,
    citation=CITATION,
    expected={"wug_adj": 200},
)
PAST = Importer(
    name="wug-past",
    title="WUG, past tense",
    source="Weissweiler et al. 2023, as in the BabyLM evaluation pipeline of 2025",
    license=UNSTATED,
    form=FORM.format(part="wug_past"),
    read=read_past,
    manifest=MANIFEST,
    citation=CITATION,
    expected={"wug_past": 50},
)
