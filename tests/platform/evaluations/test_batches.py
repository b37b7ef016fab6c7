"""Re-scores: stored answers scored anew beside what counts, applied at once or discarded."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.db.utils import IntegrityError
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase, Track
from evaluations import answers, selectors, sweeping
from evaluations.batch_models import Batch, BatchItem, BatchPhase
from evaluations.batches import applying, opening, rescoring, working
from evaluations.batches.estimates import Estimate, in_words
from evaluations.models import Evaluation, Event, Run, Score, SpotCheck
from evaluators import __version__
from evaluators.protocol.problems import ProblemsFound
from submissions.models import QuotaCharge, Registration
from suites.models import SuiteVersion
from tests.platform.evaluations.batch_orders import OLD, answer, as_scored_before, values, work

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"
WHY = "The scorer counted ties as right."


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
    phase = make_phase(track)
    make_suite_version(phase, pairs=8)
    return phase


@pytest.fixture
def scored(phase: Phase, make_run: Callable[..., Run]) -> Callable[..., Run]:
    """`scored(right, was=…)`: a run with so many of 8 right, which an older evaluator had given the score `was`."""

    def make(right: int, was: float | None = None, **fields: object) -> Run:
        run = answer(make_run(phase, **fields), right)
        as_scored_before(run, was)
        return run

    return make


def opened(phase: Phase, organizer: User, **more: object) -> Batch:
    challenge = phase.track.challenge
    return opening.open_rescore(challenge=challenge, user=organizer, reason=WHY, phases=[phase], **more)


def started(phase: Phase, organizer: User) -> Batch:
    batch = opened(phase, organizer)
    working.start(batch=batch, user=organizer)
    return work(batch)


def apply(batch: Batch, user: User) -> None:
    applying.apply(batch=batch, user=user, digest="seen")


def test_nothing_of_a_rescore_counts_before_it_is_applied(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    run = scored(6, was=0.5)
    batch = started(phase, organizer)
    assert (batch.state, batch.evaluator) == (Batch.State.READY, __version__)
    assert values(run) == [0.5]
    (row,) = selectors.scored_entries(phase)
    assert [(one.value, one.evaluator) for one in row.scores.values()] == [(0.5, OLD)]
    (draft,) = batch.evaluations.all()
    assert (draft.counts, draft.evaluator, draft.scores.count()) == (False, __version__, 0)
    assert draft not in Evaluation.objects.counting()
    assert answers.current_evaluation(draft.response_set) is None
    (as_if,) = selectors.scored_entries(phase, batch=batch)
    assert [(one.value, one.evaluator) for one in as_if.scores.values()] == [(0.75, __version__)]


def test_applying_lets_the_new_scores_count_and_keeps_the_old_ones(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    run, other = scored(6, was=0.5), scored(4)
    batch = started(phase, organizer)
    before = selectors.scored_entries(phase, batch=batch)
    apply(batch, organizer)
    batch.refresh_from_db()
    assert (batch.state, batch.finished_at is not None) == (Batch.State.APPLIED, True)
    assert selectors.scored_entries(phase) == before, "what was previewed is what counts"
    assert values(run) == [0.5, 0.75]
    evaluations = Evaluation.objects.filter(response_set__runs=run).order_by("pk")
    assert [one.evaluator for one in evaluations] == [OLD, __version__]
    assert [one.suite_digest for one in evaluations] == [evaluations[0].suite_digest] * 2
    assert [one.scores.filter(group="group-0").count() for one in evaluations] == [1, 1]
    told = Event.objects.filter(kind="batch").values_list("submission", "new", "detail__batch")
    assert set(told) == {(one.entry.submission_id, "applied", batch.pk) for one in (run, other)}


def test_discarding_changes_no_score_and_keeps_the_drafts_as_evidence(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    run = scored(6, was=0.5)
    before = selectors.scored_entries(phase)
    batch = started(phase, organizer)
    applying.discard(batch=batch, user=organizer, reason="The old scorer was right.")
    assert selectors.scored_entries(phase) == before
    assert values(run) == [0.5]
    (draft,) = batch.evaluations.all()
    assert (draft.counts, draft.document["metrics"]["accuracy"]["value"]) == (False, 0.75)
    with pytest.raises(ProblemsFound, match="discarded does not become applied"):
        apply(batch, organizer)
    assert not BatchPhase.objects.filter(open=True).exists()


def test_every_move_is_noted_with_who_when_and_why(phase: Phase, organizer: User, scored: Callable[..., Run]) -> None:
    scored(6, was=0.5)
    batch = started(phase, organizer)
    apply(batch, organizer)
    moves = [(one.old, one.new, one.by, one.reason) for one in batch.moves.all()]
    assert moves == [
        ("", "draft", organizer, WHY),
        ("draft", "running", organizer, "started"),
        ("running", "ready", None, ""),
        ("ready", "applied", organizer, WHY),
    ]
    assert batch.moves.last().digest == "seen"


def test_the_same_version_that_scores_the_same_is_told_as_identical(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    run = scored(6)
    as_scored_before(run, evaluator=__version__)
    Evaluation.objects.update(document={**Evaluation.objects.get().document, "evaluator": __version__})
    batch = started(phase, organizer)
    assert batch.state == Batch.State.READY
    assert [(one.state, one.evaluation) for one in batch.items.all()] == [(BatchItem.State.IDENTICAL, None)]
    apply(batch, organizer)
    assert Evaluation.objects.count() == 1


def test_the_same_version_that_scores_otherwise_is_refused_for_good(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    as_scored_before(scored(6), 0.5, evaluator=__version__)
    batch = started(phase, organizer)
    (item,) = batch.items.all()
    assert (batch.state, item.state) == (Batch.State.RUNNING, BatchItem.State.DIFFERS)
    assert item.note == f"evaluator {__version__} gave 0.5 and now gives 0.75: a version must change when scores do"
    working.start(batch=batch, user=organizer)
    assert work(batch).state == Batch.State.RUNNING, "trying again changes nothing"
    with pytest.raises(ProblemsFound, match="running does not become applied"):
        apply(batch, organizer)
    assert [score.value for score in Score.objects.filter(group="", tag="")] == [0.5]


def test_items_that_differ_are_noticed_where_the_means_are_the_same(
    phase: Phase, organizer: User, make_run: Callable[..., Run]
) -> None:
    run = answer(make_run(phase), 4)
    other = answer(make_run(phase), 0)
    evaluation = Evaluation.objects.get(response_set__runs=run)
    evaluation.items_name = Evaluation.objects.get(response_set__runs=other).items_name
    evaluation.save()
    batch = started(phase, organizer)
    states = dict(batch.items.values_list("response_set__runs", "state"))
    assert states == {run.pk: BatchItem.State.DIFFERS, other.pk: BatchItem.State.IDENTICAL}


def test_answers_that_can_not_be_scored_keep_the_batch_from_being_applied(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    run = scored(6, was=0.5)
    (one,) = run.response_sets.all()
    sealed = one.sealed_name
    type(one).objects.filter(pk=one.pk).update(sealed_name="responses/gone.jsonl.gz")
    batch = started(phase, organizer)
    (item,) = batch.items.all()
    assert (batch.state, item.state) == (Batch.State.RUNNING, BatchItem.State.ERRORED)
    assert "gone.jsonl.gz" in item.note
    type(one).objects.filter(pk=one.pk).update(sealed_name=sealed)
    working.start(batch=batch, user=organizer)
    assert work(batch).state == Batch.State.READY, "started again, it tries what failed through us"


def test_a_worker_that_dies_leaves_its_set_to_the_next_one(
    phase: Phase, organizer: User, scored: Callable[..., Run], settings: LazySettings
) -> None:
    runs = [scored(right, was=0.5) for right in (3, 5, 6)]
    batch = opened(phase, organizer)
    working.start(batch=batch, user=organizer)
    working.carry_on(batch.pk)
    held = rescoring._claim(Batch.objects.get(pk=batch.pk))
    assert held is not None
    work(batch)
    assert batch.state == Batch.State.RUNNING
    assert sorted(batch.items.values_list("state", flat=True)) == ["done", "done", "waiting"]
    long_ago = timezone.now() - timedelta(seconds=2 * settings.SCORING_SECONDS)
    Batch.objects.update(touched_at=long_ago)
    assert working.resume() == 0, "a set that a worker holds is left to it"
    batch.items.filter(pk=held.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    Batch.objects.update(touched_at=long_ago)
    assert sweeping.sweep().batches == 1
    assert work(batch).state == Batch.State.READY
    apply(batch, organizer)
    assert [values(run)[-1] for run in runs] == [3 / 8, 5 / 8, 6 / 8]


def test_a_preview_whose_message_was_lost_is_asked_for_again(
    phase: Phase, organizer: User, scored: Callable[..., Run], settings: LazySettings
) -> None:
    settings.STALE_SECONDS = settings.SWEEP_SECONDS = 0
    scored(6, was=0.5)
    batch = started(phase, organizer)
    assert working.resume() == 1
    Batch.objects.filter(pk=batch.pk).update(preview_digest="seen")
    assert working.resume() == 0


def test_a_set_that_two_workers_score_is_written_once(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    scored(6, was=0.5)
    batch = opened(phase, organizer)
    working.start(batch=batch, user=organizer)
    item = rescoring._claim(batch)
    assert item is not None
    assert rescoring._claim(batch) is None
    rescoring._score(batch, item)
    rescoring._score(batch, item)
    assert batch.evaluations.count() == 1
    assert batch.items.get().state == BatchItem.State.DONE


def test_a_worker_with_another_evaluator_leaves_the_batch_alone(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    scored(6, was=0.5)
    batch = opened(phase, organizer)
    working.start(batch=batch, user=organizer)
    Batch.objects.update(evaluator="99.0")
    assert work(batch).state == Batch.State.RUNNING
    assert not batch.evaluations.exists()


def test_what_is_scored_meanwhile_is_taken_in(phase: Phase, organizer: User, scored: Callable[..., Run]) -> None:
    scored(6, was=0.5)
    batch = started(phase, organizer)
    late = scored(2, was=0.5)
    with pytest.raises(ProblemsFound, match="not complete"):
        apply(batch, organizer)
    batch.refresh_from_db()
    assert batch.state == Batch.State.READY, "nothing has changed"
    assert working.go_on(batch=batch)
    batch.refresh_from_db()
    assert work(batch).state == Batch.State.READY
    apply(batch, organizer)
    assert values(late) == [0.5, 0.25]


def test_what_a_run_scored_by_the_same_evaluator_meanwhile_stays(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    run = scored(6, was=0.5)
    batch = started(phase, organizer)
    (one,) = run.response_sets.all()
    own = answers.score(one, answers.read(one), reason="a test", within=lambda compute: compute())
    apply(batch, organizer)
    assert list(Evaluation.objects.counting().filter(evaluator=__version__)) == [own]
    assert values(run) == [0.5, 0.75]


def test_provenance_that_was_raised_meanwhile_is_kept(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    run = scored(6, was=0.5)
    Evaluation.objects.update(provenance=Evaluation.Provenance.PREDICTIONS)
    batch = started(phase, organizer)
    Evaluation.objects.counting().update(provenance=Evaluation.Provenance.SPOT_CHECKED)
    apply(batch, organizer)
    (row,) = selectors.scored_entries(phase)
    assert (row.run_id, row.provenance) == (run.pk, "spot-checked")


def test_a_spot_check_under_way_comes_first(phase: Phase, organizer: User, scored: Callable[..., Run]) -> None:
    run = scored(6, was=0.5)
    batch = started(phase, organizer)
    evaluation = Evaluation.objects.counting().get()
    SpotCheck.objects.create(run=run, evaluation=evaluation, response_set=evaluation.response_set, frame=8, size=4)
    with pytest.raises(ProblemsFound, match="spot-check"):
        apply(batch, organizer)


def test_a_second_batch_in_a_phase_is_refused_while_one_is_open(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    scored(6, was=0.5)
    batch = opened(phase, organizer)
    with pytest.raises(ProblemsFound, match=f"one batch at a time: there is batch {batch.pk} \\(draft\\)"):
        opened(phase, organizer)
    with pytest.raises(IntegrityError):
        BatchPhase.objects.create(batch=batch, phase=phase)


def test_the_next_batch_opens_once_the_last_is_discarded(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    scored(6, was=0.5)
    applying.discard(batch=opened(phase, organizer), user=organizer, reason="Wrong phase.")
    assert opened(phase, organizer).state == Batch.State.DRAFT


@pytest.mark.parametrize("reason", ["", "  \n "])
def test_a_reason_is_required(phase: Phase, organizer: User, reason: str) -> None:
    with pytest.raises(ProblemsFound, match="reason is missing"):
        opening.open_rescore(challenge=phase.track.challenge, user=organizer, reason=reason)


def test_only_organizers_open_start_apply_and_discard(
    phase: Phase, organizer: User, make_user: Callable[..., User], scored: Callable[..., Run]
) -> None:
    scored(6, was=0.5)
    stranger, text = make_user(), "only organizers"
    with pytest.raises(ProblemsFound, match=text):
        opened(phase, stranger)
    batch = opened(phase, organizer)
    with pytest.raises(ProblemsFound, match=text):
        working.start(batch=batch, user=stranger)
    with pytest.raises(ProblemsFound, match=text):
        apply(batch, stranger)
    with pytest.raises(ProblemsFound, match=text):
        applying.discard(batch=batch, user=stranger, reason=WHY)


def test_phases_that_use_the_same_answers_change_together(
    phase: Phase, organizer: User, make_phase: Callable[..., Phase], make_run: Callable[..., Run],
    make_registration: Callable[..., Registration], scored: Callable[..., Run],
) -> None:  # fmt: skip
    run = scored(6, was=0.5)
    second, alone = make_phase(phase.track), make_phase(phase.track)
    for asked in phase.phase_suites.all():
        second.phase_suites.create(suite_version=asked.suite_version, splits=asked.splits)
    other = Run.objects.create(entry=run.entry, phase=second, state=Run.State.DONE, finished_at=timezone.now())
    other.response_sets.set(run.response_sets.all())
    batch = started(second, organizer)
    assert {one.phase for one in batch.batch_phases.all()} == {phase, second}
    assert alone not in {one.phase for one in batch.batch_phases.all()}
    assert batch.items.count() == 1, "a set of answers has one score"


def test_the_cost_is_estimated_from_how_long_scoring_took(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    runs = [scored(6, was=0.5), scored(4)]
    scoring, done = Event.objects.filter(run=runs[0], new__in=("scoring", "done")).order_by("pk")
    Event.objects.filter(pk=done.pk).update(at=scoring.at + timedelta(seconds=30))
    Event.objects.filter(run=runs[1], new="scoring").delete()
    batch = opened(phase, organizer)
    assert batch.estimate == {"work": 2, "unable": 0, "answers": 16, "seconds": 60.0, "measured": 1}


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(2, 0, 16, 60.0, 1), "2 to do, 16 answers; about 60 s of one worker, by 1 earlier timings"),
        (Estimate(205, 3, 1_200_000, 7200.0, 205),
         "205 to do, 1,200,000 answers; 3 can't answer; about 2 h of one worker, by 205 earlier timings"),
        (Estimate(1, 0, 8, 0.2, 1), "1 to do, 8 answers; less than 1 s of one worker, by 1 earlier timings"),
        (Estimate(1, 0, 8, None, 0),
         "1 to do, 8 answers; nothing like it was timed before, so how long it takes is not known"),
    ],
)  # fmt: skip
def test_an_estimate_reads_as_a_sentence(estimate: Estimate, words: str) -> None:
    assert in_words(estimate) == words


def test_a_rescore_charges_nobody(phase: Phase, organizer: User, scored: Callable[..., Run]) -> None:
    scored(6, was=0.5)
    before = list(QuotaCharge.objects.values())
    apply(started(phase, organizer), organizer)
    assert list(QuotaCharge.objects.values()) == before


def test_answers_of_withdrawn_entries_are_scored_anew_too(
    phase: Phase, organizer: User, scored: Callable[..., Run]
) -> None:
    run = scored(6, was=0.5)
    run.entry.status = "withdrawn"
    run.entry.save()
    batch = started(phase, organizer)
    assert (batch.state, batch.evaluations.count()) == (Batch.State.READY, 1)


def at_once(work: Callable[[], str], times: int = 2) -> list[str]:
    """What each of so many threads says that do this at once: what it returns, or the sentence that refuses it."""
    barrier, said = threading.Barrier(times), []

    def go() -> None:
        try:
            barrier.wait()
            said.append(work())
        except ProblemsFound as error:
            said.append(error.problems[0].message)
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said)


@pytest.mark.django_db(transaction=True)
def test_of_two_that_open_at_once_one_does(phase: Phase, organizer: User, scored: Callable[..., Run]) -> None:
    scored(6, was=0.5)
    opening_, refusal = sorted(at_once(lambda: opened(phase, organizer).state), key=len)
    assert opening_ == "draft"
    assert refusal.startswith("one batch at a time: there is batch")
    assert Batch.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_score_each_set_once(phase: Phase, organizer: User, scored: Callable[..., Run]) -> None:
    runs = [scored(right, was=0.5) for right in (3, 4, 5, 6)]
    batch = opened(phase, organizer)
    working.start(batch=batch, user=organizer)
    for _ in runs:
        at_once(lambda: str(working.carry_on(batch.pk)))
    assert work(batch).state == Batch.State.READY
    assert batch.evaluations.count() == 4
    assert set(batch.items.values_list("state", flat=True)) == {BatchItem.State.DONE}


@pytest.mark.django_db(transaction=True)
def test_of_two_that_apply_at_once_one_does(phase: Phase, organizer: User, scored: Callable[..., Run]) -> None:
    run = scored(6, was=0.5)
    batch = started(phase, organizer)
    held = {one: Batch.objects.get(pk=batch.pk) for one in range(2)}

    def go() -> str:
        _, mine = held.popitem()
        apply(mine, organizer)
        return "applied"

    assert at_once(go) == ["applied", f"batch {batch.pk} is not ready any more"]
    assert values(run) == [0.5, 0.75]
    assert batch.moves.filter(new="applied").count() == 1
