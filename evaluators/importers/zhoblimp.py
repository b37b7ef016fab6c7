"""ZhoBLiMP: minimal pairs for Chinese, in 118 paradigms of 15 phenomena.

Layout: a file of JSON lines for each paradigm, as in the published archive and in the task of BabyLM 2026:
sentence_good, sentence_bad, and, where the line has them, UID and phenomenon.
"""

from pathlib import Path

from evaluators.importers.interface import BINARY, UNSTATED, Collector, Imported, Importer, Options
from evaluators.importers.minimal_pairs import add_pair
from evaluators.importers.sources import files, json_lines

PARADIGMS = 118


def read(source: Path, options: Options) -> Imported:
    """Every pair of every paradigm; item `<file>/<k>`."""
    collector = Collector(options)
    paradigms = files(source, ".jsonl")
    for path in paradigms:
        for row in json_lines(path):
            add_pair(collector, row, part=path.stem, tags=[row.optional("phenomenon")])
    return collector.imported(counts={"paradigms": len(paradigms)})


IMPORTER = Importer(
    name="zhoblimp",
    title="ZhoBLiMP",
    source="Liu et al. 2024, ZhoBLiMP, github.com/sjtu-compling/ZhoBLiMP",
    license=UNSTATED,
    form="Minimal pairs for Chinese; an item's id is `<paradigm>/<k>`. A model chooses the sentence to which it "
    "gives the "
    "larger log-probability; the score is the mean over the paradigms.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "2024.1"},
    citation="@article{liu2024zhoblimp, title={{ZhoBLiMP}: a Systematic Assessment of Language Models with Linguistic "
    "Minimal Pairs in {C}hinese}, author={Liu, Yikang and others}, journal={arXiv preprint arXiv:2411.06096}, "
    "year={2024}}",
    expected={"paradigms": PARADIGMS},
)
