"""A small public version of a suite, for rehearsals and for teams to try things out with."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from evaluators.protocol.items import TrainLine
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites.folder import open_suite, write_suite
from evaluators.suites.selection import select

SUFFIX = "-practice"
SPLITS = ("dev", "public", "private")
# A rehearsal trains on these few: it shows that training works, not what it is worth.
TRAIN_LINES = 64  # of each group


def practise(folder: Path, *, items: int) -> int:
    """Turn a suite folder into its practice version: a fixed stratified sample whose gold is public; returns its size.

    The version gets the suffix `-practice`, so that both can be added; raises ProblemsFound for a gated suite.
    """
    suite = open_suite(folder)
    if suite.manifest.gated:
        remedy = "A gated suite gives nothing out: import it without --practice."
        raise ProblemsFound([Problem("E-SUITE-GATED", "a gated suite has no practice version", remedy=remedy)])
    chosen = select(suite, splits=SPLITS, sample=items)
    changed = {"version": f"{suite.manifest.version}{SUFFIX}", "items": "public", "gold": "public"}
    write_suite(
        folder,
        suite.manifest.model_copy(update=changed),
        [item.model_copy(update={"split": "dev"}) for item in chosen.items],
        [chosen.gold[item.id] for item in chosen.items],
        train=_first_lines(suite.train),
    )
    return len(chosen.items)


def _first_lines(train: Sequence[TrainLine]) -> list[TrainLine]:
    taken: Counter[str] = Counter()
    kept = []
    for line in train:
        taken[line.group] += 1
        if taken[line.group] <= TRAIN_LINES:
            kept.append(line)
    return kept
