"""XCOMPS: COMPS in 17 languages, as whole sentences; one language is one suite.

Layout: a split comps_<language> as JSON lines, .csv or .tsv (fpadovani/xcomps-dataset), as the task of BabyLM 2026
reads it: acceptable_sent and unacceptable_sent, and, where the line has them, property and negative_sample_type.
"""

from pathlib import Path

from evaluators.importers.interface import BINARY, UNSTATED, Collector, Imported, Importer, Options
from evaluators.importers.minimal_pairs import add_pair
from evaluators.importers.sources import files, plain, rows


def read(source: Path, options: Options) -> Imported:
    """Every pair of the language; item `comps_<language>/<k>`."""
    collector = Collector(options)
    path = files(source, ".jsonl", ".csv", ".tsv")[0]
    language = options.language or path.stem.removeprefix("comps_")
    for row in rows(path):
        add_pair(
            collector, row, part=f"comps_{language}", good="acceptable_sent", bad="unacceptable_sent",
            tags=[row.optional("negative_sample_type")], cluster=row.optional("property"),
        )  # fmt: skip
    key = f"xcomps-{plain(language)}"
    return collector.imported(manifest={"key": key, "title": f"XCOMPS, {language}"})


IMPORTER = Importer(
    name="xcomps",
    title="XCOMPS",
    source="XCOMPS, the hub's fpadovani/xcomps-dataset, as in the multilingual tasks of BabyLM 2026",
    license=UNSTATED,
    form="Two sentences that differ in one concept; a model chooses the one to which it gives the larger "
    "log-probability. An item's id is `comps_<language>/<k>`.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "2026.1"},
)
