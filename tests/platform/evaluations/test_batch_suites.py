"""Suites that arrive late, and new versions of suites: stored submissions answer them, and nobody is charged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from challenges.models import Phase, Track
from evaluations import execution, leases, presentation, selectors, services, states
from evaluations.batch_models import Batch, BatchItem
from evaluations.batches import applying, opening, working
from evaluations.batches.opening import Ask
from evaluations.models import Attempt, Evaluation, Event, ResponseSet, Run
from evaluations.outcomes import errored, failed
from evaluations.visibility import Viewer
from evaluators.protocol.problems import ProblemsFound
from sandbox.images.build import build
from submissions.models import Entry, QuotaCharge, Submission
from suites import services as suites
from suites.models import PhaseSuite, SuiteVersion
from tests.platform.evaluations.batch_orders import answer, work
from tests.platform.evaluations.conftest import LENGTH

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"
WHY = "The hidden task has arrived."
FILE = {
    "schema": "submission/1", "kind": "predictions", "method": {"name": "File"}, "predictions": {"file": "a.jsonl"},
}  # fmt: skip


@pytest.fixture
def organizer(make_user: Callable[..., User]) -> User:
    return make_user()


@pytest.fixture
def track(make_challenge: Callable[..., object], make_track: Callable[..., Track], organizer: User) -> Track:
    return make_track(make_challenge(organizers=(organizer,)), image=IMAGE)


@pytest.fixture
def phase(
    track: Track, make_phase: Callable[..., Phase], make_suite_version: Callable[..., SuiteVersion]
) -> Phase:  # fmt: skip
    phase = make_phase(track, open=False)
    make_suite_version(phase, key="first", pairs=8)
    return phase


@pytest.fixture
def late(make_suite_version: Callable[..., SuiteVersion], organizer: User) -> SuiteVersion:
    """A frozen suite of 4 pairs that the organizer has added, and nobody asks."""
    version = make_suite_version(key="late", pairs=4)
    SuiteVersion.objects.update(uploaded_by=organizer)
    version.refresh_from_db()
    return version


def added(phase: Phase, version: SuiteVersion, user: User, *, start: bool = True, **ask: Any) -> Batch:
    batch = opening.add_suite(phases=[phase], version=version, user=user, reason=WHY, ask=Ask(**ask))
    if start:
        working.start(batch=batch, user=user)
        work(batch)
    return batch


def apply(batch: Batch, user: User) -> None:
    applying.apply(batch=batch, user=user, digest="seen")


def own_runs(batch: Batch) -> list[Run]:
    return list(Run.objects.filter(batch_item__batch=batch).order_by("batch_item__pk"))


def test_every_stored_submission_is_asked_the_new_suite_alone(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    runs = [answer(make_run(phase), right) for right in (6, 4)]
    batch = added(phase, late, organizer)
    own = own_runs(batch)
    assert [(run.entry, run.purpose, run.state, run.image_id) for run in own] == [
        (run.entry, Run.Purpose.BATCH, Run.State.QUEUED, run.image_id) for run in runs
    ]
    assert [one.suite_version for run in own for one in run.response_sets.all()] == [late, late]
    assert batch.state == Batch.State.RUNNING
    for run, right in zip(own, (1, 4), strict=True):
        answer(run, right)
    assert work(batch).state == Batch.State.READY


def test_the_suite_counts_once_the_batch_is_applied_and_not_before(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    run = answer(make_run(phase), 6)
    batch = added(phase, late, organizer)
    answer(own_runs(batch)[0], 1)
    work(batch)
    (row,) = selectors.scored_entries(phase)
    assert {key: one.value for key, one in row.scores.items()} == {"first": 0.75}
    apply(batch, organizer)
    (row,) = selectors.scored_entries(phase)
    assert (row.run_id, row.complete) == (run.pk, True)
    assert {key: one.value for key, one in row.scores.items()} == {"first": 0.75, "late": 0.25}
    assert row.scores["late"].suite_digest == late.digest
    asked = phase.phase_suites.get(suite_version=late)
    assert (sorted(asked.splits), asked.sample, asked.position) == (["dev", "private"], None, 1)


def test_nobody_is_charged_and_no_quota_is_touched(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    answer(make_run(phase), 6)
    before = list(QuotaCharge.objects.order_by("pk").values())
    batch = added(phase, late, organizer)
    answer(own_runs(batch)[0], 1)
    apply(work(batch), organizer)
    assert list(QuotaCharge.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("how", ["failed", "errored", "cancelled"])
def test_a_run_of_a_batch_that_ends_badly_costs_nothing(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run], how: str
) -> None:
    answer(make_run(phase), 6)
    before = list(QuotaCharge.objects.order_by("pk").values())
    batch = added(phase, late, organizer)
    (run,) = own_runs(batch)
    if how == "cancelled":
        services.cancel(run)
    else:
        states.move(run, Run.State.PREPARING)
        states.move(run, how, code="E-RUN-OOM", stage="preparing")
        {"failed": failed, "errored": errored}[how](run)
    assert list(QuotaCharge.objects.order_by("pk").values()) == before
    expected = {"failed": Batch.State.READY, "errored": Batch.State.RUNNING, "cancelled": Batch.State.READY}
    assert work(batch).state == expected[how]


def test_an_error_of_ours_keeps_the_batch_open_until_the_run_is_queued_again(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    answer(make_run(phase), 6)
    batch = added(phase, late, organizer)
    (run,) = own_runs(batch)
    states.move(run, Run.State.ERRORED, code="E-PLATFORM", stage="queued", detail={"reason": "the engine was away"})
    errored(run)
    assert work(batch).items.get().note == "the engine was away"
    services.requeue(run)
    run.refresh_from_db()
    answer(run, 4)
    assert work(batch).state == Batch.State.READY
    assert batch.items.get().state == BatchItem.State.DONE


def test_an_entry_whose_model_fails_keeps_its_scores_and_lacks_the_new_one(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    answer(make_run(phase), 6)
    batch = added(phase, late, organizer)
    (run,) = own_runs(batch)
    states.move(run, Run.State.PREPARING)
    states.move(run, Run.State.FAILED, code="E-RUN-OOM", stage="running")
    failed(run)
    apply(work(batch), organizer)
    (row,) = selectors.scored_entries(phase)
    assert list(row.scores) == ["first"]
    assert batch.items.get().note == "E-RUN-OOM"


def test_prediction_files_are_listed_as_unable(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    run = make_run(phase, manifest=FILE)
    Run.objects.filter(pk=run.pk).update(state=Run.State.DONE, finished_at=run.created_at)
    batch = added(phase, late, organizer)
    (item,) = batch.items.all()
    assert (item.run, item.state, item.own_run) == (run, BatchItem.State.UNABLE, None)
    assert batch.estimate["unable"] == 1
    assert batch.state == Batch.State.READY


def test_entries_out_of_the_track_are_asked_nothing(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    gone, leaving = answer(make_run(phase), 6), answer(make_run(phase), 5)
    Entry.objects.filter(pk=gone.entry_id).update(status=Entry.Status.WITHDRAWN)
    batch = added(phase, late, organizer, start=False)
    assert [item.run for item in batch.items.all()] == [leaving]
    Entry.objects.filter(pk=leaving.entry_id).update(status=Entry.Status.DISQUALIFIED)
    working.start(batch=batch, user=organizer)
    assert work(batch).state == Batch.State.READY
    assert (own_runs(batch), batch.items.get().state) == ([], BatchItem.State.DROPPED)


def test_a_withdrawal_stops_what_the_batch_asks(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    run = answer(make_run(phase), 6)
    batch = added(phase, late, organizer)
    services.withdraw(submission=run.entry.submission, user=run.entry.submission.submitted_by)
    assert own_runs(batch)[0].state == Run.State.CANCELLED
    assert work(batch).state == Batch.State.READY


def test_discarding_stops_the_runs_and_keeps_the_answers(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    for right in (6, 4):
        answer(make_run(phase), right)
    before = selectors.scored_entries(phase)
    batch = added(phase, late, organizer)
    first, second = own_runs(batch)
    answer(first, 1)
    applying.discard(batch=batch, user=organizer, reason="The task had a fault.")
    second.refresh_from_db()
    assert second.state == Run.State.CANCELLED
    assert ResponseSet.objects.filter(suite_version=late, complete=True).count() == 1
    assert selectors.scored_entries(phase) == before
    assert not phase.phase_suites.filter(suite_version=late).exists()


def test_what_people_hand_in_is_claimed_before_what_batches_ask(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run], make_phase: Callable[..., Phase],
    make_suite_version: Callable[..., SuiteVersion],
) -> None:  # fmt: skip
    answer(make_run(phase), 6)
    batch = added(phase, late, organizer)
    (asked,) = own_runs(batch)
    another = make_phase(phase.track)
    make_suite_version(another)
    handed_in = make_run(another)
    assert handed_in.created_at > asked.created_at
    assert (selectors.queue_position(handed_in), selectors.queue_position(asked)) == (1, 2)
    claimed = [leases.claim(worker="one", queue="cpu") for _ in range(2)]
    assert [attempt.run for attempt in claimed if attempt is not None] == [handed_in, asked]


def test_teams_are_not_shown_a_run_of_a_batch(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    run = answer(make_run(phase), 6)
    batch = added(phase, late, organizer)
    answer(own_runs(batch)[0], 1)
    submission = run.entry.submission
    shown = presentation.view_of(submission, Viewer.TEAM)
    assert [view.id for view in shown.runs] == [str(run.pk)]
    told = [presentation._event_document(event, Viewer.TEAM) for event in Event.objects.filter(run__purpose="batch")]
    assert told == [None] * 4
    apply(work(batch), organizer)
    (view,) = presentation.view_of(submission, Viewer.TEAM).runs
    assert [line.suite for line in view.scores] == ["first", "late"]


def test_a_half_planned_batch_goes_on_where_it_was(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        answer(make_run(phase), 6)
    monkeypatch.setattr("evaluations.batches.asking.MOST", 2)
    batch = added(phase, late, organizer, start=False)
    working.start(batch=batch, user=organizer)
    working.carry_on(batch.pk)
    assert len(own_runs(batch)) == 2
    working.carry_on(batch.pk)
    working.carry_on(batch.pk)
    assert len(own_runs(batch)) == 3


def test_the_cost_follows_from_how_long_the_same_submissions_took(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    timed, untimed = answer(make_run(phase), 6), answer(make_run(phase), 4)
    for run, seconds in ((timed, 80.0), (untimed, None)):
        Attempt.objects.create(
            run=run, number=1, state=Attempt.State.ENDED, worker="one", lease_until=run.created_at,
            resources={"wall": {"total": seconds}} if seconds else {},
        )  # fmt: skip
    batch = added(phase, late, organizer, start=False)
    # 10 s an item, 4 items of each of the two.
    assert batch.estimate == {"work": 2, "unable": 0, "answers": 8, "seconds": 80.0, "measured": 1}


def test_a_run_under_way_in_the_phase_comes_first(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    answer(make_run(phase), 6)
    batch = added(phase, late, organizer)
    answer(own_runs(batch)[0], 1)
    work(batch)
    waiting = make_run(phase)
    with pytest.raises(ProblemsFound, match="1 runs of the phase"):
        apply(batch, organizer)
    batch.refresh_from_db()
    answer(waiting, 8)
    assert working.go_on(batch=batch)
    batch.refresh_from_db()
    work(batch)
    answer(own_runs(batch)[1], 4)
    apply(work(batch), organizer)
    assert [row.scores["late"].value for row in selectors.scored_entries(phase)] == [0.25, 1.0]


def test_a_weight_is_given_to_the_suite_when_the_batch_is_applied(
    phase: Phase, late: SuiteVersion, organizer: User, make_run: Callable[..., Run]
) -> None:
    answer(make_run(phase), 6)
    batch = added(phase, late, organizer, weight=0.5)
    answer(own_runs(batch)[0], 1)
    work(batch)
    phase.track.refresh_from_db()
    assert phase.track.aggregate == {}
    apply(batch, organizer)
    phase.track.refresh_from_db()
    assert phase.track.aggregate == {"weights": {"late": 0.5}}


@pytest.mark.parametrize(
    ("ask", "text"),
    [({"splits": ("public",)}, "no items in the split public"), ({"weight": -1.0}, "a weight is not negative")],
)
def test_what_can_not_be_asked_is_refused(
    phase: Phase, late: SuiteVersion, organizer: User, ask: dict[str, Any], text: str
) -> None:
    with pytest.raises(ProblemsFound, match=text):
        added(phase, late, organizer, **ask)
    assert not Batch.objects.exists()


def test_a_suite_of_somebody_else_or_not_frozen_is_refused(
    phase: Phase, organizer: User, make_user: Callable[..., User], make_suite_version: Callable[..., SuiteVersion]
) -> None:
    theirs, draft = make_suite_version(key="theirs"), make_suite_version(key="draft", frozen=False)
    SuiteVersion.objects.filter(pk=theirs.pk).update(uploaded_by=make_user())
    SuiteVersion.objects.filter(pk=draft.pk).update(uploaded_by=organizer)
    for version, text in ((theirs, "not yours to ask"), (draft, "Freeze it first")):
        version.refresh_from_db()
        with pytest.raises(ProblemsFound) as refusal:
            added(phase, version, organizer)
        assert text in str(refusal.value)


def test_a_suite_that_the_phase_asks_already_is_refused(phase: Phase, organizer: User) -> None:
    with pytest.raises(ProblemsFound, match="asks first@1 already"):
        added(phase, SuiteVersion.objects.get(), organizer)


# New versions.


def second_version(folder: Callable[..., Path], user: User, *, wrong: int = 0, changed: bool = False) -> SuiteVersion:
    """Version 2 of `first`: the gold of its first `wrong` pairs is the other one; where `changed`, a text is too."""
    where = folder(key="first", version="2", pairs=8)
    gold = [json.loads(line) for line in (where / "gold.jsonl").read_text().splitlines()]
    for line in gold[:wrong]:
        line["gold"] = 1 - line["gold"]
    (where / "gold.jsonl").write_text("".join(json.dumps(line) + "\n" for line in gold))
    if changed:
        items = (where / "items.jsonl").read_text()
        (where / "items.jsonl").write_text(items.replace("bird 0", "cow 0"))
    return suites.freeze(version=suites.add_version(folder=where, user=user))


@pytest.fixture
def mine(phase: Phase, organizer: User) -> SuiteVersion:
    version = SuiteVersion.objects.get()
    SuiteVersion.objects.update(uploaded_by=organizer)
    version.refresh_from_db()
    return version


def test_a_version_that_mends_gold_alone_asks_no_model_again(
    phase: Phase,
    mine: SuiteVersion,
    organizer: User,
    make_run: Callable[..., Run],
    make_suite_folder: Callable[..., Path],
) -> None:
    run = answer(make_run(phase), 6)
    version = second_version(make_suite_folder, organizer, wrong=2)
    batch = opening.new_version(
        challenge=phase.track.challenge, version=version, user=organizer, reason="Two golds were wrong."
    )
    working.start(batch=batch, user=organizer)
    work(batch)
    (own,) = own_runs(batch)
    new, old = own.response_sets.get(), run.response_sets.get()
    assert (new.complete, new.digest, bytes(new.draw_key)) == (True, old.digest, bytes(old.draw_key))
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    execution.execute(attempt)
    own.refresh_from_db()
    assert own.state == Run.State.DONE, "the trusted scorer alone had to work"
    apply(work(batch), organizer)
    (row,) = selectors.scored_entries(phase)
    assert {key: (one.value, one.suite_digest) for key, one in row.scores.items()} == {"first": (0.5, version.digest)}
    assert row.complete
    assert [one.suite_version for one in phase.phase_suites.all()] == [version]
    assert set(run.response_sets.all()) == {old, new}, "what counted before stays"
    assert Evaluation.objects.filter(response_set=old).count() == 1


def test_a_version_that_changes_what_is_asked_asks_the_models(
    phase: Phase,
    mine: SuiteVersion,
    organizer: User,
    make_run: Callable[..., Run],
    make_suite_folder: Callable[..., Path],
) -> None:
    answer(make_run(phase), 6)
    version = second_version(make_suite_folder, organizer, changed=True)
    batch = opening.new_version(challenge=phase.track.challenge, version=version, user=organizer, reason=WHY)
    working.start(batch=batch, user=organizer)
    work(batch)
    (own,) = own_runs(batch)
    assert not own.response_sets.get().complete
    answer(own, 7)
    apply(work(batch), organizer)
    (row,) = selectors.scored_entries(phase)
    assert row.scores["first"].value == 7 / 8


def test_a_new_version_keeps_splits_and_sample(
    track: Track, organizer: User, make_phase: Callable[..., Phase], make_suite_version: Callable[..., SuiteVersion],
    make_suite_folder: Callable[..., Path], make_run: Callable[..., Run],
) -> None:  # fmt: skip
    phase = make_phase(track, open=False)
    make_suite_version(phase, key="first", pairs=8, ask=("private",), sample=2)
    SuiteVersion.objects.update(uploaded_by=organizer)
    answer(make_run(phase), 6)
    version = second_version(make_suite_folder, organizer, changed=True)
    batch = opening.new_version(challenge=track.challenge, version=version, user=organizer, reason=WHY)
    working.start(batch=batch, user=organizer)
    work(batch)
    assert own_runs(batch)[0].response_sets.get().selection == "private#2"
    answer(own_runs(batch)[0], 8)
    apply(work(batch), organizer)
    (asked,) = PhaseSuite.objects.filter(phase=phase)
    assert (asked.suite_version, asked.selection) == (version, "private#2")


def test_a_version_that_is_gone_from_the_phase_can_not_be_replaced(
    phase: Phase, mine: SuiteVersion, organizer: User, make_run: Callable[..., Run],
    make_suite_folder: Callable[..., Path], late: SuiteVersion,
) -> None:  # fmt: skip
    answer(make_run(phase), 6)
    version = second_version(make_suite_folder, organizer, changed=True)
    batch = opening.new_version(challenge=phase.track.challenge, version=version, user=organizer, reason=WHY)
    working.start(batch=batch, user=organizer)
    work(batch)
    answer(own_runs(batch)[0], 8)
    work(batch)
    phase.phase_suites.update(suite_version=late)
    with pytest.raises(ProblemsFound, match="asks first@1 no more"):
        apply(batch, organizer)
    assert Batch.objects.get().state == Batch.State.READY


def test_a_suite_that_no_phase_asks_has_no_new_version(phase: Phase, late: SuiteVersion, organizer: User) -> None:
    with pytest.raises(ProblemsFound, match="no phase asks another version of late"):
        opening.new_version(challenge=phase.track.challenge, version=late, user=organizer, reason=WHY)


# In the real sandbox.


@pytest.mark.docker
@pytest.mark.django_db(transaction=True)
def test_a_stored_submission_answers_a_suite_that_arrives_late(
    organizer: User, make_challenge: Callable[..., Any], make_track: Callable[..., Track],
    make_phase: Callable[..., Phase], make_suite_version: Callable[..., SuiteVersion],
    hand_in: Callable[..., Submission],
) -> None:  # fmt: skip
    build(["base"], say=lambda _: None)
    track = make_track(
        make_challenge(organizers=(organizer,)), image="base", memory=256 * 1024**2, pids=64, wall=60, disk=16 * 1024**2
    )
    phase = make_phase(track)
    make_suite_version(phase, key="first", pairs=8)
    submission = hand_in(phase, files={"model.py": LENGTH})
    services.plan(submission)
    execution.drain(worker="one", queue="cpu")
    charges = list(QuotaCharge.objects.values())
    version = make_suite_version(key="late", pairs=4)
    SuiteVersion.objects.update(uploaded_by=organizer)
    version.refresh_from_db()

    batch = added(phase, version, organizer)
    assert batch.estimate["seconds"] > 0, "by what its first run took"
    assert execution.drain(worker="one", queue="cpu") == 1
    work(batch)
    (own,) = own_runs(batch)
    assert (own.state, own.code) == (Run.State.DONE, "")
    apply(batch, organizer)

    (row,) = selectors.scored_entries(phase)
    assert {key: (one.value, one.asked) for key, one in row.scores.items()} == {"first": (0.0, 8), "late": (0.0, 4)}
    assert list(QuotaCharge.objects.values()) == charges


@pytest.mark.docker
@pytest.mark.django_db(transaction=True)
def test_a_prediction_file_is_scored_anew_from_the_hand_in(
    organizer: User, make_challenge: Callable[..., Any], make_track: Callable[..., Track],
    make_phase: Callable[..., Phase], make_suite_version: Callable[..., SuiteVersion],
    make_suite_folder: Callable[..., Path], hand_in: Callable[..., Submission],
) -> None:  # fmt: skip
    build(["base"], say=lambda _: None)
    track = make_track(make_challenge(organizers=(organizer,)), image="base")
    phase = make_phase(track)
    make_suite_version(phase, key="first", pairs=8)
    SuiteVersion.objects.update(uploaded_by=organizer)
    lines = "".join(json.dumps({"id": f"pair/{n}", "choice": n % 2 if n < 6 else 1 - n % 2}) + "\n" for n in range(8))
    services.plan(hand_in(phase, files={"a.jsonl": lines}, manifest=FILE))
    execution.drain(worker="one", queue="cpu")
    (row,) = selectors.scored_entries(phase)
    assert row.scores["first"].value == 0.75

    again = opening.open_rescore(challenge=track.challenge, user=organizer, reason="To be sure.")
    working.start(batch=again, user=organizer)
    assert work(again).state == Batch.State.READY
    assert [item.state for item in again.items.all()] == [BatchItem.State.IDENTICAL]
    applying.discard(batch=again, user=organizer, reason="Nothing changes.")

    version = second_version(make_suite_folder, organizer, wrong=2)
    batch = opening.new_version(
        challenge=track.challenge, version=version, user=organizer, reason="Two golds were wrong."
    )
    working.start(batch=batch, user=organizer)
    work(batch)
    assert execution.drain(worker="one", queue="cpu") == 1
    apply(work(batch), organizer)
    (row,) = selectors.scored_entries(phase)
    assert (row.scores["first"].value, row.provenance) == (0.5, "predictions")
