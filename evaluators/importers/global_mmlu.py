"""Global MMLU: MMLU in many languages, with the items marked whose answer depends on a culture.

Layout: the split test of a language on the hub (CohereLabs/Global-MMLU) as JSON lines, .csv or .tsv: sample_id,
subject, subject_category, question, option_a to option_d, answer (A to D), cultural_sensitivity_label (CS, CA, or "-"
where nobody judged it). The tags `culturally sensitive` and `culturally agnostic` have scores of their own. The
question is put as lm-evaluation-harness puts it: the four options by letter, then "Answer:"; the letters are the
candidates.
"""

from pathlib import Path

from evaluators.importers.interface import Collector, Imported, Importer, Options, clip, continuations
from evaluators.importers.sources import files, plain, rows

TEST = 14_042
LETTERS = "ABCD"
SENSITIVITY = {"CS": "culturally sensitive", "CA": "culturally agnostic"}


def read(source: Path, options: Options) -> Imported:
    """Every question; item `<subject>/<k>`."""
    collector = Collector(options)
    path = files(source, ".jsonl", ".csv", ".tsv")[0]
    for row in rows(path):
        answer = row.text("answer").strip()
        if answer not in LETTERS or len(answer) != 1:
            raise row.refused("answer", "the answer must be A, B, C or D")
        shown = [f"{letter}. {row.text(f'option_{letter.lower()}').strip()}" for letter in LETTERS]
        context = "\n".join([row.text("question").strip(), *shown, "Answer:"])
        label = row.optional("cultural_sensitivity_label")
        if label not in (*SENSITIVITY, "-", ""):
            raise row.refused("cultural_sensitivity_label", "the label must be CS, CA or -")
        tags = [SENSITIVITY[label]] if label in SENSITIVITY else []
        tags += [clip(category)] if (category := row.optional("subject_category")) else []
        collector.choice(
            clip(row.text("subject")), continuations(context, list(LETTERS)), LETTERS.index(answer), tags=tags
        )
    language = options.language or path.parent.name
    manifest = {"key": f"global-mmlu-{plain(language)}", "title": f"Global MMLU, {language}"}
    counts = {"questions": len(collector.items)}
    return collector.imported(manifest=manifest, counts=counts)


IMPORTER = Importer(
    name="global-mmlu",
    title="Global MMLU",
    source="Singh et al. 2024, Global MMLU, the hub's CohereLabs/Global-MMLU",
    license="Apache-2.0",
    form="A question with four options by letter; a model chooses the likeliest letter. An item's id is "
    "`<subject>/<k>`; "
    "the score is the accuracy over all questions, and the tags give it for culturally sensitive and culturally "
    "agnostic ones.",
    read=read,
    manifest={
        "task": "choice", "metric": "accuracy", "chance": 0.25, "range": [0, 1], "direction": "higher",
        "items": "public", "aggregate": "micro",
    },
    citation="@article{singh2024globalmmlu, title={Global {MMLU}: Understanding and Addressing Cultural and Linguistic "
    "Biases in Multilingual Evaluation}, author={Singh, Shivalika and others}, journal={arXiv preprint "
    "arXiv:2412.03304}, year={2024}}",
    expected={"questions": TEST},
)  # fmt: skip
