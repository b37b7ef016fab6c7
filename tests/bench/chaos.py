"""Submissions under random faults: workers and containers killed, messages lost and doubled, workers that stand still.

Run: python -m tests.bench.chaos [submissions] [seed]. Prints JSON; exit code 1 where one was lost or a rule was broken.
"""

import json
import sys
from typing import Any

from tests.bench.place import fresh

SEED = 20_241


def measure(submissions: int, seed: int) -> dict[str, Any]:
    """One round of chaos on a platform of its own."""
    with fresh() as place:
        from tests.faults.chaos import ENVIRONMENT, Chaos
        from tests.faults.conftest import remove_volumes
        from tests.faults.contest import Contest
        from tests.faults.running import RunningPlatform

        contests = [Contest(place, teams=8), Contest(place, teams=4, hidden=True, suites=2)]
        with RunningPlatform(environment=ENVIRONMENT) as platform:
            report = Chaos(platform, contests, seed).run(submissions)
        remove_volumes()
    for problem in (*report.lost, *report.broken):
        sys.stderr.write(f"{problem}\n")
    return {
        "bench": "chaos",
        "seed": seed,
        "submissions": report.submissions,
        "faults": report.faults.total(),
        "faults_by_kind": dict(report.faults.most_common()),
        "lost": len(report.lost),
        "doubled": report.doubled,
        "broken_rules": len(report.broken),
        "seconds": round(report.seconds, 1),
    }


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    result = measure(*(arguments or [200]), *([] if len(arguments) > 1 else [SEED]))
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    sys.exit(1 if result["lost"] or result["broken_rules"] else 0)
