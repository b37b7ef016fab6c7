"""What a batch would change: scores and ranks before and after, told before anything counts."""

import json
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from accounts.models import User
from challenges.models import Phase, Track
from evaluations.batch_models import Batch
from evaluations.batches import opening, working
from evaluations.models import Run
from evaluations.planning import plan
from evaluators.protocol.problems import ProblemsFound
from leaderboards import catching_up, previews, services, tasks
from leaderboards.previews import PhasePreview
from submissions.models import Entry, Registration, Submission
from suites.models import SuiteVersion
from tests.platform.evaluations.batch_orders import OLD, answer, as_scored_before, work
from tests.platform.evaluations.conftest import _broker_in_memory, make_accepted  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"


@pytest.fixture
def organizer(make_user: Callable[..., User]) -> User:
    return make_user(email="olga@example.org")


@pytest.fixture
def phase(
    make_challenge: Callable[..., Any], make_track: Callable[..., Track], make_phase: Callable[..., Phase],
    make_suite_version: Callable[..., SuiteVersion], organizer: User,
) -> Phase:  # fmt: skip
    track = make_track(make_challenge("birds", organizers=(organizer,)), "strict", image=IMAGE)
    phase = make_phase(track, "final", open=False)
    make_suite_version(phase, key="first", pairs=8)
    SuiteVersion.objects.update(uploaded_by=organizer)
    return phase


@pytest.fixture
def enter(phase: Phase, make_accepted: Callable[..., Submission]) -> Callable[..., Run]:  # noqa: F811
    """`enter(name, right)`: a finished run of a method by that name, with so many of 8 right."""

    def make(name: str, right: int, **fields: Any) -> Run:
        manifest = fields.pop("manifest", None) or {
            "schema": "submission/1", "kind": "code", "method": {"name": name}, "code": {"entry": "model.py:Model"},
        }  # fmt: skip
        (run,) = plan(make_accepted(phase, manifest=manifest, **fields))
        return answer(run, right) if right >= 0 else run

    return make


@pytest.fixture
def late(make_suite_version: Callable[..., SuiteVersion], organizer: User) -> SuiteVersion:
    version = make_suite_version(key="late", pairs=4)
    SuiteVersion.objects.filter(pk=version.pk).update(uploaded_by=organizer)
    version.refresh_from_db()
    return version


def rescored(phase: Phase, user: User) -> Batch:
    batch = opening.open_rescore(challenge=phase.track.challenge, user=user, reason="Ties were counted as right.")
    working.start(batch=batch, user=user)
    return work(batch)


def places(found: PhasePreview) -> dict[str, tuple[int | None, int | None]]:
    return {change.name: (change.before.rank, change.after.rank) for change in found.changes}


def test_scores_and_ranks_stand_before_and_after_the_biggest_change_first(
    phase: Phase, organizer: User, enter: Callable[..., Run]
) -> None:
    # What the older evaluator gave: A 0.9, B 0.8, C 0.5, D 0.25; by the new one A 0.25, B 0.75, C 0.5, D 0.25.
    for name, right, was in (("A", 2, 0.9), ("B", 6, 0.8), ("C", 4, None), ("D", 2, None)):
        as_scored_before(enter(name, right), was)
    (found,) = previews.preview(rescored(phase, organizer))
    assert places(found) == {"A": (1, 3), "B": (2, 1), "C": (3, 2), "D": (4, 3)}
    assert [change.name for change in found.changes] == ["A", "B", "C", "D"]
    first = found.changes[0]
    assert (first.before.score, first.after.score) == (0.9, 0.25)
    was, will = first.suites["first"]
    assert was is not None
    assert will is not None
    assert (was.value, was.evaluator, will.value) == (0.9, OLD, 0.25)
    assert was.suite == will.suite == SuiteVersion.objects.get().digest
    assert len(was.responses) == 64
    assert found.new_winner
    assert [name.split(" ")[0] for name in (*found.first_before, *found.first_after)] == ["A", "B"]
    assert found.counts == {"entries": 4, "identical": 0, "changed": 4, "moved": 4, "unranked": 0}


def test_entries_that_stay_as_they_are_are_counted(phase: Phase, organizer: User, enter: Callable[..., Run]) -> None:
    for name, right in (("A", 6), ("B", 4), ("C", 2)):
        as_scored_before(enter(name, right))
    as_scored_before(enter("D", 1), 0.2)
    (found,) = previews.preview(rescored(phase, organizer))
    assert found.counts == {"entries": 4, "identical": 3, "changed": 1, "moved": 0, "unranked": 0}
    assert found.changes[0].name == "D"
    assert not found.new_winner


def test_what_is_previewed_is_what_the_board_shows_once_it_is_applied(
    phase: Phase, organizer: User, enter: Callable[..., Run]
) -> None:
    for name, right, was in (("A", 2, 0.9), ("B", 6, 0.8), ("C", 4, 0.1)):
        as_scored_before(enter(name, right), was)
    services.refresh(phase=phase)
    batch = rescored(phase, organizer)
    digest = previews.store(batch=batch)
    before = services.refresh(phase=phase)
    (found,) = previews.preview(batch)
    assert {row["name"]: row["rank"] for row in before.rows} == {one: two[0] for one, two in places(found).items()}
    previews.apply(batch=batch, user=organizer, digest=digest)
    after = services.refresh(phase=phase)
    assert {row["name"]: row["rank"] for row in after.rows} == {one: two[1] for one, two in places(found).items()}
    assert {row["name"]: row["aggregate"] for row in after.rows} == {
        change.name: change.after.score for change in found.changes
    }
    assert before.digest != after.digest


def test_a_discarded_batch_leaves_the_board_as_it_was(phase: Phase, organizer: User, enter: Callable[..., Run]) -> None:
    as_scored_before(enter("A", 2), 0.9)
    before = services.refresh(phase=phase).digest
    batch = rescored(phase, organizer)
    call_command("batch", "discard", batch.pk, "--user", organizer.email, "--reason", "No.", stdout=StringIO())
    assert services.refresh(phase=phase).digest == before


def test_an_added_suite_shows_who_would_lose_a_rank(
    phase: Phase, organizer: User, enter: Callable[..., Run], late: SuiteVersion
) -> None:
    enter("A", 6)
    enter("B", 4)
    file = {
        "schema": "submission/1", "kind": "predictions", "method": {"name": "File"},
        "predictions": {"file": "a.jsonl"},
    }  # fmt: skip
    answer(enter("File", -1, manifest=file), 8)
    batch = opening.add_suite(phases=[phase], version=late, user=organizer, reason="It has arrived.")
    working.start(batch=batch, user=organizer)
    work(batch)
    for run in Run.objects.filter(batch_item__batch=batch):
        answer(run, {"A": 0, "B": 4}[run.entry.submission.name])
    (found,) = previews.preview(work(batch))
    assert places(found) == {"File": (1, None), "A": (2, 2), "B": (3, 1)}
    gone = found.changes[0]
    assert (gone.name, gone.loses_rank, gone.after.why) == ("File", True, "a score is missing")
    assert found.counts["unranked"] == 1
    assert found.changes[1].suites["late"][0] is None
    (note,) = found.notes
    assert note.endswith("can't answer, a prediction file answers nothing that it was not made for.")

    digest = previews.store(batch=batch)
    previews.apply(batch=batch, user=organizer, digest=digest)
    board = services.refresh(phase=phase)
    assert {row["name"]: row["rank"] for row in board.rows if row["rank"]} == {"B": 1, "A": 2}


def test_missing_scores_that_count_as_the_worst_keep_their_rank(
    phase: Phase, organizer: User, enter: Callable[..., Run], late: SuiteVersion
) -> None:
    Track.objects.update(missing="worst")
    enter("A", 6)
    batch = opening.add_suite(phases=[phase], version=late, user=organizer, reason="It has arrived.")
    (found,) = previews.preview(batch)
    assert places(found) == {"A": (1, 1)}
    assert (found.changes[0].before.score, found.changes[0].after.score) == (0.75, 0.375)


def test_the_weight_of_an_added_suite_is_in_the_preview(
    phase: Phase, organizer: User, enter: Callable[..., Run], late: SuiteVersion
) -> None:
    enter("A", 6)
    batch = opening.add_suite(
        phases=[phase], version=late, user=organizer, reason="It has arrived.", ask=opening.Ask(weight=0)
    )
    working.start(batch=batch, user=organizer)
    work(batch)
    answer(Run.objects.get(batch_item__batch=batch), 0)
    (found,) = previews.preview(work(batch))
    assert found.changes[0].after.score == 0.75, "shown beside, without weight"


def test_the_entry_that_counts_for_a_team_may_be_another_one_after(
    phase: Phase, organizer: User, enter: Callable[..., Run], make_registration: Callable[..., Registration]
) -> None:
    ours = make_registration(challenge=phase.track.challenge)
    as_scored_before(enter("One", 2, registration=ours), 0.9)
    as_scored_before(enter("Two", 6, registration=ours))
    (found,) = previews.preview(rescored(phase, organizer))
    assert places(found) == {"One": (1, None), "Two": (None, 1)}
    assert {change.name: change.after.why for change in found.changes} == {"One": previews.NOT_COUNTED, "Two": ""}


def test_a_preview_has_no_withdrawn_entry(phase: Phase, organizer: User, enter: Callable[..., Run]) -> None:
    run = enter("A", 2)
    as_scored_before(run, 0.9)
    Entry.objects.filter(pk=run.entry_id).update(status=Entry.Status.WITHDRAWN)
    (found,) = previews.preview(rescored(phase, organizer))
    assert found.changes == ()


def test_only_what_was_looked_at_is_applied(phase: Phase, organizer: User, enter: Callable[..., Run]) -> None:
    run = enter("A", 2)
    as_scored_before(run, 0.9)
    batch = rescored(phase, organizer)
    with pytest.raises(ProblemsFound, match="not the preview"):
        previews.apply(batch=batch, user=organizer, digest="")
    tasks.preview_batch(batch.pk)
    batch.refresh_from_db()
    seen = batch.preview_digest
    Entry.objects.filter(pk=run.entry_id).update(status=Entry.Status.WITHDRAWN)
    with pytest.raises(ProblemsFound, match="scores have changed since"):
        previews.apply(batch=batch, user=organizer, digest=seen)
    batch.refresh_from_db()
    assert (batch.state, batch.preview_digest != seen) == (Batch.State.READY, True)
    previews.apply(batch=batch, user=organizer, digest=batch.preview_digest)
    assert batch.moves.get(new="applied").digest == batch.preview_digest


def test_entries_that_were_scored_meanwhile_are_taken_in_first(
    phase: Phase, organizer: User, enter: Callable[..., Run]
) -> None:
    as_scored_before(enter("A", 2), 0.9)
    batch = rescored(phase, organizer)
    digest = previews.store(batch=batch)
    as_scored_before(enter("B", 2), 0.8)
    with pytest.raises(ProblemsFound, match="scored since the batch was ready"):
        previews.apply(batch=batch, user=organizer, digest=digest)
    batch.refresh_from_db()
    assert batch.state == Batch.State.RUNNING
    work(batch)
    previews.apply(batch=batch, user=organizer, digest=previews.store(batch=batch))
    (one, other) = services.refresh(phase=phase).rows
    assert one["aggregate"] == other["aggregate"] == 0.25


def test_a_board_whose_message_was_lost_is_computed_once_a_batch_is_applied(
    phase: Phase, organizer: User, enter: Callable[..., Run], settings: LazySettings
) -> None:
    settings.STALE_SECONDS = 0
    as_scored_before(enter("A", 2), 0.9)
    services.refresh(phase=phase)
    batch = rescored(phase, organizer)
    digest = previews.store(batch=batch)
    assert catching_up.behind() == []
    previews.apply(batch=batch, user=organizer, digest=digest)
    assert catching_up.behind() == [phase.pk]
    services.refresh(phase=phase)
    assert catching_up.behind() == []


# The command.


def command(*words: object) -> str:
    out = StringIO()
    call_command("batch", *map(str, words), stdout=out)
    return out.getvalue()


def test_the_command_goes_through_a_whole_rescore(phase: Phase, organizer: User, enter: Callable[..., Run]) -> None:
    as_scored_before(enter("A", 2), 0.9)
    as_scored_before(enter("B", 6), 0.8)
    who = ("--user", organizer.email)
    told = command("rescore", "birds", *who, "--reason", "Ties were counted as right.")
    batch = Batch.objects.get()
    assert "Ties were counted as right." in told
    assert "2 to do, 16 answers;" in told, "the cost is told before anything runs"
    assert f"Nothing runs yet. Begin: manage.py batch start {batch.pk}" in told
    command("start", batch.pk, *who)
    work(batch)
    told = command("preview", batch.pk)
    assert "strict/final: 2 entries, 2 change, 2 move, 0 lose their rank, 0 are identical" in told
    assert "first: A (" in told
    assert "rank 1, 0.9 → rank 2, 0.25" in told
    command("apply", batch.pk, *who)
    document = json.loads(command("list", "birds", "--json"))["batches"][0]
    assert (document["state"], document["by"], document["phases"]) == ("applied", organizer.email, ["strict/final"])
    assert [move["new"] for move in document["moves"]] == ["draft", "running", "ready", "applied"]
    assert document["previews"][0]["counts"]["moved"] == 2
    assert document["items"] == {"done": 2}


def test_the_command_adds_a_suite_and_takes_a_new_version(
    phase: Phase, organizer: User, enter: Callable[..., Run], late: SuiteVersion
) -> None:
    enter("A", 6)
    who = ("--user", organizer.email, "--reason", "It has arrived.")
    added = ("add-suite", "birds", "late@1", "--phase", "strict/final")
    told = json.loads(command(*added, *who, "--splits", "private", "--json"))
    assert (told["kind"], told["what"], told["estimate"]["answers"]) == ("add-suite", "Added suite late@1", 2)
    command("discard", told["batch"], "--user", organizer.email, "--reason", "The wrong split.")
    assert "Added suite late@1" in command(*added, *who, "--start")
    assert Batch.objects.first().state == Batch.State.RUNNING
    with pytest.raises(CommandError, match="no phase asks another version of late"):
        command("new-version", "birds", "late@1", *who)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("rescore", "nothing"), "There is no challenge 'nothing'"),
        (("rescore", "birds", "--phase", "strict/none"), "has no phase 'strict/none'"),
        (("add-suite", "birds", "none@1", "--phase", "strict/final"), "There is no suite 'none@1'"),
        (("add-suite", "birds", "first@1"), "Name the phases"),
    ],
)
def test_the_command_says_what_is_not_there(phase: Phase, organizer: User, words: Sequence[str], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        command(*words, "--user", organizer.email, "--reason", "Why.")


def test_the_command_is_for_organizers(phase: Phase, make_user: Callable[..., User]) -> None:
    make_user(email="sam@example.org")
    with pytest.raises(CommandError, match="only organizers"):
        command("rescore", "birds", "--user", "sam@example.org", "--reason", "Why.")
    with pytest.raises(CommandError, match="Nobody has an account"):
        command("rescore", "birds", "--user", "nobody@example.org", "--reason", "Why.")
    with pytest.raises(CommandError, match="no batch 99"):
        command("apply", 99, "--user", "sam@example.org")
