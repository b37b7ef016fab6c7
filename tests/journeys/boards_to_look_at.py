"""Leaderboards of every kind, written into a database as runs would leave them: no model runs. Everybody is invented.

`python tests/journeys/boards_to_look_at.py` fills the database that PROCTOR_VAR names.
"""

import hashlib
import io
import random
import tempfile
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import django

django.setup()

import pyarrow as pa  # noqa: E402 - Django is set up first
import pyarrow.parquet as pq  # noqa: E402
from allauth.account.models import EmailAddress  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import Membership, Team, User  # noqa: E402
from challenges.models import Challenge, Phase, Role, Track  # noqa: E402
from challenges.services import grant_role  # noqa: E402
from evaluations.models import Evaluation, ResponseSet, Run, RunResponseSet, Score  # noqa: E402
from evaluators.protocol.suite import SuiteManifest  # noqa: E402
from evaluators.statistics.intervals import wilson  # noqa: E402
from evaluators.suites import write_suite  # noqa: E402
from leaderboards.services import freeze, refresh  # noqa: E402
from submissions.models import Artifact, Entry, Registration, Submission  # noqa: E402
from suites import sealing  # noqa: E402
from suites import services as suites  # noqa: E402
from suites.models import PhaseSuite, Suite, SuiteVersion  # noqa: E402

PASSWORD = "correct horse battery staple"
ITEMS = 240
PHENOMENA = (
    "agreement", "anaphor gender", "argument structure", "binding", "control and raising", "ellipsis", "filler-gap",
    "island effects",
)  # fmt: skip
CHECKPOINTS = ((1, 1_000_000), (2, 10_000_000), (3, 100_000_000))
numbers = count(1)


def main() -> None:
    """Fill an empty database."""
    call_command("migrate", verbosity=0, interactive=False)
    rng = random.Random(5)
    organizer, reviewer, member = (person(name) for name in ("olga", "rosa", "bela"))
    challenge = Challenge.objects.create(
        key="heath", title="Small models of a big heath", summary="Which model knows most?", published=True
    )
    grant_role(challenge=challenge, user=organizer, kind=Role.Kind.ORGANIZER)
    grant_role(challenge=challenge, user=reviewer, kind=Role.Kind.REVIEWER)
    small = track(challenge, "small", "Small")
    three = [suite("pairs", "Minimal pairs"), suite("world", "World knowledge"), suite("reading", "Reading times")]
    hidden = suite("hidden", "Hidden pairs", hidden=True)
    dev = phase(small, "dev", "Development", three)
    fill_small(dev, rng, member)
    guarded = phase(small, "guarded", "Guarded", [hidden])
    fill_small(guarded, rng, None)
    revealed = phase(small, "final", "Final", [hidden, *three[:1]], closed=True)
    fill_small(revealed, rng, member)
    early = phase(small, "early", "Early", three[:2], visibility=Phase.Visibility.AFTER_CLOSE)
    fill_small(early, rng, None)
    phase(small, "empty", "Empty", three[:1])
    wide = phase(track(challenge, "wide", "Sixty suites"), "dev", "Development", sixty())
    fill_wide(wide, rng, member)
    blind = phase(small, "blind", "Blind", three[:2], blind=True)
    fill_small(blind, rng, member)
    for one in Phase.objects.all():
        refresh(phase=one)
    # Another state of the first board, and a frozen one.
    run_of(dev, rng, name="Godwit", team="Mudflat", skill=0.7, status=Entry.Status.OFFICIAL)
    refresh(phase=dev)
    freeze(phase=revealed)


def person(name: str) -> User:
    user = User.objects.create_user(f"{name}@example.org", PASSWORD, name=name.title())
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def track(challenge: Challenge, key: str, title: str) -> Track:
    return Track.objects.create(challenge=challenge, key=key, title=title, kinds=["model", "code", "predictions"])


def phase(
    one: Track, key: str, title: str, asked: list[SuiteVersion], *, closed: bool = False,
    visibility: str = Phase.Visibility.PUBLIC, **fields: Any,
) -> Phase:  # fmt: skip
    now = timezone.now()
    made = Phase.objects.create(
        track=one, key=key, title=title, position=next(numbers), opens=now - timedelta(days=90),
        closes=now + timedelta(days=-1 if closed else 3650), visibility=visibility, **fields,
    )  # fmt: skip
    for position, version in enumerate(asked):
        PhaseSuite.objects.create(
            phase=made, suite_version=version, splits=["private" if version.hidden else "dev"], position=position
        )
    return made


def suite(key: str, title: str, *, hidden: bool = False) -> SuiteVersion:
    """A suite of minimal pairs in eight groups; the items of half of them carry a tag."""
    split = "private" if hidden else "dev"
    items, gold = [], []
    for number in range(ITEMS):
        tags = ["long"] if number % 16 < 8 else ["short"]
        items.append({
            "id": f"pair/{number}", "group": PHENOMENA[number % len(PHENOMENA)], "split": split, "tags": tags,
            "choices": [{"continuation": f"The bird {number} sings."}, {"continuation": f"The bird {number} sing."}],
        })  # fmt: skip
        gold.append({"id": f"pair/{number}", "gold": 0})
    values = {
        "schema": "suite/1", "key": key, "title": title, "version": "1", "task": "choice", "metric": "accuracy",
        "chance": 0.5, "range": [0, 1], "direction": "higher", "license": "CC0-1.0",
        "items": "hidden" if hidden else "public", "gold": "hidden" if hidden else "public",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / key
        write_suite(place, SuiteManifest.from_value(values, file="suite.yaml"), items, gold, readme="For a look.\n")
        return suites.freeze(version=suites.add_version(folder=place))


def sixty() -> list[SuiteVersion]:
    """Sixty suites of which only the scores are there."""
    made = []
    for number in range(60):
        one = Suite.objects.create(key=f"task-{number:02}", title=f"Task {number + 1}", task="choice")
        manifest = {"metric": "accuracy", "chance": 0.5, "range": [0, 1], "direction": "higher", "aggregate": "macro"}
        made.append(
            SuiteVersion.objects.create(
                suite=one,
                version="1",
                state=SuiteVersion.State.FROZEN,
                manifest=manifest,
                items=100,
                groups=1,
                digest=digest(one.key),
                hidden=False,
                check_report={"counts": {"splits": {"dev": 100}}},
            )
        )
    return made


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def fill_small(one: Phase, rng: random.Random, member: User | None) -> None:
    """A field of a dozen: near ties, a gap, references, names of strangers."""
    status = Entry.Status
    field: list[tuple[str, str, float, str, dict[str, Any]]] = [
        ("Heron n-grams", "Wetland Parsers", 0.86, status.OFFICIAL, {}),
        ("Curlew", "Team Bog Cotton", 0.85, status.OFFICIAL, {}),
        ("Dunlin with a curriculum that grows from the shortest to the longest sentence", "Moor & Moss",
         0.85, status.OFFICIAL, {}),
        ("Lapwing", "Plover Computing Collective of the Northern Marshes", 0.80, status.LATE, {}),
        ("<b>Snipe</b> & sons", "\"Quoted\" <i>Team</i>", 0.74, status.OFFICIAL, {}),
        ("Whimbrel", "Estuary Five", 0.73, status.OFFICIAL, {"kind": "predictions"}),
        ("Avocet", "Saltings", 0.66, status.OFFICIAL, {}),
        ("Redshank", "Team of Bela", 0.61, status.OFFICIAL, {"member": member}),
        ("Unigram", "Organizers", 0.55, status.BASELINE, {}),
        ("Dotterel", "Summit", 0.90, status.NOT_ELIGIBLE, {"reason": "One of its authors works for the organizers."}),
        ("Ruff", "Display Ground", 0.97, status.DISQUALIFIED, {"reason": "It was trained on the test items."}),
        ("Knot", "Tidal", 0.5, status.OFFICIAL, {"state": Run.State.FAILED}),
        ("Sanderling", "Shoreline", 0.7, status.OFFICIAL, {"answered": 200}),
    ]  # fmt: skip
    for name, team, skill, standing, how in field:
        run_of(one, rng, name=name, team=team, skill=skill, status=standing, **how)


def fill_wide(one: Phase, rng: random.Random, member: User) -> None:
    """More than a page of entries on sixty suites, of which only the scores are there."""
    runs = [
        run_of(
            one, rng, name=f"Wader {number + 1}", team="Team of Bela" if number == 110 else f"Flock {number + 1}",
            skill=0.9 - number / 400, status=Entry.Status.OFFICIAL, member=member if number == 110 else None,
            scored=False,
        )
        for number in range(130)
    ]  # fmt: skip
    asked = list(one.phase_suites.select_related("suite_version"))
    sets = ResponseSet.objects.bulk_create(
        ResponseSet(
            key=digest(f"{run.pk} {suite.pk}"), submission=run.entry.submission, suite_version=suite.suite_version,
            selection=suite.selection, draw_key=b"k", complete=True, digest=digest(str(run.pk)), asked=100,
            answered=100, splits=suite.splits,
        )
        for run in runs
        for suite in asked
    )  # fmt: skip
    pairs = [(run, suite) for run in runs for suite in asked]
    RunResponseSet.objects.bulk_create(
        RunResponseSet(run=run, response_set=answers, position=suite.position)
        for (run, suite), answers in zip(pairs, sets, strict=True)
    )
    made = Evaluation.objects.bulk_create(
        Evaluation(response_set=answers, evaluator="0.1.0", suite_digest=answers.suite_version.digest)
        for answers in sets
    )
    rows = []
    for (run, _), evaluation in zip(pairs, made, strict=True):
        skill = 0.9 - int(run.entry.submission.name.split()[1]) / 400
        value = min(0.99, max(0.01, skill + rng.gauss(0, 0.03)))
        low, high = wilson(round(value * 100), 100)
        rows.append(Score(evaluation=evaluation, metric="accuracy", value=value, low=low, high=high, n=100))
    Score.objects.bulk_create(rows, batch_size=1_000)


def run_of(
    one: Phase, rng: random.Random, *, name: str, team: str, skill: float, status: str, reason: str = "",
    kind: str = "code", member: User | None = None, state: str = Run.State.DONE, answered: int = ITEMS,
    scored: bool = True,
) -> Run:  # fmt: skip
    """A submission of a team of its own with a run in the phase, and its scores."""
    number = next(numbers)
    found = Team.objects.filter(name=team).first()
    if found is None:
        owner = member or User.objects.create(email=f"owner{number}@example.org", name=f"Owner {number}")
        found = Team.objects.create(name=team, slug=f"team-{number}")
        Membership.objects.create(team=found, user=owner, role=Membership.Role.OWNER)
    owner = found.memberships.get(role=Membership.Role.OWNER).user
    registration, _ = Registration.objects.get_or_create(
        team=found, challenge=one.track.challenge, defaults={"created_by": owner}
    )
    own = digest(f"{one.key} {number}")
    manifest = {
        "schema": "submission/1", "kind": kind, "method": {
            "name": name, "description": f"A model of order {number % 4 + 2}.", "backbone": "n-gram",
            "approaches": ["curriculum"] if number % 2 else ["curriculum", "distillation"],
        },
        "code": {"entry": "model.py:Model"},
        "data": {
            "words_seen": 10_000_000 * (number % 3 + 1), "corpora": [{"name": "Heath diaries", "words": 9_000_000}],
        },
    }  # fmt: skip
    submission = Submission.objects.create(
        registration=registration, number=number, name=name, kind=kind, digest=own, manifest=manifest,
        artifact=Artifact.objects.create(digest=own, size=1, storage_name=own),
        state=Submission.State.ACCEPTED, submitted_by=owner,
    )  # fmt: skip
    entry = Entry.objects.create(submission=submission, track=one.track, status=status, reason=reason)
    failed = state == Run.State.FAILED
    run = Run.objects.create(
        entry=entry, phase=one, state=state, image_id="sha256:1f2e", finished_at=timezone.now(),
        code="E-RUN-TIMEOUT" if failed else "", stage="running" if failed else "",
    )  # fmt: skip
    for asked in one.phase_suites.select_related("suite_version") if scored and not failed else ():
        score_items(run, asked, rng, skill, answered)
        for step, words in CHECKPOINTS if asked.position == 0 else ():
            grown = 0.5 + (skill - 0.5) * step / 4
            score_items(run, asked, rng, grown, answered, step=(f"chck_{words // 1_000_000}M", words))
    return run


def score_items(
    run: Run, asked: PhaseSuite, rng: random.Random, skill: float, answered: int, step: tuple[str, int] | None = None
) -> None:
    """Right and wrong answers, harder in some groups than in others, with the scores that follow."""
    scores = [1.0 if rng.random() < skill - 0.03 * (item % 8 - 3.5) else 0.0 for item in range(answered)]
    groups: dict[str, list[float]] = {}
    tags: dict[str, list[float]] = {}
    for number, score in enumerate(scores):
        groups.setdefault(PHENOMENA[number % len(PHENOMENA)], []).append(score)
        tags.setdefault("long" if number % 16 < 8 else "short", []).append(score)
    values = {name: (sum(own) / len(own), len(own)) for name, own in groups.items()}
    whole = sum(value for value, _ in values.values()) / len(values)
    tagged = {name: (sum(own) / len(own), len(own)) for name, own in tags.items()}
    rows = {
        "item_id": [f"pair/{number}" for number in range(answered)],
        "group": [PHENOMENA[number % len(PHENOMENA)] for number in range(answered)],
        "score": scores,
    }
    out = io.BytesIO()
    pq.write_table(pa.table(rows), out)
    name = sealing.write_bytes(f"items/{next(numbers)}.parquet", out.getvalue())
    write(run, asked, {"": (whole, answered), **values}, tags=tagged, name=name, answered=answered, step=step)


def write(
    run: Run, asked: PhaseSuite, values: dict[str, tuple[float, int]], *, tags: dict[str, tuple[float, int]], name: str,
    answered: int, step: tuple[str, int] | None = None,
) -> None:  # fmt: skip
    """A response set with its evaluation and scores."""
    version, number = asked.suite_version, next(numbers)
    answers = ResponseSet.objects.create(
        key=digest(f"set {number}"), submission=run.entry.submission, suite_version=version, selection=asked.selection,
        draw_key=b"k", complete=True, digest=digest(f"answers {number}"), asked=ITEMS, answered=answered,
        splits=asked.splits, **({"checkpoint": step[0], "steps": [list(step)]} if step else {}),
    )  # fmt: skip
    RunResponseSet.objects.create(run=run, response_set=answers, position=number)
    predictions = run.entry.submission.kind == "predictions"
    evaluation = Evaluation.objects.create(
        response_set=answers, evaluator="0.1.0", suite_digest=version.digest, items_name=name,
        complete=answered == ITEMS, provenance="predictions" if predictions else "run here",
        created_at=timezone.now(),
    )  # fmt: skip
    rows = [("", "", "", *values.pop(""))]
    rows += [("group", group, "", *found) for group, found in values.items()]
    rows += [("tag", "", tag, *found) for tag, found in tags.items()]
    made = []
    for _, group, tag, value, n in rows:
        low, high = wilson(round(value * n), n)
        made.append(
            Score(evaluation=evaluation, metric="accuracy", group=group, tag=tag, value=value, low=low, high=high, n=n)
        )
    Score.objects.bulk_create(made)


if __name__ == "__main__":
    main()
