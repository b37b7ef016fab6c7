"""HellaSwag: which of four endings follows.

Layout: the published JSON lines (hellaswag_val.jsonl): ind, activity_label, ctx_a, ctx_b, endings, label, source_id.
Context and endings are cleaned as lm-evaluation-harness cleans them: the activity first, ctx_b with a capital letter,
WikiHow's [title] and other marks taken out. MuBench's layout, which BabyLM 2026 uses, is taken too.
"""

import re
from pathlib import Path

from evaluators.importers.interface import Collector, Imported, Importer, Options, clip, continuations
from evaluators.importers.mubench import read_rows
from evaluators.importers.sources import Row, files, plain, rows

VALIDATION = 10_042
MARK = re.compile(r"\[.*?\]")


def cleaned(text: str) -> str:
    """A text without WikiHow's marks."""
    return MARK.sub("", text.strip().replace(" [title]", ". ")).replace("  ", " ")


def read(source: Path, options: Options) -> Imported:
    """Every line that says its label; item `hellaswag/<k>`."""
    collector = Collector(options)
    found = rows(files(source, ".jsonl", ".csv", ".tsv")[0])
    published = read_rows(found, collector, part="hellaswag", published=lambda row: _endings(collector, row))
    key = f"hellaswag-{plain(options.language)}" if options.language else "hellaswag"
    title = f"HellaSwag, {options.language}" if options.language else "HellaSwag"
    expected = {"hellaswag": VALIDATION} if published and options.language in ("", "en") else None
    return collector.imported(manifest={"key": key, "title": title}, expected=expected)


def _endings(collector: Collector, row: Row) -> None:
    endings = row.texts("endings", least=2)
    start = f"{row.text('ctx_a', empty=True)} {row.text('ctx_b', empty=True).capitalize()}"
    context = cleaned(f"{row.text('activity_label')}: {start}").strip()
    candidates = continuations(context, [cleaned(ending).strip() or ending for ending in endings])
    gold = row.whole("label", below=len(endings))
    kind = row.optional("source_id").partition("~")[0]
    collector.choice(
        "hellaswag", candidates, gold, tags=[clip(kind)] if kind else [], cluster=clip(row.optional("source_id"))
    )


IMPORTER = Importer(
    name="hellaswag",
    title="HellaSwag",
    source="Zellers et al. 2019, HellaSwag; MuBench for other languages",
    license="MIT",
    form="A context and four endings; a model chooses the ending with the largest log-probability for each UTF-8 byte. "
    "An item's id is `hellaswag/<k>`.",
    read=read,
    manifest={
        "task": "choice", "metric": "accuracy", "chance": 0.25, "range": [0, 1], "direction": "higher",
        "length_norm": "bytes", "items": "public",
    },
    citation="@inproceedings{zellers2019hellaswag, title={{HellaSwag}: Can a Machine Really Finish Your Sentence?}, "
    "author={Zellers, Rowan and Holtzman, Ari and Bisk, Yonatan and Farhadi, Ali and Choi, Yejin}, "
    "booktitle={Proceedings of ACL}, year={2019}}",
)  # fmt: skip
