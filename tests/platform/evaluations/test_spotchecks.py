"""Spot-checks: ordered by organizers, run on the handed-in model, compared with the file, and told as one word."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from challenges.models import Phase, Track
from evaluations import answers, execution, leases, outcomes, presentation, services, spotchecks
from evaluations.models import Evaluation, Flag, ResponseSet, Run, SpotCheck, SpotCheckPlan
from evaluations.spotchecks import Order
from evaluations.staging import draw_missing, runner_document
from evaluations.visibility import Viewer
from evaluators.predictions import score_predictions
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.submission import SubmissionManifest
from submissions.checks import required_files
from submissions.models import Entry, QuotaCharge, Registration, Submission
from suites import sealing
from suites.models import SuiteVersion
from tests.platform.evaluations.conftest import code_manifest

IMAGE = f"base@sha256:{'0' * 64}"
PAIRS = 60
EVERYTHING = Order(power=0.999)


def predictions(name: str = "File", **more: Any) -> dict[str, Any]:
    """A manifest of predictions, with the model that made them beside."""
    return {
        "schema": "submission/1", "kind": "predictions", "method": {"name": name},
        "predictions": {"file": "a.jsonl"}, "model": {"backend": "causal", "path": "model"}, **more,
    }  # fmt: skip


def right_of(number: int) -> bool:
    """The model's own answers: two of three are right."""
    return number % 3 != 0


@pytest.fixture
def version(make_suite_version: Callable[..., SuiteVersion]) -> SuiteVersion:
    return make_suite_version(key="spotted", pairs=PAIRS)


@pytest.fixture
def phase(make_phase: Callable[..., Phase], make_track: Callable[..., Track], version: SuiteVersion) -> Phase:
    phase = make_phase(make_track(image=IMAGE))
    phase.phase_suites.create(suite_version=version, splits=["dev", "private"])
    return phase


def file_of(forged: frozenset[int] = frozenset()) -> bytes:
    lines = []
    for number in range(PAIRS):
        gold = number % 2
        choice = gold if right_of(number) or number in forged else 1 - gold
        lines.append(json.dumps({"id": f"pair/{number}", "choice": choice}) + "\n")
    return "".join(lines).encode()


def score_file(run: Run, data: bytes) -> Evaluation:
    """What the worker does with a prediction file, without unpacking it in a container."""
    (one,) = run.response_sets.select_related("suite_version")
    suite = answers.selection_of(one).of(sealing.open_sealed(one.suite_version.sealed_name, with_gold=True))
    scored = score_predictions(suite, data, format="native")
    answers.keep_predictions(one)
    evaluation = answers.record(one, scored, provenance=Evaluation.Provenance.PREDICTIONS)
    Run.objects.filter(pk=run.pk).update(state=Run.State.DONE, finished_at=run.created_at)
    run.refresh_from_db()
    return evaluation


def answer(check: Run, *, margin: float = 2.0) -> None:
    """What the model answers to what a check asks of it, scored and settled as the worker does it."""
    (one,) = check.response_sets.select_related("suite_version__suite")
    (asked,) = draw_missing([one])
    responses = []
    for request in asked.draw.requests:
        item, candidate = asked.draw.resolve(request["id"])
        number = int(item.split("/")[1])
        gold = number % 2 == candidate
        responses.append({"id": request["id"], "logprob": -1.0 - margin * (gold != right_of(number)), "tokens": 1})
    answers.keep(one, responses)
    answers.score(one, answers.read(one), reason="a test", within=lambda compute: compute())
    outcomes.done(check, spotchecks.compared(check))


@pytest.fixture
def scored(phase: Phase, make_run: Callable[..., Run]) -> Callable[..., Run]:
    """`scored(forged=…, registration=…)`: the run of a prediction file that has been scored."""

    def make(forged: frozenset[int] = frozenset(), **fields: Any) -> Run:
        run = make_run(phase, manifest=predictions(), **fields)
        score_file(run, file_of(forged))
        return run

    return make


FORGED = frozenset(number for number in range(PAIRS) if not right_of(number))


@pytest.mark.django_db
def test_an_honest_file_is_spot_checked_from_then_on(scored: Callable[..., Run]) -> None:
    run = scored()
    check = spotchecks.order(run, user=None, how=EVERYTHING)
    assert (check.purpose, check.state) == (Run.Purpose.SPOT_CHECK, Run.State.QUEUED)
    answer(check)
    found = SpotCheck.objects.get()
    assert (found.verdict, found.disagreements, found.agreements) == ("consistent", 0, found.size)
    assert found.smallest is not None
    evaluation = Evaluation.objects.get(response_set__runs=run)
    assert evaluation.provenance == "spot-checked"
    assert not Flag.objects.exists()
    Evaluation.objects.filter(pk=evaluation.pk).update(evaluator="an older one")
    assert score_file(run, file_of()).provenance == "spot-checked", "the same answers, scored anew"


@pytest.mark.django_db
def test_a_forged_file_is_flagged_and_nothing_else_happens_to_it(scored: Callable[..., Run]) -> None:
    run = scored(FORGED)
    entry = Entry.objects.get()
    answer(spotchecks.order(run, user=None, how=EVERYTHING))
    found = SpotCheck.objects.get()
    assert found.verdict == "inconsistent"
    assert found.disagreements
    assert found.disagreements > (found.allowance or 0)
    assert Evaluation.objects.get(response_set__runs=run).provenance == "predictions"
    flag = Flag.objects.get()
    assert (flag.kind, flag.state, flag.numbers["disagreements"]) == ("spot-check", "open", found.disagreements)
    entry.refresh_from_db()
    assert entry.status == Entry.Status.OFFICIAL


@pytest.mark.django_db
def test_a_later_check_that_is_not_passed_takes_the_earlier_one_back(scored: Callable[..., Run]) -> None:
    run = scored()
    answer(spotchecks.order(run, user=None))
    answer(spotchecks.order(run, user=None), margin=0.0)
    assert [one.verdict for one in SpotCheck.objects.order_by("pk")] == ["consistent", "inconclusive"]
    assert Evaluation.objects.get(response_set__runs=run).provenance == "predictions"


@pytest.mark.django_db
def test_only_the_sample_is_asked_and_each_check_draws_another(scored: Callable[..., Run]) -> None:
    run = scored()
    how = Order(flipped=0.4, power=0.8)
    samples = []
    for _ in range(6):
        check = spotchecks.order(run, user=None, how=how)
        (one,) = check.response_sets.all()
        chosen = answers.selection_of(one).items
        assert chosen is not None
        (asked,) = draw_missing([one])
        assert {asked.draw.resolve(request["id"])[0] for request in asked.draw.requests} == set(chosen)
        assert all(right_of(int(name.split("/")[1])) for name in chosen), "those that the file has right"
        assert not any(name in one.chosen_name + one.selection for name in chosen)
        samples.append(chosen)
        services.cancel(check)
    assert len(samples[0]) == SpotCheck.objects.first().size < PAIRS  # type: ignore[union-attr]
    assert len(set(samples)) > 1


@pytest.mark.django_db
def test_a_check_runs_the_model_beside_the_predictions_and_charges_nobody(scored: Callable[..., Run]) -> None:
    run = scored()
    before = list(QuotaCharge.objects.values_list("state", "active", "changed_at"))
    check = spotchecks.order(run, user=None)
    assert check.entry == run.entry
    document = runner_document(run.entry.submission, draw_missing(list(check.response_sets.all())))
    assert (document["kind"], document["path"], document["backend"]) == ("model", "model", "causal")
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    assert attempt.run == check
    services.cancel(check)
    assert list(QuotaCharge.objects.values_list("state", "active", "changed_at")) == before
    assert SpotCheck.objects.get().verdict == "cancelled"


@pytest.mark.django_db
def test_a_model_that_fails_its_check_is_flagged(scored: Callable[..., Run]) -> None:
    check = spotchecks.order(scored(), user=None)
    Run.objects.filter(pk=check.pk).update(state=Run.State.FAILED, code="E-RUN-MODEL")
    check.refresh_from_db()
    outcomes.failed(check)
    assert SpotCheck.objects.get().verdict == "failed"
    assert Flag.objects.get().numbers == {"code": "E-RUN-MODEL"}
    assert QuotaCharge.objects.get().state == QuotaCharge.State.SETTLED


@pytest.mark.django_db
def test_the_model_may_be_a_hand_in_of_its_own(
    phase: Phase, make_run: Callable[..., Run], make_accepted: Callable[..., Submission],
    make_registration: Callable[..., Registration],
) -> None:  # fmt: skip
    registration = make_registration(challenge=phase.track.challenge)
    run = make_run(phase, manifest={**predictions(), "model": None}, registration=registration)
    score_file(run, file_of())
    with pytest.raises(ProblemsFound, match="without a model"):
        spotchecks.order(run, user=None)
    model = make_accepted(phase, manifest=code_manifest("Other"), registration=registration)
    check = spotchecks.order(run, user=None)
    assert check.entry.submission == model
    answer(check)
    assert Evaluation.objects.get(response_set__runs=run).provenance == "spot-checked"
    with pytest.raises(ProblemsFound, match="another team"):
        spotchecks.order(run, user=None, model=make_accepted(phase))


@pytest.mark.django_db
def test_what_is_not_scored_or_is_being_checked_is_not_checked(scored: Callable[..., Run]) -> None:
    run = scored()
    check = spotchecks.order(run, user=None)
    with pytest.raises(ProblemsFound, match="under way"):
        spotchecks.order(run, user=None)
    with pytest.raises(ProblemsFound, match="only predictions"):
        spotchecks.order(check, user=None)


@pytest.mark.django_db
@pytest.mark.parametrize(("forged", "told"), [(frozenset(), "spot-check passed"), (FORGED, "under review")])
def test_a_team_is_told_the_outcome_and_no_item_and_no_run(
    scored: Callable[..., Run], forged: frozenset[int], told: str
) -> None:
    run = scored(forged)
    submission = run.entry.submission

    def document() -> dict[str, Any]:
        view = presentation.view_of(submission, Viewer.TEAM)
        return presentation.document_of(view, submission.events.all(), Viewer.TEAM)

    check = spotchecks.order(run, user=None, how=EVERYTHING)
    assert [one.get("spot_check") for one in document()["runs"]] == ["spot-check under way"]
    answer(check)
    text = json.dumps(document())
    assert [one.get("spot_check") for one in document()["runs"]] == [told]
    assert str(check.pk) not in text
    assert "pair/" not in text
    assert [one["purpose"] for one in document()["runs"]] == ["phase"]


@pytest.mark.django_db
def test_an_organizer_orders_checks_in_the_admin(
    scored: Callable[..., Run], make_user: Callable[..., Any], client: Client
) -> None:
    run = scored()
    user = make_user(is_staff=True, is_superuser=True)
    client.force_login(user)
    page = client.post(
        reverse("admin:evaluations_run_changelist"),
        {"action": "spot_check", "_selected_action": [str(run.pk)]}, follow=True,
    )  # fmt: skip
    assert "1 spot-checks are ordered" in page.content.decode()
    answer(Run.objects.get(purpose=Run.Purpose.SPOT_CHECK))
    assert SpotCheck.objects.get().ordered_by == user
    listed = client.get(reverse("admin:evaluations_spotcheck_changelist")).content.decode()
    assert "changed answers" in listed
    assert (
        client.get(reverse("admin:evaluations_spotcheck_change", args=[SpotCheck.objects.get().pk])).status_code == 200
    )


@pytest.mark.django_db
def test_a_track_may_have_every_file_checked_that_came_with_its_model(
    scored: Callable[..., Run], phase: Phase, make_run: Callable[..., Run]
) -> None:
    run = scored()
    assert spotchecks.order_planned(run) is None, "no plan"
    plan = SpotCheckPlan.objects.create(track=phase.track, flipped=0.4, power=0.8, automatic=True)
    check = spotchecks.order_planned(run)
    assert check is not None
    assert spotchecks.planned(phase.track) == Order(0.4, 0.8)
    assert spotchecks.order_planned(run) is None, "there was one"
    alone = make_run(phase, manifest={**predictions(), "model": None})
    score_file(alone, file_of())
    assert spotchecks.order_planned(alone) is None
    plan.delete()
    assert spotchecks.planned(phase.track) == Order(0.05, 0.99)


def test_a_model_may_stand_beside_predictions_and_nothing_else_may() -> None:
    manifest = SubmissionManifest.from_value(predictions(), file="submission.yaml")
    there = ["a.jsonl", "model/config.json", "model/model.safetensors", "model/tokenizer.json"]
    assert required_files(manifest, there) == []
    assert [problem.code for problem in required_files(manifest, ["a.jsonl"])] == ["E-SUB-FILE"] * 3
    assert [problem.file for problem in required_files(manifest, there[1:])] == ["a.jsonl"]
    wrongs: list[dict[str, Any]] = [
        {"code": {"entry": "model.py:Model"}}, {"model": {"backend": "causal", "source": "hf://a/b@main"}},
    ]  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(ProblemsFound):
            SubmissionManifest.from_value(predictions(**wrong), file="submission.yaml")


CODE = """class Model:
    def loglikelihood(self, requests):
        return [-1.0 - 2.0 * self.wrong(request["continuation"]) for request in requests]

    def wrong(self, text):
        number = int("".join(one for one in text if one.isdigit()))
        return ("good" in text) != (number % 3 != 0)
"""


@pytest.mark.docker
@pytest.mark.django_db(transaction=True)
def test_a_check_runs_in_the_sandbox_from_order_to_provenance(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], version: SuiteVersion,
    hand_in: Callable[..., Submission], make_registration: Callable[..., Registration],
) -> None:  # fmt: skip
    phase = make_phase(make_track(image="base", memory=256 * 1024**2, pids=64, wall=60, disk=16 * 1024**2))
    phase.phase_suites.create(suite_version=version, splits=["dev", "private"])
    registration = make_registration(challenge=phase.track.challenge)
    file = {
        "schema": "submission/1", "kind": "predictions", "method": {"name": "File"},
        "predictions": {"file": "a.jsonl"},
    }  # fmt: skip
    services.plan(hand_in(phase, files={"a.jsonl": file_of().decode()}, manifest=file, registration=registration))
    execution.drain(worker="one", queue="cpu")
    run = Run.objects.get()
    assert run.state == Run.State.DONE
    hand_in(phase, files={"model.py": CODE}, manifest=code_manifest(), registration=registration)
    check = spotchecks.order(run, user=None)
    execution.drain(worker="one", queue="cpu")
    check.refresh_from_db()
    assert check.state == Run.State.DONE
    found = SpotCheck.objects.get()
    assert (found.verdict, found.agreements) == ("consistent", found.size)
    assert Evaluation.objects.get(response_set__runs=run).provenance == "spot-checked"
    assert ResponseSet.objects.get(spot_check=found).asked == found.size
