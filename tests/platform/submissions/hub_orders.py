"""What tests of hand-ins from a hub share: a small model, its manifest, and what became of it."""

from collections.abc import Callable
from typing import Any

from django.core.files.storage import storages
from django.utils import timezone

from challenges.models import Track
from evaluators.protocol.submission import SubmissionManifest
from submissions import checks
from submissions.models import Artifact, HubFetch, Submission

from .hub_server import Fault, Handler, tensors

REPO = "owls/tiny"
FILES = {
    "config.json": b'{"model_type": "gpt2"}',
    "tokenizer.json": b"{}",
    "model.safetensors": tensors(),
    "README.md": b"# A model",
    "training_args.bin": b"pickled",
    "logs/events.json": b"{}",
}
TAKEN = ["config.json", "model.safetensors", "tokenizer.json"]
HandIn = Callable[..., Submission]


def from_hub(revision: str = "main", repo: str = REPO, **changes: Any) -> SubmissionManifest:
    part = {"backend": "causal", "source": f"hf://{repo}@{revision}"}
    value = {"schema": "submission/1", "kind": "model", "method": {"name": "Owl"}, "model": part, **changes}
    return SubmissionManifest.from_value(value, file="submission.yaml")


def answering(status: int, body: bytes = b"", **headers: str) -> Fault:
    def fault(handler: Handler) -> bool:
        handler.plain(status, body, **headers)
        return True

    return fault


def paths(submission: Submission) -> list[str]:
    return list(submission.stored_files.values_list("path", flat=True))


def stored(artifact: Artifact) -> bytes:
    with storages["artifacts"].open(artifact.storage_name) as file:
        return bytes(file.read())


def codes(submission: Submission) -> list[str]:
    return [problem["code"] for problem in submission.problems]


def a_track_of(submission: Submission) -> Track:
    return submission.entries.get().track


def again(submission: Submission) -> Submission:
    """What the sweeper does once the wait is over."""
    HubFetch.objects.filter(submission=submission).update(not_before=timezone.now())
    return checks.fetch(submission=submission)
