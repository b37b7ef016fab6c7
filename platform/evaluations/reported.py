"""Numbers that a team computed itself and handed in beside its predictions: shown as such, and never ranked."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from evaluations.models import Run
from evaluations.score_lines import newest

# A file may report thousands; all of them stand in the scores document.
MOST_SHOWN = 200


@dataclass(frozen=True)
class Reported:
    """One number of the team's own, by its name in the file; as it was given, whatever its scale is."""

    suite: str
    title: str
    name: str
    value: float | None

    @property
    def text(self) -> str:
        """The number, or an en dash where the file has none."""
        return "–" if self.value is None else f"{self.value:.6g}"


def reported_by_team(run: Run) -> list[Reported]:
    """What the run's prediction file reports, as far as a page shows it; nothing of it comes from hidden data."""
    return list(_reported(run))[:MOST_SHOWN]


def _reported(run: Run) -> Iterator[Reported]:
    for asked in run.run_response_sets.all():
        evaluation, suite = newest(asked.response_set), asked.response_set.suite_version.suite
        if evaluation is None:
            continue
        for name, value in sorted((evaluation.document.get("self_reported") or {}).items()):
            told = float(value) if isinstance(value, int | float) and math.isfinite(value) else None
            yield Reported(suite.key, suite.title, str(name), told)
