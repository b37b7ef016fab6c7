"""The fast suites of BabyLM 2025 and 2026, which are asked at every checkpoint: the pipeline's folder fast_eval.

Layouts are those of the full suites: blimp_fast, supplement_fast, ewok_fast and entity_tracking_fast. The counts are
those that the pipelines' own collators require of a file or cell.
"""

from dataclasses import replace

from evaluators.importers import blimp_filtered, blimp_supplement, entity_tracking, ewok
from evaluators.importers.blimp import FILTERED
from evaluators.importers.interface import Counts, Importer

VERSION = "2025.1"
PAIRS_OF_BLIMP, PAIRS_OF_SUPPLEMENT, ITEMS_OF_EWOK = 200, 50, 100


def _fast(
    full: Importer, name: str, subset: str, expected: Counts, *, key: str = "", version: str = VERSION
) -> Importer:
    """The importer of a fast suite: that of the full one, with another key, title and counts."""
    return replace(
        full,
        name=name,
        title=f"{full.title} (fast)",
        form=f"{full.form} The fast subset of the pipelines: {subset}.",
        expected=expected,
        manifest={**full.manifest, "key": key or name, "version": version},
    )


def _regular(counts: Counts | None) -> Counts:
    """The cells of the one file that the fast form has."""
    return {cell: count for cell, count in (counts or {}).items() if cell.startswith("regular_")}


BLIMP = _fast(blimp_filtered.IMPORTER, "blimp-fast", "200 pairs of each file", dict.fromkeys(FILTERED, PAIRS_OF_BLIMP))
SUPPLEMENT = _fast(
    blimp_supplement.IMPORTER,
    "blimp-supplement-fast",
    "50 pairs of each file",
    dict.fromkeys(blimp_supplement.IMPORTER.expected or {}, PAIRS_OF_SUPPLEMENT),
)
EWOK = _fast(
    ewok.IMPORTER,
    "ewok-fast",
    "100 items of each domain",
    dict.fromkeys(ewok.IMPORTER.expected or {}, ITEMS_OF_EWOK),
)
ENTITY_TRACKING = _fast(
    entity_tracking.IMPORTER,
    "entity-tracking-fast",
    "the file regular.jsonl alone",
    _regular(entity_tracking.IMPORTER.expected),
)
ENTITY_TRACKING_2026 = _fast(
    entity_tracking.IMPORTER_2026,
    "entity-tracking-fast-2026",
    "the file regular.jsonl alone",
    _regular(entity_tracking.IMPORTER_2026.expected),
    key="entity-tracking-fast",
    version="2026.1",
)
