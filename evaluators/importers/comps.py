"""COMPS: one property phrase after two prefixes, of which one concept has the property.

Layout: comps_base.jsonl, comps_wugs.jsonl, comps_wugs_dist-before.jsonl and comps_wugs_dist-in-between.jsonl, as
published and as in the BabyLM evaluation pipeline of 2025: prefix_acceptable, prefix_unacceptable, property_phrase,
and, where the line has them, property and negative_sample_type.
"""

from pathlib import Path

from evaluators.importers.interface import BINARY, Collector, Imported, Importer, Options, clip
from evaluators.importers.sources import json_lines, one_file

PARTS = {
    "base": "comps_base.jsonl",
    "wugs": "comps_wugs.jsonl",
    "wugs_dist_before": "comps_wugs_dist-before.jsonl",
    "wugs_dist_in_between": "comps_wugs_dist-in-between.jsonl",
}


def read(source: Path, options: Options) -> Imported:
    """Every line of the four files, part by part."""
    collector = Collector(options)
    for part, name in PARTS.items():
        for row in json_lines(one_file(source, name)):
            phrase = f" {row.text('property_phrase')}"
            candidates = [
                {"context": row.text(prefix), "continuation": phrase}
                for prefix in ("prefix_acceptable", "prefix_unacceptable")
            ]
            kind = row.optional("negative_sample_type")
            known = row.optional("property") or row.text("property_phrase")
            collector.choice(part, candidates, 0, tags=[clip(kind)] if kind else [], cluster=clip(known))
    return collector.imported()


IMPORTER = Importer(
    name="comps",
    title="COMPS",
    source="Misra et al. 2023, github.com/kanishkamisra/comps, as in the BabyLM evaluation pipeline of 2025",
    license="Apache-2.0",
    form="One property phrase after two prefixes; a model chooses the prefix after which the phrase is likelier. An "
    "item's id is `<part>/<k>`, the score the mean over the four parts. Items about one property are one cluster.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "2025.1"},
    citation="@inproceedings{misra-etal-2023-comps, title={{COMPS}: Conceptual Minimal Pair Sentences for testing "
    "Robust "
    "Property Knowledge and its Inheritance in Pre-trained Language Models}, author={Misra, Kanishka and Rayz, Julia "
    "and "
    "Ettinger, Allyson}, booktitle={Proceedings of EACL}, year={2023}}",
    expected={"base": 49_340, "wugs": 13_896, "wugs_dist_before": 13_896, "wugs_dist_in_between": 13_896},
)
