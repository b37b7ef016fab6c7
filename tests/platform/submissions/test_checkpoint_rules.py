"""A manifest's checkpoints and replicates against what the tracks take that it enters."""

from typing import Any

import pytest

from challenges.models import Track
from evaluators.protocol.problems import ProblemsFound
from submissions.checkpoint_rules import MOST_SEEDS, check, expected
from submissions.checks import required_files
from submissions.manifests import check_against_track, check_against_tracks

from .conftest import manifest

STRICT = {"names": ["chck_1M", "chck_2M", "chck_10M"], "required": True}


def track(**fields: Any) -> Track:
    return Track(**{"title": "Strict", "kinds": ["model", "code", "predictions"], **fields})


def steps(*names: str) -> dict[str, Any]:
    return {"checkpoints": [{"name": name, "path": name} for name in names]}


def test_the_checkpoints_that_a_track_requires_are_named_where_they_are_missing() -> None:
    (problem,) = check_against_track(manifest(**steps("chck_2M")), track(checkpoints=STRICT))
    assert (problem.code, problem.field) == ("E-SUB-CHECKPOINTS", "checkpoints")
    assert problem.message == ("the track Strict asks for 3 checkpoints, and 2 are missing: chck_1M, chck_10M")
    assert check_against_track(manifest(**steps("chck_1M", "chck_2M", "chck_10M")), track(checkpoints=STRICT)) == []


def test_where_none_is_required_some_are_enough_and_none_is_too() -> None:
    taking = track(checkpoints={**STRICT, "required": False})
    assert check_against_track(manifest(**steps("chck_2M")), taking) == []
    assert check_against_track(manifest(), taking) == []


def test_a_checkpoint_that_no_track_takes_is_refused() -> None:
    taking, other = track(checkpoints={"names": ["chck_1M"]}), track(checkpoints={"names": ["chck_3M"]})
    (problem,) = check_against_track(manifest(**steps("chck_1M", "chck_3M")), taking)
    assert "chck_3M" in problem.message
    assert check_against_tracks(manifest(**steps("chck_1M", "chck_3M")), [taking, other]) == []


def test_a_track_without_checkpoints_takes_none_unless_another_that_is_entered_does() -> None:
    taking, other = track(checkpoints={"names": ["chck_1M"]}), track()
    (problem,) = check_against_track(manifest(**steps("chck_1M")), other)
    assert problem.code == "E-SUB-CHECKPOINTS"
    assert check_against_tracks(manifest(**steps("chck_1M")), [other, taking]) == []


def test_a_published_schedule_is_as_good_as_a_list_of_names() -> None:
    assert len(expected(track(checkpoints={"schedule": "babylm-strict"}))) == 28
    assert len(expected(track(checkpoints={"schedule": "babylm-strict-small"}))) == 19


def test_a_prediction_file_has_neither_checkpoints_nor_replicates_and_lacks_none() -> None:
    fields: dict[str, Any] = {"kind": "predictions", "code": None, "predictions": {"file": "p.json"}}
    assert check(manifest(**fields), track(checkpoints=STRICT), beside=()) == []
    seeds = {"train_seeds": [{"seed": 1, "path": "a"}]}
    found = check(manifest(**fields, **steps("chck_1M"), **seeds), track(checkpoints=STRICT), beside=())
    assert [problem.field for problem in found] == ["checkpoints", "train_seeds"]


def test_replicates_are_taken_up_to_a_number() -> None:
    seeds = [{"seed": number + 1, "path": f"s{number}"} for number in range(MOST_SEEDS + 1)]
    assert check(manifest(train_seeds=seeds[:-1]), track(), beside=()) == []
    assert [problem.field for problem in check(manifest(train_seeds=seeds), track(), beside=())] == ["train_seeds"]


@pytest.mark.parametrize(
    "checkpoints",
    [
        [{"name": "chck_2M", "path": "a"}, {"name": "chck_1M", "path": "b"}],
        [{"name": "early", "words": 5, "path": "a"}, {"name": "late", "words": 5, "path": "b"}],
        [{"name": "chck_1M", "path": "a"}, {"name": "chck_1M", "words": 7_000_000, "path": "b"}],
        [{"name": "early", "path": "a"}],
        [{"name": "main", "words": 1, "path": "a"}],
        [{"name": "all", "words": 1, "path": "a"}],
        [{"name": "chck_1M", "path": "../a"}],
    ],
)
def test_checkpoints_have_names_of_their_own_rising_words_and_a_place_inside(checkpoints: list[Any]) -> None:
    with pytest.raises(ProblemsFound):
        manifest(checkpoints=checkpoints)


def test_the_words_of_a_checkpoint_may_stand_in_its_name_alone() -> None:
    there = manifest(checkpoints=[{"name": "chck_1M", "path": "a"}, {"name": "x", "words": 1_500_000, "path": "b"}])
    assert [one.words for one in there.checkpoints] == [1_000_000, 1_500_000]


def test_zero_is_no_seed_since_it_stands_for_the_model_itself() -> None:
    with pytest.raises(ProblemsFound):
        manifest(train_seeds=[{"seed": 0, "path": "a"}])


def test_each_checkpoint_and_replicate_must_be_in_the_archive() -> None:
    code = manifest(**steps("chck_1M", "chck_2M"), train_seeds=[{"seed": 1, "path": "one"}])
    found = required_files(code, ["model.py", "chck_1M/weights.safetensors"])
    assert [problem.file for problem in found] == ["chck_2M", "one"]
    model = manifest(kind="model", code=None, model={"backend": "causal"}, **steps("chck_1M"))
    whole = ["config.json", "model.safetensors", "tokenizer.json"]
    assert [problem.file for problem in required_files(model, [*whole, "chck_1M/config.json"])] == [
        "*.safetensors", "tokenizer.json",
    ]  # fmt: skip
    assert required_files(model, [*whole, *[f"chck_1M/{name}" for name in whole]]) == []
