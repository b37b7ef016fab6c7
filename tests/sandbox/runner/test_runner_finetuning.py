"""Requests of type `classify`, in the model images: each task trains a fresh model, to the same answers always."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox.images.build import build
from tests.models.containers import run_in
from tests.models.tiny import tiny_models

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.data]

MODELS = Path(__file__).resolve().parents[2] / "models"
BACKENDS = {"gpt2": "causal", "bert": "masked", "t5": "encoder-decoder"}
NOUNS = ("dog", "girl", "man", "teacher", "book", "car", "child", "doctor")
# By class: which of them stands last says everything.
VERBS = {"runs": 0, "sings": 0, "sleeps": 1, "hides": 1}
SETTINGS = {"epochs": 16, "learning_rate": 3e-3, "batch_size": 16}
Lines = list[dict[str, Any]]


def lines(task: str, *, names: Mapping[int, int | str]) -> tuple[Lines, Lines]:
    """45 lines to learn from, the last batch of which is a short one, and 19 requests that are none of them."""
    texts = [
        (f"{article} {noun} {verb}", VERBS[verb]) for article in ("the", "every") for noun in NOUNS for verb in VERBS
    ]
    random.Random(task).shuffle(texts)
    whole = [
        {"id": f"{task}-{number}", "task": task, "inputs": {"text": text}, "label": names[label]}
        for number, (text, label) in enumerate(texts)
    ]
    asked = [
        {"id": line["id"], "type": "classify", "task": task, "inputs": line["inputs"], "labels": list(names.values())}
        for line in whole[45:]
    ]
    return whole[:45], asked


NUMBERS, WORDS = lines("numbers", names={0: 0, 1: 1}), lines("words", names={0: "moving", 1: "still"})
TRAIN, REQUESTS = NUMBERS[0] + WORDS[0], NUMBERS[1] + WORDS[1]
TRUE = {
    request["id"]: request["labels"][VERBS[request["inputs"]["text"].split()[-1]]] for request in REQUESTS
}  # fmt: skip


def text_of(entries: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def job(name: str, model: str, *, requests: Lines = REQUESTS, train: Lines = TRAIN, done: Lines | None = None) -> Any:
    """One job of the runner, with what an earlier attempt had answered."""
    place = "main/glue/0"
    files = {f"requests/{place}/requests.jsonl": text_of(requests), f"requests/{place}/train.jsonl": text_of(train)}
    if done is not None:
        files[f"responses/{place}/responses.jsonl.part"] = text_of(done)
    suites = [{"checkpoint": "main", "suite": "glue", "seed": "0"}]
    document = {"kind": "model", "backend": BACKENDS[model], "suites": suites, "finetuning": {"glue": SETTINGS}}
    return {"name": name, "model": f"/models/{model}", "job": document, "files": files}


class Ran:
    """What the jobs of one container left: answers by id, and the events, by the job's name."""

    def __init__(self, out: Mapping[str, bytes]) -> None:
        self._out = out

    def log(self, name: str) -> str:
        return self._out[f"{name}/log"].decode()

    def answers(self, name: str) -> dict[str, Any]:
        written = self._out.get(f"{name}/responses/main/glue/0/responses.jsonl")
        assert written is not None, self.log(name)
        return {entry["id"]: entry["label"] for entry in map(json.loads, written.splitlines())}

    def events(self, name: str, kind: str) -> Lines:
        said = [line.removeprefix("@proctor ") for line in self.log(name).splitlines() if line.startswith("@proctor ")]
        return [event for event in map(json.loads, said) if event["event"] == kind]


def run_jobs(image: str, tiny: Path, jobs: Sequence[Any]) -> Ran:
    files: dict[str, bytes | Path] = {
        **{f"/models/{name}": tiny / name for name in BACKENDS},
        "/run_jobs.py": (MODELS / "run_jobs.py").read_bytes(),
        "/jobs.json": json.dumps(jobs).encode(),
    }
    ran = run_in(
        build([image], say=lambda _: None)[0].image_id, ["python3", "/run_jobs.py", "/jobs.json", "/out"], files=files
    )
    assert ran.code == 0, ran.log
    return Ran(ran.out)


@pytest.fixture(scope="session")
def tiny(data: Path) -> Path:
    """The folder of tiny models."""
    return tiny_models(data / "blimp")


@pytest.fixture(scope="session")
def trained(tiny: Path) -> Ran:
    """Each model trained on both tasks, and one of them once more in other ways."""
    shuffled = random.Random(5)
    # What an attempt that was cut off had answered: all of the first task, and a part of the second.
    done = [{"id": request["id"], "label": TRUE[request["id"]]} for request in (*NUMBERS[1], *WORDS[1][:7])]
    return run_jobs(
        "model",
        tiny,
        [
            *(job(model, model) for model in BACKENDS),
            job(
                "shuffled",
                "gpt2",
                requests=shuffled.sample(REQUESTS, len(REQUESTS)),
                train=shuffled.sample(TRAIN, len(TRAIN)),
            ),
            job("resumed", "gpt2", done=done),
            job("untrained", "gpt2", train=NUMBERS[0]),
        ],
    )


@pytest.mark.parametrize("model", list(BACKENDS))
def test_a_separable_task_is_learnt_and_labels_keep_their_type(trained: Ran, model: str) -> None:
    answers = trained.answers(model)
    assert set(answers) == set(TRUE)
    assert {type(answers[request["id"]]) for request in NUMBERS[1]} == {int}
    assert sum(answers[key] == label for key, label in TRUE.items()) >= 36  # of 38; one label for all has 19 or so


def test_answers_are_the_same_in_any_order_of_requests_and_training_lines(trained: Ran) -> None:
    assert trained.answers("shuffled") == trained.answers("gpt2")
    losses = [[event["loss"] for event in trained.events(name, "finetuning")] for name in ("gpt2", "shuffled")]
    assert losses[0] == losses[1]


def test_a_resumed_run_trains_only_the_tasks_that_are_left_to_the_same_answers(trained: Ran) -> None:
    assert {event["task"] for event in trained.events("resumed", "finetuning")} == {"words"}
    whole, resumed = trained.answers("gpt2"), trained.answers("resumed")
    left = [request["id"] for request in WORDS[1][7:]]
    assert [resumed[key] for key in left] == [whole[key] for key in left]


def test_a_task_without_training_lines_ends_the_run_before_anything_is_trained(trained: Ran) -> None:
    (event,) = trained.events("untrained", "error")
    assert event["code"] == "E-RUN-JOB"
    assert "words" in event["detail"]
    assert trained.events("untrained", "finetuning") == []


def test_transformers_4_trains_as_well(tiny: Path) -> None:
    ran = run_jobs("model-transformers-4", tiny, [job(model, model) for model in ("gpt2", "bert")])
    for model in ("gpt2", "bert"):
        answers = ran.answers(model)
        assert sum(answers[key] == label for key, label in TRUE.items()) >= 36


def test_logits_do_not_depend_on_the_texts_beside(tiny: Path) -> None:
    models = {name: [f"/models/{name}", backend] for name, backend in (*BACKENDS.items(), ("roberta", "masked"))}
    files: dict[str, bytes | Path] = {
        **{f"/models/{name}": tiny / name for name in models},
        "/neighbours.py": (MODELS / "neighbours.py").read_bytes(),
        "/models.json": json.dumps(models).encode(),
    }
    image = build(["model"], say=lambda _: None)[0].image_id
    ran = run_in(image, ["python3", "/neighbours.py", "/models.json", "/out/result.json"], files=files)
    assert ran.code == 0, ran.log
    for name, found in json.loads(ran.out["result.json"]).items():
        assert found["asked"] < 1e-4, name
        assert found["padded"] < 1e-4, name
