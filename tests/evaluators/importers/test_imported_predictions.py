"""Prediction files as participants of BabyLM write them join on the ids of imported suites; by hand, all right."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.importers import IMPORTERS, Options, run
from evaluators.predictions import score_predictions
from evaluators.predictions.parts import has_part
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.scores import ScoresDocument
from evaluators.suites import Suite, open_suite
from tests.evaluators.importers.sources_of_tests import SOURCES

Imported = Callable[[str], Suite]


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    """`imported(name)`: the suite that the importer makes of its source for tests."""

    def make(name: str) -> Suite:
        maker, place, _ = SOURCES[name]
        source, dest = tmp_path / "source", tmp_path / "suite"
        maker(source)
        images = source / "images" if (source / "images").is_dir() else None
        run(IMPORTERS[name], source / place, dest, Options(images=images), any_count=True)
        return open_suite(dest)

    return make


def scored(suite: Suite, document: Any, format: str = "babylm-2025") -> ScoresDocument:  # noqa: A002
    """The document scored, all of it answered."""
    data = json.dumps(document).encode()
    result = score_predictions(suite, data, format=format, file="predictions.json").document
    assert result.complete
    assert result.ignored == ()
    return result


def by_part(suite: Suite, answer: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """`{part: {"predictions": [{"id": "<part>_<k>", …}]}}`, as every edition since 2024 writes it."""
    parts: dict[str, Any] = {}
    for item in suite.items:
        part, number = item.id.rsplit("/", 1)
        line = {"id": f"{part}_{number}", **answer(item)}
        parts.setdefault(part, {"predictions": []})["predictions"].append(line)
    return parts


@pytest.mark.parametrize(
    ("name", "part", "whole"),
    [
        ("blimp-filtered", "blimp", True), ("blimp-supplement", "blimp_supplement", True), ("ewok", "ewok", False),
        ("entity-tracking", "entity_tracking", False), ("comps", "comps", True), ("vqa", "vqa", False),
        ("winoground", "winoground", True),
    ],
)  # fmt: skip
def test_choices_join_whether_the_file_holds_sentences_or_completions(
    imported: Imported, name: str, part: str, whole: bool
) -> None:
    suite = imported(name)

    def right(item: Any) -> dict[str, Any]:
        choice = item.choices[suite.gold[item.id].gold]
        return {"pred": (choice.context if whole else "") + choice.continuation}

    assert scored(suite, {part: by_part(suite, right)}).metrics["accuracy"].value == 1


def test_global_piqa_joins_on_the_sources_example_ids(imported: Imported) -> None:
    suite = imported("global-piqa")
    examples = {}
    for item in suite.items:
        example = item.id.split("/")[1]
        text = item.choices[suite.gold[item.id].gold].continuation
        examples[example] = {"predictions": [{"id": f"{example}_0", "pred": text}]}
    assert scored(suite, {"global_piqa_nonparallel": examples}).metrics["accuracy"].value == 1


@pytest.mark.parametrize("name", ["wug-adj", "wug-past"])
def test_wug_joins_with_the_probability_of_the_first_form(imported: Imported, name: str) -> None:
    suite = imported(name)
    told = by_part(
        suite,
        lambda item: {"pred": item.choices[0].continuation, "prob": suite.gold[item.id].probability},
    )
    assert scored(suite, {name.replace("-", "_"): told}).metrics["spearman"].value == 1


@pytest.mark.parametrize("name", ["reading-eye-tracking", "reading-self-paced"])
def test_reading_joins_on_the_rows_of_the_source(imported: Imported, name: str) -> None:
    suite = imported(name)
    rows: dict[int, Any] = {}
    for item in suite.items:
        before = float("nan")
        for word, row in zip(item.words, item.covariates["row"], strict=True):
            if row is not None:
                rows[int(row)] = {"id": int(row), "pred": len(word) + row % 7, "prev_pred": before}
                before = len(word) + row % 7
    told = {"reading": {"reading": {"predictions": [rows[number] for number in sorted(rows)]}}}
    value = scored(suite, told).metrics["partial_r2"].value
    assert value is not None
    assert 0 < value < 100


@pytest.mark.parametrize(("name", "format"), [("glue", "babylm-2025"), ("glue-2024", "babylm-2024")])
def test_glue_joins_by_subtask(imported: Imported, name: str, format: str) -> None:  # noqa: A002
    suite = imported(name)
    told = by_part(suite, lambda item: {"pred": suite.gold[item.id].label})
    assert scored(suite, {"glue": told}, format).metrics[suite.manifest.metric].value == 1


def test_aoa_joins_words_and_contexts_at_every_checkpoint(imported: Imported) -> None:
    suite = imported("aoa")
    results = [
        {"step": f"chck_{step}M", "target_word": item.word, "context_id": number, "context": context, "surprisal": 9.0}
        for step in range(1, 10) for item in suite.items for number, context in enumerate(item.contexts)
    ]  # fmt: skip
    assert scored(suite, {"aoa": {"results": results}}).coverage.answered == 2


@pytest.mark.parametrize(
    ("name", "key", "trials"), [("devbench-lexical", "lex-viz_vocab", 12), ("devbench-grammatical", "trog", 8)]
)
def test_devbench_joins_by_trial_with_the_target_first(imported: Imported, name: str, key: str, trials: int) -> None:
    told = {"devbench": {key: {"predictions": [[[0.9], [0.1], [0.0], [0.2]]] * trials}}}
    assert scored(imported(name), told).metrics["accuracy"].value == 1


def test_things_join_as_one_matrix(imported: Imported) -> None:
    suite = imported("devbench-semantic")
    matrix = [list(row) for row in suite.gold["sem-things/0"].matrix]
    assert scored(suite, {"devbench": {"things": {"predictions": matrix}}}).metrics["rsa"].value == pytest.approx(1)


@pytest.mark.parametrize("name", ["blimp-fast", "entity-tracking-fast-2026"])
def test_fast_suites_have_no_part_of_a_file_and_are_not_read_from_that_of_the_full_one(
    imported: Imported, name: str
) -> None:
    suite = imported(name)
    assert not has_part(suite.manifest.key, "babylm-2025")
    assert has_part(suite.manifest.key.removesuffix("-fast"), "babylm-2025")
    assert has_part(suite.manifest.key, "native")
    with pytest.raises(ProblemsFound, match="E-PRED-KIND"):
        score_predictions(suite, b"{}", format="babylm-2025", file="predictions.json")
