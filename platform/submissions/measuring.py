"""Reading the size of a submission's model from the headers of its weights, as they were unpacked."""

import logging
from pathlib import PurePosixPath

from django.db import IntegrityError, transaction

from evaluators.protocol.submission import SubmissionManifest
from evaluators.weights import WeightCounts, count_weights, header_length, together
from sandbox.errors import SandboxError
from submissions.engine import labels, sandbox, volume_of
from submissions.models import Submission, WeightFacts

logger = logging.getLogger(__name__)

SUFFIX = ".safetensors"
FIRST_LOOK = 512 * 1024  # bytes of a file; most headers are shorter
MOST_FILES = 100


def weight_files(submission: Submission) -> list[str]:
    """The safetensors files of the finished model: those in its folder; of code, all outside other checkpoints."""
    if not submission.manifest:
        return []
    manifest = SubmissionManifest.from_value(submission.manifest, file="submission.yaml")
    paths = [file["path"] for file in submission.files if file["path"].endswith(SUFFIX)]
    if manifest.model is not None:
        folder = PurePosixPath(manifest.model.path)
        return [path for path in paths if PurePosixPath(path).parent == folder]
    if manifest.code is None:
        return []
    others = [one.path for one in manifest.checkpoints] + [one.path for one in manifest.train_seeds]
    return [path for path in paths if not any(PurePosixPath(path).is_relative_to(other) for other in others)]


def measure(submission: Submission) -> WeightFacts | None:
    """Read and record the facts where there are none yet; None where there are no weights to read them from.

    The submission has to be unpacked on this host. Raises SandboxError, FileNotFoundError.
    """
    there = WeightFacts.objects.filter(submission=submission).first()
    paths = weight_files(submission)
    if there is not None or not paths or len(paths) > MOST_FILES:
        return there
    try:
        counts = together(_counts(submission, paths))
    except ValueError as error:
        logger.info("The weights of submission %s are not counted: %s", submission.pk, error)
        return None
    sizes = {file["path"]: file["size"] for file in submission.files}
    try:
        with transaction.atomic():
            return WeightFacts.objects.create(
                submission=submission, parameters=counts.parameters, embeddings=counts.embeddings,
                tensors=counts.tensors, dtypes=dict(counts.dtypes), size=sum(sizes[path] for path in paths),
                files=len(paths),
            )  # fmt: skip
    except IntegrityError:
        return WeightFacts.objects.get(submission=submission)  # another worker was as quick


def measure_checked(submission: Submission) -> None:
    """The same right after the check; facts that can't be read now can be read later, and nobody waits for them."""
    try:
        measure(submission)
    except (SandboxError, FileNotFoundError) as error:
        logger.warning("The weights of submission %s are not counted yet: %s", submission.pk, error)


def _counts(submission: Submission, paths: list[str]) -> list[WeightCounts]:
    volume, marked = volume_of(submission), labels(submission=str(submission.pk))
    heads = sandbox().read_heads(volume, paths, size=FIRST_LOOK, labels=marked)
    for path, head in list(heads.items()):
        length = header_length(head)
        if length > len(head):
            heads |= sandbox().read_heads(volume, [path], size=length, labels=marked)
    return [count_weights(heads[path]) for path in paths]
