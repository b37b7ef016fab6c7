"""What a hand-in was, as the archive that intake takes: its own file, or its stored files as one tar."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from django.core.files.storage import storages

from submissions.hub.tarring import Member, TarOf
from submissions.models import HubFetch, Submission


def from_hub(submission: Submission) -> bool:
    """Whether the submission's files come from a hub, and no archive was handed in."""
    return HubFetch.objects.filter(submission=submission).exists()


def awaits_files(submission: Submission) -> bool:
    """Whether files of it are still to be fetched."""
    return HubFetch.objects.filter(submission=submission, complete=False).exists()


@contextmanager
def archive_of(submission: Submission) -> Iterator[BinaryIO]:
    """The archive, seekable."""
    if from_hub(submission):
        with tar_of(submission) as tar:
            yield cast("BinaryIO", tar)
    else:
        with _opened(submission.artifact.storage_name) as file:
            yield file


def archive_size(submission: Submission) -> int:
    """How many bytes the archive has."""
    return tar_of(submission).size if from_hub(submission) else submission.artifact.size


def tar_of(submission: Submission) -> TarOf:
    """The tar of a submission's stored files, in the order of their paths."""
    rows = submission.stored_files.order_by("path").values_list("path", "artifact__size", "artifact__storage_name")
    return TarOf([Member(*row) for row in rows], _opened)


def _opened(name: str) -> BinaryIO:
    return cast("BinaryIO", storages["artifacts"].open(name).file)
