"""EWoK: which of two targets follows from a context.

Layout: a file of JSON lines for each domain, as the BabyLM evaluation pipelines filter it (ewok_filtered), with
Domain, Context1, Context2, Target1, Target2, ContextType, ContextDiff, TargetDiff, and, where the line has them,
ConceptA, ConceptB and MetaTemplateID. Scored as the pipelines score it: ln p(Target1 | Context1) against
ln p(Target2 | Context1). The terms of EWoK ask that its items are never published in plain text: the suite is gated.
"""

from pathlib import Path

from evaluators.importers.interface import BINARY, Collector, Imported, Importer, Options, clip, continuations
from evaluators.importers.sources import Row, files, json_lines


def read(source: Path, options: Options) -> Imported:
    """Every line of every file, file by file."""
    collector = Collector(options)
    for path in files(source, ".jsonl"):
        for row in json_lines(path):
            domain = clip(row.text("Domain"))
            candidates = continuations(row.text("Context1"), [row.text("Target1"), row.text("Target2")])
            tags = [f"{name}: {row.optional(name)}" for name in ("ContextType", "ContextDiff") if row.optional(name)]
            collector.choice(domain, candidates, 0, tags=[clip(tag) for tag in tags], cluster=_cluster(row, domain))
    return collector.imported()


def _cluster(row: Row, domain: str) -> str:
    """Items that fill one template, or, where lines don't name it, those about one pair of concepts."""
    template = row.optional("MetaTemplateID") or row.optional("TemplateID")
    if template:
        return clip(f"{domain}/{template}")
    concepts = "/".join(sorted(filter(None, (row.optional("ConceptA"), row.optional("ConceptB")))))
    return clip(f"{domain}/{concepts}") if concepts else ""


IMPORTER = Importer(
    name="ewok",
    title="EWoK, filtered for BabyLM",
    source="Ivanova et al. 2024, Elements of World Knowledge, ewok-core-1.0; filtered in the BabyLM pipelines",
    license="CC-BY-4.0",
    form="A context and two targets, of which the first belongs to it; an item's id is `<domain>/<k>`. The score is "
    "the "
    "mean over the domains. Items that share a template are one cluster.",
    read=read,
    manifest={"task": "choice", **BINARY, "items": "public", "version": "2024.1", "gated": True},
    citation="@article{ivanova2024elements, title={Elements of World Knowledge ({EWOK}): A cognition-inspired "
    "framework "
    "for evaluating basic world knowledge in language models}, author={Ivanova, Anna A. and others}, "
    "journal={arXiv preprint arXiv:2405.09605}, year={2024}}",
    expected={
        "agent-properties": 2210, "social-relations": 1548, "physical-relations": 818, "material-dynamics": 770,
        "physical-interactions": 556, "spatial-relations": 490, "social-properties": 328,
        "quantitative-properties": 314, "social-interactions": 294, "material-properties": 170,
        "physical-dynamics": 120,
    },
)  # fmt: skip
