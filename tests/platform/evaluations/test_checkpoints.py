"""What is asked of which of a submission's models, what is reused, and how it is staged."""

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse

from challenges.models import Phase, Track
from evaluations import answers, notes, selectors, services
from evaluations.answers import key_of
from evaluations.checkpoints import Place, order_of, steps_of
from evaluations.collection import most_bytes
from evaluations.models import Evaluation, ResponseSet, Run, Score
from evaluations.staging import draw_missing, images_of, runner_document, stage
from evaluators.protocol.submission import SubmissionManifest
from evaluators.protocol.suite import SuiteManifest
from evaluators.suites import write_suite
from evaluators.tasks.interface import Step
from submissions.models import Submission
from suites import services as suites
from suites.models import PhaseSuite
from tests.platform.evaluations.conftest import code_manifest

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"
NAMES = ("chck_1M", "chck_10M", "chck_100M")
RULE = {"names": list(NAMES)}


def manifest(*names: str, **more: Any) -> dict[str, Any]:
    checkpoints = [{"name": name, "path": f"steps/{name}"} for name in names]
    return {**code_manifest(), "checkpoints": checkpoints, **more}


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any],
    make_acquisition: Callable[..., Any],
) -> Phase:  # fmt: skip
    """Acquisition first, then a suite of the finished model, then a sample of another at each checkpoint."""
    phase = make_phase(make_track(image=IMAGE, checkpoints=RULE))
    make_acquisition(phase)
    make_suite_version(phase, key="whole")
    quick = make_suite_version(phase, key="quick", pairs=16, sample=4)
    PhaseSuite.objects.filter(suite_version=quick).update(checkpoints="all")
    return phase


def asked(run: Run) -> list[tuple[str, str, int]]:
    sets = run.response_sets.order_by("run_response_sets__position")
    return [(one.suite_version.suite.key, one.checkpoint, one.train_seed) for one in sets]


def sets_of(run: Run) -> list[ResponseSet]:
    return list(run.response_sets.select_related("suite_version__suite").order_by("run_response_sets__position"))


def test_a_suite_is_asked_of_the_finished_model_and_where_it_says_so_of_every_checkpoint(
    phase: Phase, make_run: Callable[..., Run]
) -> None:
    run = make_run(phase, manifest=manifest(*NAMES))
    assert asked(run) == [
        ("acquisition", "all", 0), ("whole", "main", 0), ("quick", "main", 0),
        *[("quick", name, 0) for name in NAMES],
    ]  # fmt: skip
    assert [one.steps for one in sets_of(run) if one.checkpoint == "all"] == [
        [["chck_1M", 10**6], ["chck_10M", 10**7], ["chck_100M", 10**8]]
    ]


def test_replicates_of_the_training_are_asked_what_the_finished_model_is_asked(
    phase: Phase, make_run: Callable[..., Run]
) -> None:
    seeds = [{"seed": 3, "path": "."}, {"seed": 1, "path": "one"}, {"seed": 2, "path": "two"}]
    run = make_run(phase, manifest=manifest("chck_1M", train_seeds=seeds))
    assert asked(run)[-4:] == [("whole", "main", 1), ("quick", "main", 1), ("whole", "main", 2), ("quick", "main", 2)]
    assert ("whole", "main", 3) not in asked(run), "the finished model itself stands among the seeds"


def test_without_checkpoints_a_suite_over_them_is_not_asked_and_the_page_says_so(
    phase: Phase, make_run: Callable[..., Run]
) -> None:
    run = make_run(phase)
    assert asked(run) == [("whole", "main", 0), ("quick", "main", 0)]
    assert "Not asked: The suite acquisition" in notes.note_of(run)


def test_only_checkpoints_that_the_track_takes_are_asked(phase: Phase) -> None:
    given = SubmissionManifest.from_value(manifest("chck_1M", "chck_5M", "chck_10M"), file="submission.yaml")
    assert steps_of(given, phase.track) == (Step("chck_1M", 10**6), Step("chck_10M", 10**7))
    assert steps_of(given, Track(checkpoints={})) == ()


def test_a_prediction_file_is_asked_once_for_each_suite(phase: Phase, make_run: Callable[..., Run]) -> None:
    predictions = {
        "schema": "submission/1", "kind": "predictions", "method": {"name": "File"}, "predictions": {"file": "a.jsonl"},
    }  # fmt: skip
    run = make_run(phase, manifest=predictions)
    assert asked(run) == [("acquisition", "all", 0), ("whole", "main", 0), ("quick", "main", 0)]


def test_a_file_is_not_asked_at_checkpoints_what_its_format_has_no_part_for(
    phase: Phase, make_run: Callable[..., Run]
) -> None:
    """An edition's file holds scores of the fast suites alone: that must not keep it from all that it answers."""
    predictions = {
        "schema": "submission/1", "kind": "predictions", "method": {"name": "File"},
        "predictions": {"file": "a.json", "format": "babylm-2025"},
    }  # fmt: skip
    assert "quick" not in [key for key, _, _ in asked(make_run(phase, manifest=predictions))]


def test_a_rehearsal_asks_the_finished_model_and_one_checkpoint(
    phase: Phase, make_accepted: Callable[..., Submission]
) -> None:
    services.plan(make_accepted(phase, rehearses=True, manifest=manifest(*NAMES)))
    run = Run.objects.get()
    assert run.purpose == Run.Purpose.REHEARSAL
    assert asked(run) == [
        ("whole", "main", 0), ("quick", "main", 0), ("acquisition", "chck_1M", 0), ("quick", "chck_1M", 0),
    ]  # fmt: skip


def test_keys_of_the_finished_model_are_what_they_always_were(phase: Phase) -> None:
    phase_suite = phase.phase_suites.select_related("suite_version").get(suite_version__suite__key="whole")
    phase_suite.suite_version.digest = "d" * 64
    fields: dict[str, Any] = {"registration_id": 1, "digest": "x", "phase_suite": phase_suite, "image_id": "i"}
    # Computed with the key's first form, which named neither places nor steps.
    assert key_of(**fields, backend="code") == "561aaba27013a17f74278a27eff1f772d1c05a477f63fbe4389da70d35e1cae2"


def test_each_place_has_a_key_of_its_own(phase: Phase) -> None:
    phase_suite = phase.phase_suites.select_related("suite_version").get(suite_version__suite__key="quick")
    steps = (Step("chck_1M", 10**6), Step("chck_10M", 10**7))
    places = [
        Place(), Place("main", 1), Place("chck_1M", 0, steps[:1]), Place("all", 0, steps), Place("all", 0, steps[:1]),
    ]  # fmt: skip
    keys = {
        key_of(registration_id=1, digest="x", phase_suite=phase_suite, image_id="i", backend="code", place=place)
        for place in places
    }
    assert len(keys) == len(places)


def test_places_stand_by_training_and_by_words() -> None:
    one, ten = Step("b", 10), Step("a", 2)
    places = [Place("b", 0, (one,)), Place("main", 4), Place("a", 0, (ten,)), Place("all", 0, (ten, one)), Place()]
    assert [place.checkpoint for place in sorted(places, key=order_of)] == ["all", "main", "a", "b", "main"]


def test_answers_at_a_checkpoint_are_reused_in_the_next_phase(
    phase: Phase, make_phase: Callable[..., Phase], make_run: Callable[..., Run]
) -> None:
    later = make_phase(phase.track, position=1)
    for one in phase.phase_suites.all():
        PhaseSuite.objects.create(
            phase=later, suite_version=one.suite_version, splits=one.splits, sample=one.sample,
            checkpoints=one.checkpoints, position=one.position,
        )  # fmt: skip
    first = make_run(phase, manifest=manifest(*NAMES), salt="same")
    second = make_run(later, manifest=manifest(*NAMES), salt="same", registration=first.entry.submission.registration)
    assert sets_of(first) == sets_of(second)
    assert ResponseSet.objects.count() == 6


def test_all_that_a_model_is_asked_stands_together(phase: Phase, make_run: Callable[..., Run]) -> None:
    seeds = [{"seed": 7, "path": "seven"}]
    run = make_run(phase, manifest=manifest(*NAMES, train_seeds=seeds))
    missing = draw_missing(sets_of(run))
    folders = [one.folder for one in missing]
    assert folders == [
        "main/whole/0", "main/quick/0",
        *[f"{name}/{suite}/0" for name in NAMES for suite in ("acquisition", "quick")],
        "main~7/whole/7", "main~7/quick/7",
    ]  # fmt: skip
    document = runner_document(run.entry.submission, missing)
    assert document["checkpoints"] == {
        "main": {"path": "."}, **{name: {"path": f"steps/{name}"} for name in NAMES}, "main~7": {"path": "seven"},
    }  # fmt: skip
    assert [tuple(suite.values()) for suite in document["suites"]] == [tuple(one.split("/")) for one in folders]
    assert "finetuning" not in document
    assert "checkpoints" not in runner_document(run.entry.submission, missing[:2]), "as it was for one model"


def test_requests_over_checkpoints_are_asked_once_at_each(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase, manifest=manifest(*NAMES))
    parts = [one for one in draw_missing(sets_of(run)) if one.suite == "acquisition"]
    ids = [{json.loads(line)["id"] for line in one.requests().splitlines()} for one in parts]
    assert [len(one) for one in ids] == [12, 12, 12]
    assert len(set.union(*ids)) == 36


def test_what_is_kept_at_one_checkpoint_is_not_asked_again_and_the_last_completes_the_set(
    phase: Phase, make_run: Callable[..., Run]
) -> None:
    run = make_run(phase, manifest=manifest(*NAMES))
    (over,) = [one for one in sets_of(run) if one.checkpoint == "all"]
    parts = [one for one in draw_missing([over]) if one.suite == "acquisition"]
    answer = {one.checkpoint: [{"id": name, "logprob": -1.0} for name in one.draw.origin] for one in parts}
    answers.keep_part(over, "chck_10M", answer["chck_10M"])
    answers.keep_part(over, "chck_10M", [])
    answers.settle(over)
    assert not over.complete
    assert [one.checkpoint for one in draw_missing([over])] == ["chck_1M", "chck_100M"]
    names = list(over.parts.values())
    for name in ("chck_1M", "chck_100M"):
        answers.keep_part(over, name, answer[name])
        names.append(over.parts[name])
    # As after a crash between the two: whoever looks next completes it.
    assert draw_missing([over]) == []
    over.refresh_from_db()
    assert (over.complete, over.parts) == (True, {})
    assert len(answers.read(over)) == 36
    assert not any(storages["sealed"].exists(name) for name in names)
    evaluation = answers.score(over, answers.read(over), reason="a test", within=lambda compute: compute())
    assert (evaluation.document["checkpoint"], evaluation.document["coverage"]) == (
        "all", {"asked": 6, "answered": 6},
    )  # fmt: skip
    assert evaluation.provenance == "run here"


def give(response_set: ResponseSet, value: float | None, *, n: int = 8, answered: int = 8) -> None:
    metric = response_set.suite_version.manifest["metric"]
    evaluation = Evaluation.objects.create(response_set=response_set, evaluator="1", suite_digest="0" * 64)
    Score.objects.create(evaluation=evaluation, metric=metric, value=value, low=0.1, high=0.9, n=n)
    response_set.asked, response_set.answered, response_set.complete = 8, answered, True
    response_set.save()


def finish(run: Run, by_place: dict[tuple[str, int], float]) -> None:
    for one in sets_of(run):
        give(one, by_place.get((one.checkpoint, one.train_seed), 0.5))
    Run.objects.filter(pk=run.pk).update(state=Run.State.DONE, finished_at=run.created_at)


def test_a_leaderboard_sees_the_finished_model_alone(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase, manifest=manifest(*NAMES))
    finish(run, {("main", 0): 0.7, ("all", 0): 0.6, ("chck_100M", 0): 0.99})
    (row,) = selectors.scored_entries(phase)
    assert {key: score.value for key, score in row.scores.items()} == {
        "acquisition": 0.6, "whole": 0.7, "quick": 0.7,
    }  # fmt: skip
    assert (row.complete, row.provenance, row.scores["quick"].sd) == (True, "run here", None)


def test_replicates_count_as_their_mean_with_its_spread(phase: Phase, make_run: Callable[..., Run]) -> None:
    seeds = [{"seed": seed, "path": f"seeds/{seed}"} for seed in (1, 2)]
    run = make_run(phase, manifest=manifest("chck_1M", train_seeds=seeds))
    finish(run, {("main", 0): 0.5, ("main", 1): 0.6, ("main", 2): 0.7})
    (row,) = selectors.scored_entries(phase)
    score = row.scores["whole"]
    assert score.value == pytest.approx(0.6)
    assert score.trainings == 3
    assert score.sd == pytest.approx(0.1)
    Score.objects.filter(evaluation__response_set__train_seed=2).update(value=None)
    (row,) = selectors.scored_entries(phase)
    assert (row.scores["whole"].value, row.scores["whole"].sd) == (None, None)


def test_the_least_provenance_of_its_suites_is_an_entrys(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase, manifest=manifest(*NAMES))
    finish(run, {})
    one = Evaluation.objects.filter(response_set__checkpoint="main").first()
    Evaluation.objects.filter(pk=one.pk if one else 0).update(provenance="spot-checked")
    (row,) = selectors.scored_entries(phase)
    assert {score.provenance for score in row.scores.values()} == {"run here", "spot-checked"}
    assert row.provenance == "spot-checked"


def test_a_curve_goes_by_words_and_knows_no_rehearsal(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase, manifest=manifest(*NAMES))
    values = {"chck_1M": 0.2, "chck_10M": 0.4, "chck_100M": 0.3}
    finish(run, {(name, 0): value for name, value in values.items()})
    submission = run.entry.submission
    points = selectors.curve(submission, "quick")
    assert [(point.checkpoint, point.words, point.value) for point in points] == [
        ("chck_1M", 10**6, 0.2), ("chck_10M", 10**7, 0.4), ("chck_100M", 10**8, 0.3),
    ]  # fmt: skip
    assert selectors.curve(submission, "whole") == []
    Run.objects.update(purpose=Run.Purpose.REHEARSAL)
    assert selectors.curve(submission, "quick") == []


def test_what_a_run_costs_is_told(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase, manifest=manifest(*NAMES, train_seeds=[{"seed": 1, "path": "one"}]))
    told = "Asks 3 suites, 3 checkpoints, 1 further training: 10 times a suite is asked of a model"
    assert notes.note_of(run).startswith(told)


def test_images_are_found_wherever_a_request_shows_them() -> None:
    assert list(images_of({"images": ["a", "b"]})) == ["a", "b"]
    assert list(images_of({"rows": [{"image": "a"}, {"text": "x"}], "cols": [{"text": "y", "image": "c"}]})) == [
        "a", "c",
    ]  # fmt: skip
    assert list(images_of({"context": "", "continuation": "x"})) == []


def page_of(run: Run, client_of: Callable[..., Client]) -> tuple[str, dict[str, Any]]:
    client, submission = client_of(run.entry.submission.submitted_by), run.entry.submission_id
    page = client.get(reverse("submission", args=[submission])).content.decode()
    return page, json.loads(client.get(reverse("submission_events", args=[submission])).content)["runs"][0]


def test_the_page_draws_a_curve_and_tells_the_spread_of_replicates(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any],
    make_run: Callable[..., Run], client_of: Callable[..., Client],
) -> None:  # fmt: skip
    phase = make_phase(make_track(image=IMAGE, checkpoints=RULE))
    make_suite_version(phase, key="quick", items="public", gold="public")
    phase.phase_suites.update(checkpoints="all")
    run = make_run(phase, manifest=manifest(*NAMES, train_seeds=[{"seed": 1, "path": "one"}]))
    values = {"main": 0.6, "chck_1M": 0.2, "chck_10M": 0.4, "chck_100M": 0.55}
    finish(run, {**{(name, 0): value for name, value in values.items()}, ("main", 1): 0.7})
    page, told = page_of(run, client_of)
    assert "mean of 2 trainings: 65.00 ± 7.07" in page
    assert page.count("<circle") == 3
    assert [(point["checkpoint"], point["words"], point["value"]) for point in told["curves"][0]["points"]] == [
        ("chck_1M", 10**6, 0.2), ("chck_10M", 10**7, 0.4), ("chck_100M", 10**8, 0.55),
    ]  # fmt: skip
    assert [line["value"] for line in told["scores"]] == [0.6]
    assert "<td>run here</td>" in page


def test_what_a_team_reports_of_itself_is_marked_and_stands_apart(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any],
    make_run: Callable[..., Run], client_of: Callable[..., Client],
) -> None:  # fmt: skip
    phase = make_phase(make_track(image=IMAGE))
    make_suite_version(phase, key="whole", items="public", gold="public")
    run = make_run(phase, manifest={
        "schema": "submission/1", "kind": "predictions", "method": {"name": "File"}, "predictions": {"file": "a.json"},
    })  # fmt: skip
    finish(run, {("main", 0): 0.6})
    Evaluation.objects.update(
        provenance="predictions", document={"self_reported": {"fast_eval_results.blimp[0]": 0.987, "other": None}}
    )
    page, told = page_of(run, client_of)
    assert "2 numbers, never ranked" in page
    assert "<td>predictions</td>" in page
    assert [(one["name"], one["value"]) for one in told["self_reported"]] == [
        ("fast_eval_results.blimp[0]", 0.987), ("other", None),
    ]  # fmt: skip
    (row,) = selectors.scored_entries(phase)
    assert (row.provenance, row.scores["whole"].value) == ("predictions", 0.6)


def test_an_answer_may_be_as_long_as_what_it_is_asked_for(settings: LazySettings) -> None:
    settings.RESPONSE_MAX_BYTES = 4096
    assert most_bytes({"context": "", "continuation": "x"}) == 4096
    assert most_bytes({"words": ["a"] * 5000}) == 4096 + 5000 * 32
    assert most_bytes({"rows": [{}] * 1854, "cols": [{}] * 1854}) == 4096 + 1854**2 * 32


def test_a_suite_that_trains_is_staged_with_its_lines_and_settings(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_run: Callable[..., Run], tmp_path: Path
) -> None:
    phase = make_phase(make_track(image=IMAGE, checkpoints=RULE))
    values = {
        "schema": "suite/1", "key": "entailment", "title": "Entailment", "version": "1", "task": "classification",
        "metric": "accuracy", "range": [0, 1], "direction": "higher", "license": "CC0-1.0",
        "options": {"labels": {"all": [0, 1]}, "finetuning": {"epochs": 2}},
    }  # fmt: skip
    items: list[Any] = [
        {"id": f"{group}/{number}", "group": group, "premise": "It rains.", "hypothesis": f"It is wet {number}."}
        for group in ("one", "two") for number in range(2)
    ]  # fmt: skip
    gold: list[Any] = [{"id": item["id"], "label": number % 2} for number, item in enumerate(items)]
    train: list[Any] = [
        {"id": f"train/{group}/{number}", "group": group, "premise": "A", "hypothesis": "B", "label": number}
        for group in ("one", "two", "three") for number in range(2)
    ]  # fmt: skip
    suite = SuiteManifest.from_value(values, file="suite.yaml")
    write_suite(tmp_path / "suite", suite, items, gold, readme="Made for a test.\n", train=train)
    version = suites.freeze(version=suites.add_version(folder=tmp_path / "suite"))
    PhaseSuite.objects.create(phase=phase, suite_version=version, splits=["private"], checkpoints="all")
    run = make_run(phase, manifest=manifest("chck_1M"))
    there, missing = Shelf(), draw_missing(sets_of(run))
    stage(there, missing)  # type: ignore[arg-type]
    assert sorted(there.files) == [
        f"{name}/entailment/0/{file}.jsonl" for name in ("chck_1M", "main") for file in ("requests", "train")
    ]
    lines = [json.loads(line) for line in there.files["main/entailment/0/train.jsonl"].splitlines()]
    assert {line["task"] for line in lines} == {"one", "two"}, "what is not asked needs no training"
    assert lines[0] == {
        "id": "train/one/0", "task": "one", "inputs": {"premise": "A", "hypothesis": "B"}, "label": 0,
    }  # fmt: skip
    assert runner_document(run.entry.submission, missing)["finetuning"] == {"entailment": {"epochs": 2}}


class Shelf:
    """Where a workspace would put what is staged."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.media: dict[str, bytes] = {}

    def put_requests(self, files: Mapping[str, bytes]) -> None:
        self.files |= files

    def put_media(self, files: Mapping[str, bytes]) -> None:
        self.media |= files


def test_the_images_that_are_asked_about_are_staged_once(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_run: Callable[..., Run],
    make_suite_folder: Callable[..., Path],
) -> None:  # fmt: skip
    phase = make_phase(make_track(image=IMAGE, checkpoints=RULE))
    folder = make_suite_folder(key="pictures")
    pictures = [struct.pack(">8s", b"picture" + bytes([number])) for number in range(3)]
    digests = [hashlib.sha256(picture).hexdigest() for picture in pictures]
    (folder / "media").mkdir()
    for digest, picture in zip(digests, pictures, strict=True):
        (folder / "media" / digest).write_bytes(picture)
    lines = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
    for line in lines:
        for choice in line["choices"]:
            # The third picture is of the other split.
            choice["images"] = [digests[0], digests[1]] if line["split"] == "private" else [digests[2]]
    (folder / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    version = suites.freeze(version=suites.add_version(folder=folder))
    PhaseSuite.objects.create(phase=phase, suite_version=version, splits=["private"], checkpoints="all")
    there = Shelf()
    stage(there, draw_missing(sets_of(make_run(phase, manifest=manifest("chck_1M")))))  # type: ignore[arg-type]
    assert there.media == dict(zip(digests[:2], pictures[:2], strict=True))
