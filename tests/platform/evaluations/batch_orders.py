"""Scored runs for the tests of batches: real requests, answered here, scored in the trusted scorer."""

from evaluations import answers, outcomes, states
from evaluations.batch_models import Batch
from evaluations.batches import working
from evaluations.models import Evaluation, Run, Score
from evaluations.staging import draw_missing

OLD = "0.0.1"


def number_of(item: str) -> int:
    return int(item.split("/")[1])


def answer(run: Run, right: int) -> Run:
    """Answer what the run asks, the first `right` pairs of each suite correctly, and finish it as a worker does."""
    states.move(run, Run.State.PREPARING)
    for asked in draw_missing(list(run.response_sets.select_related("suite_version__suite", "submission"))):
        responses = []
        for request in asked.draw.requests:
            item, candidate = asked.draw.resolve(request["id"])
            number = number_of(item)
            best = (number % 2 == candidate) == (number < right)
            responses.append({"id": request["id"], "logprob": -1.0 if best else -2.0, "tokens": 1})
        answers.keep(asked.response_set, responses)
    states.move(run, Run.State.SCORING)
    for one in run.response_sets.select_related("suite_version__suite"):
        if answers.current_evaluation(one) is None:
            answers.score(one, answers.read(one), reason="a test", within=lambda compute: compute())
    states.move(run, Run.State.DONE)
    outcomes.done(run)
    return run


def as_scored_before(run: Run, value: float | None = None, *, evaluator: str = OLD) -> Evaluation:
    """What an older evaluator had made of the run's only set: another version, and another value where one is named."""
    evaluation = Evaluation.objects.counting().get(response_set__runs=run)
    evaluation.evaluator = evaluator
    if value is not None:
        evaluation.document["metrics"]["accuracy"]["value"] = value
        evaluation.scores.filter(group="", tag="").update(value=value)
    evaluation.save()
    return evaluation


def work(batch: Batch) -> Batch:
    """Do what workers do with the batch's messages, until nothing more is to be done here."""
    for _ in range(200):
        before = (batch.state, *batch.items.order_by("pk").values_list("state", flat=True))
        working.carry_on(batch.pk)
        batch.refresh_from_db()
        if (batch.state, *batch.items.order_by("pk").values_list("state", flat=True)) == before:
            return batch
    raise AssertionError("the batch never comes to an end")


def values(run: Run) -> list[float | None]:
    """The run's own scores that are told, by suite, the newest evaluation last."""
    rows = Score.objects.filter(evaluation__response_set__runs=run, group="", tag="")
    return list(rows.order_by("evaluation__pk").values_list("value", flat=True))
