"""How models are fine-tuned: the organizer's settings, checked before anything is trained."""

from typing import Any

import pytest

from sandbox.runner.errors import RunFailed
from sandbox.runner.finetune_settings import Finetuning, parse_all, parse_finetuning
from sandbox.runner.job import parse_job


def test_defaults_are_those_that_babylm_published_for_2025() -> None:
    settings = parse_finetuning({})
    assert settings == Finetuning()
    assert (settings.epochs, settings.learning_rate, settings.batch_size) == (10, 3e-5, 32)
    assert (settings.max_length, settings.seed, settings.weight_decay) == (512, 42, 0.01)
    assert (settings.schedule, settings.warmup, settings.floor, settings.dropout) == ("cosine", 0.06, 0.1, 0.1)


def test_a_task_differs_only_in_what_it_names() -> None:
    settings = parse_finetuning({"learning_rate": 1e-4, "tasks": {"wsc": {"epochs": 30}}})
    assert settings.of("wsc") == Finetuning(learning_rate=1e-4, epochs=30)
    assert settings.of("rte").epochs == 10
    assert settings.of("rte").learning_rate == 1e-4


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "finetuning"),
        ({"epochs": 0}, "finetuning.epochs"),
        ({"epochs": True}, "finetuning.epochs"),
        ({"epochs": 2.5}, "finetuning.epochs"),
        ({"learning_rate": "fast"}, "finetuning.learning_rate"),
        ({"learning_rate": -1.0}, "finetuning.learning_rate"),
        ({"learning_rate": float("nan")}, "finetuning.learning_rate"),
        ({"held_out": 0.9}, "finetuning.held_out"),
        ({"schedule": "wild"}, "finetuning.schedule"),
        ({"head": 7}, "finetuning.head"),
        ({"patience": 3}, "finetuning.patience"),
        ({"surprise": 1}, "finetuning.surprise"),
        ({"tasks": []}, "finetuning.tasks"),
        ({"tasks": {"wsc": 30}}, "finetuning.tasks.wsc"),
        ({"tasks": {"wsc": {"seed": -1}}}, "finetuning.tasks.wsc.seed"),
        ({"tasks": {"wsc": {"tasks": {}}}}, "finetuning.tasks.wsc.tasks"),
    ],
)
def test_what_is_no_setting_is_refused_by_its_name(value: Any, field: str) -> None:
    with pytest.raises(RunFailed, match=field) as refused:
        parse_finetuning(value)
    assert refused.value.code == "E-RUN-JOB"


def test_settings_are_by_suite() -> None:
    suites = [{"checkpoint": "main", "suite": name, "seed": "0"} for name in ("glue", "msgs")]
    job = parse_job({"kind": "model", "suites": suites, "finetuning": {"glue": {"epochs": 3}}})
    assert job.finetuning == {"glue": Finetuning(epochs=3)}
    with pytest.raises(RunFailed, match="finetuning must be an object"):
        parse_all(3)
