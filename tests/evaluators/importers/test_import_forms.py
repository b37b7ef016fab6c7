"""The forms that an edition gives to a benchmark, and how models are trained on it."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.importers import IMPORTERS, Options, Written, run
from evaluators.protocol.problems import ProblemsFound
from sandbox.runner.finetune_settings import parse_finetuning
from tests.evaluators.importers.sources_of_tests import lines

Import = Callable[..., Written]


def lined(folder: Path, name: str) -> list[dict[str, object]]:
    """The lines of a file of a suite."""
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_2026_leaves_out_boxes_that_may_hold_nothing_and_counts_without_them(imported: Import, tmp_path: Path) -> None:
    manifest = imported("entity-tracking-2026").manifest
    assert (manifest.key, manifest.version) == ("entity-tracking", "2026.1")
    items = lined(tmp_path / "suite", "items.jsonl")
    assert [item["id"] for item in items[:2]] == ["ambiref_0_ops/0", "ambiref_1_ops/0"]
    assert "nothing" not in json.dumps(items).lower()


def test_2023_groups_pairs_by_phenomenon_whatever_files_they_stand_in(imported: Import, tmp_path: Path) -> None:
    assert imported("blimp-2023").counts == {"argument_structure": 4, "filler_gap": 2, "island_effects": 2}
    items = lined(tmp_path / "suite", "items.jsonl")
    assert [item["id"] for item in items[:4]] == [f"argument_structure/{k}" for k in range(4)]
    assert [item["tags"] for item in items[:3]] == [["animate_subject_trans"]] * 2 + [["causative"]]


def test_2023_refuses_a_pair_whose_phenomenon_nobody_says(source: Path, tmp_path: Path) -> None:
    lines(source / "owls.jsonl", [{"sentence_good": "Owls hoot.", "sentence_bad": "Owls hoots."}])
    with pytest.raises(ProblemsFound, match=r"linguistics_term.*phenomena"):
        run(IMPORTERS["blimp-2023"], source, tmp_path / "suite", Options(), any_count=True)


@pytest.mark.data
def test_blimp_as_published_has_twelve_phenomena_of_67_files(data: Path) -> None:
    counts = Counter(item["group"] for item in IMPORTERS["blimp-2023"].read(data / "blimp", Options()).items)
    assert (counts.total(), counts.keys()) == (67_000, dict(IMPORTERS["blimp-2023"].expected or {}).keys())
    assert counts["argument_structure"] == 9000


@pytest.mark.parametrize("name", ["glue", "glue-2024", "msgs", "finetune-2026"])
def test_a_suite_to_be_learnt_says_how_models_are_trained(imported: Import, name: str) -> None:
    """The runner takes the settings as they stand, and none trains until the lines that are scored look best."""
    settings = parse_finetuning(imported(name).manifest.options["finetuning"])
    assert settings.seed in (12, 42)
    for own in (settings, *settings.tasks.values()):
        assert own.held_out > 0 or own.patience == 0
