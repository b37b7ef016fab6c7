"""Factories for runs: submissions that were accepted, with and without a sandbox."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from accounts.models import User
from challenges.models import Phase
from config.celery import app
from evaluations import services
from evaluations.models import Run
from evaluators.protocol.submission import SubmissionManifest
from evaluators.protocol.suite import SuiteManifest
from evaluators.suites import write_suite
from submissions import checks, engine, quota
from submissions.models import Artifact, Entry, QuotaCharge, Registration, Submission
from submissions.services import submission_digest, submit
from submissions.uploads import store_whole
from suites import services as suites
from suites.models import PhaseSuite, SuiteVersion

CONSTANT = "class Model:\n    def loglikelihood(self, requests):\n        return [-1.0 for _ in requests]\n"
LENGTH = """class Model:
    def loglikelihood(self, requests):
        return [-float(len(request["context"] + request["continuation"])) for request in requests]
"""


def use_broker(url: str) -> None:
    """Send messages of this process there from now on; Celery keeps its first connections otherwise."""
    app.conf.broker_url = url
    app._pool = app.amqp._producer_pool = None


@pytest.fixture(autouse=True)
def _broker_in_memory() -> Iterator[None]:
    """Wake-ups go to a broker inside the process: what is tested is that the database alone suffices."""
    before = app.conf.broker_url
    use_broker("memory://")
    yield
    use_broker(before)


def code_manifest(name: str = "Constant") -> dict[str, Any]:
    """A manifest of kind code."""
    return {"schema": "submission/1", "kind": "code", "method": {"name": name}, "code": {"entry": "model.py:Model"}}


def packed(files: Mapping[str, str]) -> bytes:
    """The files as a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # without a time: the same files give the same digest
    return out.getvalue()


@pytest.fixture
def make_acquisition(db: None, tmp_path: Path) -> Callable[..., SuiteVersion]:
    """`make_acquisition(phase, key=…, words=…)`: a suite over checkpoints; word i is learnt in month 10 + i."""

    def make(phase: Phase, *, key: str = "acquisition", words: int = 6, position: int = 0) -> SuiteVersion:
        folder = tmp_path / "suites" / key
        values = {
            "schema": "suite/1", "key": key, "title": f"The suite {key}", "version": "1", "task": "acquisition",
            "metric": "pearson", "range": [-1, 1], "direction": "higher", "license": "CC0-1.0",
            "options": {"vocabulary": 1000, "least_words": 3},
        }  # fmt: skip
        items: list[Any] = [
            {"id": f"word/{number}", "word": f" word{number}", "contexts": ["A", "The"],
             "split": "dev" if number < 2 else "private"}
            for number in range(words)
        ]  # fmt: skip
        gold: list[Any] = [
            {"id": f"word/{number}", "months": [9.5 + number, 10.5 + number], "known": [0.0, 1.0]}
            for number in range(words)
        ]
        manifest = SuiteManifest.from_value(values, file="suite.yaml")
        write_suite(folder, manifest, items, gold, readme="Made for a test.\n")
        version = suites.freeze(version=suites.add_version(folder=folder))
        PhaseSuite.objects.create(
            phase=phase, suite_version=version, splits=["dev", "private"], checkpoints="all", position=position
        )
        return version

    return make


@pytest.fixture
def make_accepted(make_registration: Callable[..., Registration]) -> Callable[..., Submission]:
    """`make_accepted(*phases, registration=None, manifest=None)`: accepted, charged, and never unpacked anywhere.

    With `rehearses`, what it was charged is only reserved: on hidden data it rehearses first.
    """

    def make(
        *phases: Phase, registration: Registration | None = None, manifest: dict[str, Any] | None = None,
        salt: str = "", rehearses: bool = False,
    ) -> Submission:  # fmt: skip
        registration = registration or make_registration(challenge=phases[0].track.challenge)
        number = registration.submissions.count() + 1
        document = SubmissionManifest.from_value(manifest or code_manifest(), file="submission.yaml")
        content = f"{registration.pk} {salt or number}".encode()
        digest = hashlib.sha256(content).hexdigest()
        artifact = Artifact.objects.filter(digest=digest).first() or Artifact.objects.create(
            digest=digest, size=len(content), storage_name=storages["artifacts"].save(digest, ContentFile(content))
        )
        submission = Submission.objects.create(
            registration=registration, number=number, name=document.method.name, kind=document.kind, artifact=artifact,
            manifest=document.to_value(), digest=submission_digest(digest, document),
            state=Submission.State.ACCEPTED, submitted_by=registration.created_by,
        )  # fmt: skip
        for phase in phases:
            entry, _ = Entry.objects.get_or_create(submission=submission, track=phase.track)
            state = QuotaCharge.State.RESERVED if rehearses else QuotaCharge.State.SETTLED
            QuotaCharge.objects.create(registration=registration, phase=phase, entry=entry, state=state)
        return submission

    return make


@pytest.fixture
def make_run(make_accepted: Callable[..., Submission]) -> Callable[..., Run]:
    """`make_run(phase, **like make_accepted)`: a queued run; the track's image must be named by its digest."""

    def make(phase: Phase, **fields: Any) -> Run:
        (run,) = services.plan(make_accepted(phase, **fields))
        return run

    return make


@pytest.fixture
def hand_in(make_registration: Callable[..., Registration]) -> Iterator[Callable[..., Submission]]:
    """`hand_in(phase, files, manifest=…, registration=None)`: through upload, submit and the check in the sandbox.

    It goes to the phase's own data at once; with `rehearses`, on hidden data, after its rehearsal as hand-ins do.
    """
    made: list[Submission] = []

    def make(
        *phases: Phase, files: Mapping[str, str], manifest: dict[str, Any] | None = None,
        registration: Registration | None = None, rehearses: bool = False,
    ) -> Submission:  # fmt: skip
        registration = registration or make_registration(challenge=phases[0].track.challenge)
        user: User = registration.created_by
        content = packed({"submission.yaml": yaml.safe_dump(manifest or code_manifest()), **files})
        upload = store_whole(
            user=user, challenge=phases[0].track.challenge, filename="it.zip", size=len(content), chunks=[content]
        )
        submission = submit(registration=registration, phases=phases, upload=upload, manifest=None, user=user)
        submission = checks.check(submission=submission)
        made.append(submission)
        assert submission.state == Submission.State.ACCEPTED, submission.problems
        if not rehearses:
            quota.settle(entries=list(submission.entries.all()))
        return submission

    yield make
    for submission in made:
        engine.sandbox().remove_volume(engine.volume_of(submission))
