"""XStoryCloze: which of two sentences ends a story; one language is one suite.

Layout: the split eval of the hub's juletxara/xstory_cloze as JSON lines, .csv or .tsv: story_id, input_sentence_1 to
input_sentence_4, sentence_quiz1, sentence_quiz2, answer_right_ending (1 or 2). MuBench's layout, which BabyLM 2026
uses, is taken too.
"""

from pathlib import Path

from evaluators.importers.interface import BINARY, Collector, Imported, Importer, Options, continuations
from evaluators.importers.mubench import read_rows
from evaluators.importers.sources import Row, files, plain, rows

EVALUATION = 1511


def read(source: Path, options: Options) -> Imported:
    """Every story; item `xstorycloze/<k>`."""
    collector = Collector(options)
    found = rows(files(source, ".jsonl", ".csv", ".tsv")[0])
    published = read_rows(found, collector, part="xstorycloze", published=lambda row: _story(collector, row))
    language = options.language or "en"
    # Every language of the benchmark holds the same stories.
    expected = {"xstorycloze": EVALUATION} if published else None
    key = f"xstorycloze-{plain(language)}"
    return collector.imported(manifest={"key": key, "title": f"XStoryCloze, {language}"}, expected=expected)


def _story(collector: Collector, row: Row) -> None:
    context = " ".join(row.text(f"input_sentence_{number}").strip() for number in range(1, 5))
    answer = row.whole("answer_right_ending", below=3)
    if not answer:
        raise row.refused("answer_right_ending", "the answer must be 1 or 2")
    endings = [row.text(name).strip() for name in ("sentence_quiz1", "sentence_quiz2")]
    collector.choice("xstorycloze", continuations(context, endings), answer - 1)


IMPORTER = Importer(
    name="xstorycloze",
    title="XStoryCloze",
    source="Lin et al. 2022, XStoryCloze, the hub's juletxara/xstory_cloze; MuBench for other languages",
    license="CC-BY-SA-4.0",
    form="Four sentences and two ends; a model chooses the end with the larger log-probability. An item's id is "
    "`xstorycloze/<k>`.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public"},
    citation="@inproceedings{lin-etal-2022-shot, title={Few-shot Learning with Multilingual Generative Language "
    "Models}, "
    "author={Lin, Xi Victoria and others}, booktitle={Proceedings of EMNLP}, year={2022}}",
)
