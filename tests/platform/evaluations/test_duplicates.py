"""What two teams have in common is noticed, flagged once, decided by people with a reason, and never told to teams."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from challenges.models import Phase, Role, Track
from challenges.services import grant_role
from evaluations import answers, flags, review
from evaluations.duplicates import Agreement, agreement
from evaluations.models import Evaluation, Flag, FlagDecision, Run
from evaluators.predictions import score_predictions
from evaluators.tasks.interface import ItemScore
from submissions.models import Entry, Submission
from suites import sealing
from suites.models import SuiteVersion

pytestmark = pytest.mark.django_db
PAIRS = 400


def predictions(name: str) -> dict[str, Any]:
    return {
        "schema": "submission/1", "kind": "predictions", "method": {"name": name}, "predictions": {"file": "a.jsonl"},
    }  # fmt: skip


@pytest.fixture
def version(make_suite_version: Callable[..., SuiteVersion]) -> SuiteVersion:
    return make_suite_version(key="twice", pairs=PAIRS)


@pytest.fixture
def phase(make_phase: Callable[..., Phase], make_track: Callable[..., Track], version: SuiteVersion) -> Phase:
    phase = make_phase(make_track(image=f"base@sha256:{'0' * 64}"))
    phase.phase_suites.create(suite_version=version, splits=["dev", "private"])
    return phase


def score(run: Run, right: Callable[[int], bool]) -> None:
    (one,) = run.response_sets.select_related("suite_version")
    suite = answers.selection_of(one).of(sealing.open_sealed(one.suite_version.sealed_name, with_gold=True))
    lines = [{"id": f"pair/{n}", "choice": n % 2 if right(n) else 1 - n % 2} for n in range(PAIRS)]
    scored = score_predictions(suite, b"".join(json.dumps(line).encode() + b"\n" for line in lines), format="native")
    answers.keep_predictions(one)
    answers.record(one, scored, provenance=Evaluation.Provenance.PREDICTIONS)
    Run.objects.filter(pk=run.pk).update(state=Run.State.DONE, finished_at=run.created_at)
    run.refresh_from_db()


@pytest.fixture
def scored(phase: Phase, make_run: Callable[..., Run]) -> Callable[..., Run]:
    """`scored(right, name=…, files=…)`: another team's run, whose file has these pairs right."""

    def make(right: Callable[[int], bool], *, name: str = "One", files: list[dict[str, Any]] | None = None) -> Run:
        run = make_run(phase, manifest=predictions(name))
        Submission.objects.filter(pk=run.entry.submission_id).update(files=files or [])
        run.entry.submission.refresh_from_db()
        score(run, right)
        return run

    return make


def kinds(found: list[Flag]) -> list[str]:
    return sorted(flag.kind for flag in found)


def test_the_same_answers_of_another_team_are_flagged_and_those_of_the_own_team_are_not(
    scored: Callable[..., Run], phase: Phase, make_run: Callable[..., Run]
) -> None:
    first = scored(lambda n: n % 4 != 0)
    second = scored(lambda n: n % 4 != 0 or n == 8)
    again = make_run(phase, manifest=predictions("Again"), registration=first.entry.submission.registration)
    score(again, lambda n: n % 4 != 0)
    found = review.review(second)
    assert {(flag.kind, flag.submission, flag.subject) for flag in found} == {
        ("same-answers", second.entry.submission, "twice@1")
    }  # fmt: skip
    assert {flag.other for flag in found} == {first.entry.submission, again.entry.submission}
    assert found[0].numbers == {"items": 400, "same": 399, "errors": 99}
    assert review.review(again) == [], "of the own team there is nothing, and the other pair is flagged already"


def test_models_that_err_elsewhere_or_hardly_are_not_flagged(scored: Callable[..., Run]) -> None:
    scored(lambda n: n % 4 != 0)
    assert review.review(scored(lambda n: n % 4 != 1)) == []
    scored(lambda n: n >= 10)
    assert review.review(scored(lambda n: n >= 9)) == [], "two good models agree, and have few errors in common"


def test_the_same_weights_and_the_same_file_are_flagged(scored: Callable[..., Run]) -> None:
    weights = {"path": "model/model.safetensors", "size": 1000, "sha256": "a" * 64}
    other = {"path": "more.safetensors", "size": 500, "sha256": "b" * 64}
    scored(lambda n: n % 3 != 0, files=[weights, {"path": "a.jsonl", "size": 5, "sha256": "c" * 64}])
    config = {"path": "config.json", "size": 10, "sha256": "d" * 64}
    second = scored(
        lambda n: n % 5 != 0, files=[{**weights, "path": "x.safetensors"}, other, config,
                                    {"path": "a.jsonl", "size": 5, "sha256": "c" * 64}],
    )  # fmt: skip
    found = review.review(second)
    assert kinds(found) == ["same-predictions", "same-weights"]
    numbers = next(flag.numbers for flag in found if flag.kind == "same-weights")
    assert numbers == {"files": 1, "bytes": 1000, "of_bytes": 1500}


def test_a_pair_is_flagged_once_however_often_it_is_looked_at(scored: Callable[..., Run]) -> None:
    first, second = scored(lambda n: n % 4 != 0), scored(lambda n: n % 4 != 0)
    one = review.review(second)
    two = review.review(second)
    assert [flag.pk for flag in one] == [flag.pk for flag in two]
    assert review.review(first) == [], "the pair is flagged already, the other way round"
    assert Flag.objects.count() == 1


def test_everything_right_on_a_large_suite_is_flagged(scored: Callable[..., Run]) -> None:
    (flag,) = review.review(scored(lambda n: True))
    assert (flag.kind, flag.other) == ("impossible", None)
    assert flag.numbers == {"metric": "accuracy", "value": 1.0, "n": PAIRS}
    assert review.review(scored(lambda n: n > 0)) == []


def test_a_constant_predictor_is_flagged(scored: Callable[..., Run]) -> None:
    run = scored(lambda n: n % 7 != 0)
    evaluation = Evaluation.objects.get(response_set__runs=run)
    evaluation.document["flags"] = ["constant-predictor", "constant-predictor group-0: 1"]
    evaluation.save()
    (flag,) = review.review(run)
    assert (flag.kind, flag.numbers) == ("constant", {"flags": evaluation.document["flags"]})


def test_scores_that_are_the_same_in_every_digit_are_flagged_from_two_suites_on(
    phase: Phase, make_suite_version: Callable[..., SuiteVersion], make_run: Callable[..., Run]
) -> None:
    make_suite_version(phase, key="more", pairs=12)
    runs = [make_run(phase, manifest=predictions(name)) for name in ("One", "Two")]
    for number, run in enumerate(runs):
        for one in run.response_sets.select_related("suite_version__suite"):
            evaluation = Evaluation.objects.create(response_set=one, evaluator="1", suite_digest="0" * 64)
            value = 0.4196 if one.suite_version.suite.key == "more" else 0.6
            evaluation.scores.create(metric="accuracy", value=value, n=8)
        Run.objects.filter(pk=run.pk).update(state=Run.State.DONE, finished_at=run.created_at)
        run.refresh_from_db()
        assert kinds(review.review(run)) == (["same-scores"] if number else [])


def test_numbers_are_compared_digit_by_digit() -> None:
    def numbers(shift: float) -> list[ItemScore]:
        return [ItemScore(str(n), "g", str(n), 1.0, "", 0.0, values=(n + 0.25, n + shift)) for n in range(20)]

    assert agreement(numbers(0.5), numbers(0.5)) == Agreement(40, 40, 40)
    assert agreement(numbers(0.5), numbers(0.5)).suspicious
    assert not agreement(numbers(0.5), numbers(0.51)).suspicious


def test_a_decision_takes_a_reason_and_what_was_decided_before_stays(
    scored: Callable[..., Run], make_user: Callable[..., Any]
) -> None:
    run, user = scored(lambda n: True), make_user()
    (flag,) = review.review(run)
    with pytest.raises(ValueError, match="reason"):
        flags.decide(flag=flag, state=Flag.State.DISMISSED, reason=" ", user=user)
    flags.decide(flag=flag, state=Flag.State.DISMISSED, reason="They trained on it, and say so.", user=user)
    flags.decide(flag=flag, state=Flag.State.CONFIRMED, reason="They do not say so.", user=user)
    flag.refresh_from_db()
    assert (flag.state, flag.decided_by) == ("confirmed", user)
    decisions = FlagDecision.objects.values_list("old", "new", "by")
    assert list(decisions) == [("open", "dismissed", user.pk), ("dismissed", "confirmed", user.pk)]
    review.review(run)
    flag.refresh_from_db()
    assert flag.state == "confirmed", "looking again decides nothing anew"
    assert Entry.objects.get(submission=run.entry.submission).status == Entry.Status.OFFICIAL


def test_what_is_noticed_again_by_a_new_check_is_opened_again(
    scored: Callable[..., Run], make_user: Callable[..., Any]
) -> None:
    submission = scored(lambda n: n > 5).entry.submission
    flag = flags.notice(Flag.Kind.SPOT_CHECK, submission, numbers={"disagreements": 3})
    flags.decide(flag=flag, state=Flag.State.DISMISSED, reason="An old version.", user=make_user())
    flags.notice(Flag.Kind.SPOT_CHECK, submission, numbers={"disagreements": 5}, again=True)
    flag.refresh_from_db()
    assert (flag.state, flag.numbers) == ("open", {"disagreements": 5})
    decision = flag.decisions.order_by("pk").last()
    assert decision is not None
    assert (decision.new, decision.by) == ("open", None)


def test_organizers_decide_in_the_admin_of_their_own_challenges(
    scored: Callable[..., Run], make_user: Callable[..., Any], make_challenge: Callable[..., Any], client: Client
) -> None:
    (flag,) = review.review(scored(lambda n: True))
    stranger = make_user(is_staff=True)
    make_challenge(organizers=(stranger,))
    client.force_login(stranger)
    page = reverse("admin:evaluations_flag_change", args=[flag.pk])
    assert client.get(page).status_code in (302, 403, 404)
    admin = make_user(is_staff=True, is_superuser=True)
    client.force_login(admin)
    assert (
        "A score that nobody should reach" in client.get(reverse("admin:evaluations_flag_changelist")).content.decode()
    )
    inline = {f"decisions-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    assert client.post(page, {"state": "dismissed", "reason": "", **inline}).status_code == 200
    assert client.post(page, {"state": "dismissed", "reason": "A toy suite.", **inline}).status_code == 302
    flag.refresh_from_db()
    assert (flag.state, flag.reason, flag.decided_by) == ("dismissed", "A toy suite.", admin)
    assert flag.decisions.get().old == "open"


def test_a_reviewer_sees_flags_on_the_submissions_page_unless_it_is_their_own_teams(
    scored: Callable[..., Run], make_user: Callable[..., Any], client: Client
) -> None:
    run = scored(lambda n: True)
    review.review(run)
    page, challenge = reverse("submission", args=[run.entry.submission_id]), run.phase.track.challenge
    reviewer, member = make_user(), run.entry.submission.submitted_by
    for user, seen in ((reviewer, True), (member, False)):
        grant_role(challenge=challenge, user=user, kind=Role.Kind.REVIEWER)
        client.force_login(user)
        assert ("nobody should reach" in client.get(page).content.decode()) is seen


def test_a_team_sees_no_flag(scored: Callable[..., Run], client: Client) -> None:
    run = scored(lambda n: True)
    review.review(run)
    client.force_login(run.entry.submission.submitted_by)
    for name in ("submission", "submission_status", "submission_events"):
        text = client.get(reverse(name, args=[run.entry.submission_id])).content.decode()
        assert "nobody should reach" not in text
        assert "impossible" not in text
