"""What the platform reads in the weights itself, and the compute that it estimates: not the team's word."""

import json
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import DjangoAssertNumQueries

from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import SandboxUnavailable
from submissions import engine
from submissions.answers_saving import save_answers
from submissions.checks import check
from submissions.declared import derived_facts, derived_facts_of, derived_in_words
from submissions.measuring import measure, measure_checked, weight_files
from submissions.models import Submission, WeightFacts

from .conftest import manifest, packed

Accepted = Callable[..., Submission]
MODEL = {
    "schema": "submission/1", "kind": "model", "method": {"name": "Wren"}, "model": {"path": ".", "backend": "causal"},
}  # fmt: skip


class AwaySandbox(DockerSandbox):
    """Its engine does not answer."""

    def read_heads(self, *args: Any, **kwargs: Any) -> dict[str, bytes]:
        """Fail as an engine that is away."""
        raise SandboxUnavailable("The engine is away.")


def weights(tensors: Mapping[str, list[int]], *, metadata: str = "") -> bytes:
    """A safetensors file of zeros with these tensors of F32."""
    header: dict[str, Any] = {"__metadata__": {"note": metadata}} if metadata else {}
    end = 0
    for name, shape in tensors.items():
        size = 4
        for number in shape:
            size *= number
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + bytes(end)


def archive(files: Mapping[str, bytes], described: Mapping[str, Any] = MODEL) -> bytes:
    """A model of these weights."""
    rest = {"submission.yaml": json.dumps(described), "config.json": "{}", "tokenizer.json": "{}"}
    return packed({**rest, **files})


def facts_of(submission: Submission, **changes: Any) -> WeightFacts:
    """Facts of a model of a million parameters, a tenth of them embeddings."""
    return WeightFacts.objects.create(
        submission=submission,
        **{"parameters": 1_000_000, "embeddings": 100_000, "tensors": 3, "dtypes": {"F32": 1_000_000},
           "size": 4_000_000, "files": 1, **changes},
    )  # fmt: skip


@pytest.mark.docker
@pytest.mark.django_db
def test_an_accepted_model_is_counted_from_its_headers_all_shards_together(received: Accepted) -> None:
    shards = {
        "model-1.safetensors": weights({"wte.weight": [10, 4], "h.0.weight": [4, 4]}),
        # A header that is longer than the first look at it.
        "model-2.safetensors": weights({"h.1.weight": [4, 4], "h.1.bias": [4]}, metadata="x" * 600_000),
    }
    submission = check(submission=received(archive(shards)))
    assert submission.state == Submission.State.ACCEPTED, submission.problems
    facts = submission.weight_facts
    assert (facts.parameters, facts.embeddings, facts.tensors, facts.files) == (40 + 16 + 16 + 4, 40, 4, 2)
    assert facts.dtypes == {"F32": 76}
    assert facts.size == sum(len(content) for content in shards.values())
    assert derived_facts(submission)["parameters"] == 76


@pytest.mark.docker
@pytest.mark.django_db
def test_what_was_accepted_before_is_counted_by_the_command(received: Accepted) -> None:
    submission = check(submission=received(archive({"model.safetensors": weights({"a": [5]})})))
    WeightFacts.objects.all().delete()
    engine.sandbox().remove_volume(engine.volume_of(submission))
    with pytest.raises(FileNotFoundError):
        measure(Submission.objects.get(pk=submission.pk))
    out = StringIO()
    call_command("answers", "measure", submission.registration.challenge.key, stdout=out)
    assert out.getvalue() == "The weights of 1 submissions were counted.\n"
    assert WeightFacts.objects.get().parameters == 5


def test_only_the_finished_models_files_are_counted(accepted: Accepted) -> None:
    model = accepted()
    model.files = [
        {"path": path, "size": 1, "sha256": ""}
        for path in ("out/model.safetensors", "out/chck_1M/model.safetensors", "other.safetensors", "out/config.json")
    ]
    model.manifest = {**MODEL, "model": {"path": "out", "backend": "causal"}}
    assert weight_files(model) == ["out/model.safetensors"]
    model.manifest = manifest(train_seeds=[{"seed": 2, "path": "out"}]).to_value() | {"schema": "submission/1"}
    assert weight_files(model) == ["other.safetensors"]
    model.manifest = {
        **MODEL, "kind": "predictions", "predictions": {"file": "answers.jsonl"}, "model": None,
    }  # fmt: skip
    assert weight_files(model) == []


def test_facts_that_cannot_be_read_now_hold_nothing_up(accepted: Accepted, monkeypatch: pytest.MonkeyPatch) -> None:
    model = accepted()
    model.files = [{"path": "model.safetensors", "size": 1, "sha256": ""}]

    monkeypatch.setattr("submissions.measuring.sandbox", AwaySandbox)
    with pytest.raises(SandboxUnavailable):
        measure(model)
    measure_checked(model)
    assert not WeightFacts.objects.exists()
    assert derived_facts(model) == {}
    assert derived_in_words({}, {}) == []


@pytest.mark.parametrize(
    ("data", "answers", "seen", "unit"),
    [
        ({"words_seen": 10_000_000}, {}, 10_000_000, "words"),
        ({"words_seen": 10_000_000}, {"tokens_seen": 13_000_000}, 13_000_000, "tokens"),
        ({"corpora": [{"name": "a", "words": 2_000_000}, {"name": "b", "words": 1_000_000}]}, {"epochs": 4},
         12_000_000, "words"),
        ({"corpora": [{"name": "a", "words": 2_000_000}, {"name": "t", "words": 9, "role": "teacher"}]}, {"epochs": 4},
         8_000_000, "words"),
    ],
)  # fmt: skip
def test_training_compute_is_six_times_parameters_times_the_text_seen(
    accepted: Accepted, data: dict[str, Any], answers: dict[str, Any], seen: int, unit: str
) -> None:
    one = accepted()
    one.manifest = {**one.manifest, "data": data, "answers": answers}
    facts_of(one)
    found = derived_facts(one)
    assert found["flops"] == 6 * 900_000 * seen
    assert found["label"] == "estimate, derived by the platform"
    assert found["source"].startswith("Kaplan et al. 2020")
    assert f"900,000 parameters without embeddings · {seen:,} {unit} seen" in found["formula"]


@pytest.mark.parametrize("data", [None, {"corpora": [{"name": "a"}]}, {"corpora": []}])
def test_without_a_word_about_the_text_seen_there_is_no_estimate(accepted: Accepted, data: Any) -> None:
    one = accepted()
    one.manifest = {**one.manifest, "data": data}
    facts_of(one)
    found = derived_facts(one)
    assert found["parameters"] == 1_000_000
    assert "flops" not in found


def test_an_answer_that_is_mended_changes_the_estimate(accepted: Accepted) -> None:
    one = accepted(data={"corpora": [{"name": "a", "words": 1000}]})
    facts_of(one)
    before = derived_facts(one)["flops"]
    save_answers(submission=one, answers={"epochs": 6}, user=one.submitted_by)
    assert derived_facts(one)["flops"] == 2 * before


def test_what_the_team_says_stands_beside_what_was_counted_where_they_differ(accepted: Accepted) -> None:
    one = accepted()
    facts_of(one)
    shown = {line.what: line for line in derived_in_words(derived_facts(one), {"parameters": 1_200_000})}
    assert shown["Parameters"].text == "1,000,000"
    assert shown["Parameters"].how.endswith("The team says 1,200,000.")
    close = {line.what: line for line in derived_in_words(derived_facts(one), {"parameters": 1_040_000})}
    assert "The team says" not in close["Parameters"].how


@pytest.mark.parametrize("number", [1, 3])
def test_facts_of_many_cost_two_queries(
    accepted: Accepted, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [accepted() for _ in range(number)]
    for one in rows:
        facts_of(one)
    with django_assert_num_queries(2):
        found = derived_facts_of(rows)
    assert [found[one.pk]["parameters"] for one in rows] == [1_000_000] * number
