"""WinoGrande: which of two names fills the gap.

Layout: the published JSON lines (train_*.jsonl, dev.jsonl): qID, sentence with one "_", option1, option2, answer
("1" or "2"). Scored by partial evaluation (Trinh and Le 2018, as lm-evaluation-harness does): what stands after the
gap is the continuation of both, and the filled gap its context. MuBench's layout, which BabyLM 2026 uses, is taken too.
"""

from pathlib import Path

from evaluators.importers.interface import BINARY, Collector, Imported, Importer, Options, clip
from evaluators.importers.mubench import read_rows
from evaluators.importers.sources import Row, files, plain, rows

DEV = 1267


def read(source: Path, options: Options) -> Imported:
    """Every line that says its answer; item `winogrande/<k>`."""
    collector = Collector(options)
    found = rows(files(source, ".jsonl", ".csv", ".tsv")[0])
    published = read_rows(found, collector, part="winogrande", published=lambda row: _gap(collector, row))
    key = f"winogrande-{plain(options.language)}" if options.language else "winogrande"
    title = f"WinoGrande, {options.language}" if options.language else "WinoGrande"
    # Other languages and MuBench's translations have other sizes.
    expected = {"winogrande": DEV} if published and options.language in ("", "en") else None
    return collector.imported(manifest={"key": key, "title": title}, expected=expected)


def _gap(collector: Collector, row: Row) -> None:
    before, gap, after = row.text("sentence").partition("_")
    if not gap or "_" in after or not after.strip():
        raise row.refused("sentence", "one gap `_` is required, with text after it")
    answer = row.text("answer")
    if answer not in ("1", "2"):
        raise row.refused("answer", 'the answer must be "1" or "2"', "Take a file whose answers are published.")
    candidates = [
        {"context": before + row.text(option), "continuation": f" {after.strip()}"} for option in ("option1", "option2")
    ]
    # Twins, which differ in a word that turns the answer, share the id up to its last part.
    twin = row.optional("qID").rpartition("-")[0]
    collector.choice("winogrande", candidates, int(answer) - 1, cluster=clip(twin))


IMPORTER = Importer(
    name="winogrande",
    title="WinoGrande",
    source="Sakaguchi et al. 2020, WinoGrande; MuBench for other languages",
    license="CC-BY-4.0",
    form="A sentence with a gap and two names; a model chooses the name after which the rest of the sentence is "
    "likelier. "
    "An item's id is `winogrande/<k>`.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public"},
    citation="@inproceedings{sakaguchi2020winogrande, title={{WinoGrande}: An Adversarial {W}inograd Schema "
    "Challenge at "
    "Scale}, author={Sakaguchi, Keisuke and Le Bras, Ronan and Bhagavatula, Chandra and Choi, Yejin}, "
    "booktitle={AAAI}, year={2020}}",
)
