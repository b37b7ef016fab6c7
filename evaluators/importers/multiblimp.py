"""MultiBLiMP: agreement in 101 languages; one language is one suite.

Layout: data.tsv of a language's folder, as published on the hub (jumelet/multiblimp): columns sen, wrong_sen and
phenomenon (SV-#, SV-P, …), beside others. JSON lines with the same fields are taken too. The language is the folder's
name, or what the command says.
"""

from pathlib import Path

from evaluators.importers.interface import BINARY, Collector, Imported, Importer, Options
from evaluators.importers.minimal_pairs import add_pair
from evaluators.importers.sources import files, plain, rows

LANGUAGES = 101


def language_of(source: Path, options: Options) -> str:
    """The language that the command names, or the name of the folder that holds the file."""
    return options.language or (source.parent.name if source.is_file() else source.name)


def read(source: Path, options: Options) -> Imported:
    """Every pair of the language; item `<phenomenon>/<k>`."""
    language = language_of(source, options)
    collector = Collector(options)
    for path in files(source, ".tsv", ".csv", ".jsonl"):
        for row in rows(path):
            add_pair(collector, row, part=row.text("phenomenon"), good="sen", bad="wrong_sen")
    key = f"multiblimp-{plain(language)}"
    return collector.imported(manifest={"key": key, "title": f"MultiBLiMP, {language}"})


IMPORTER = Importer(
    name="multiblimp",
    title="MultiBLiMP",
    source="Jumelet et al. 2025, MultiBLiMP 1.0, github.com/jumelet/multiblimp",
    license="CC-BY-4.0",
    form="Minimal pairs of one language; an item's id is `<phenomenon>/<k>`. A model chooses the sentence to which it "
    "gives the larger log-probability; the score is the accuracy over all pairs, as the benchmark reports it.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "1.0", "aggregate": "micro"},
    citation="@article{jumelet2025multiblimp, title={{MultiBLiMP} 1.0: A massively multilingual benchmark of "
    "linguistic "
    "minimal pairs}, author={Jumelet, Jaap and Weissweiler, Leonie and Bisazza, Arianna}, journal={arXiv preprint "
    "arXiv:2504.02768}, year={2025}}",
)
