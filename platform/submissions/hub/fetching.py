"""Fetching the files of a hand-in: frozen first, then one after another, each kept as soon as it is whole.

One worker at a time has the claim, as a lease that it renews; what a killed one leaves, the next goes on with.
"""

import errno
import hashlib
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from challenges.models import Track
from config.queue import enqueue
from evaluators.protocol.documents import canonical_json
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.submission import MANIFEST_NAME, SOURCE, WORDS_IN_NAME, Checkpoint, SubmissionManifest
from submissions import checkpoint_rules
from submissions.hub.downloading import Digests, WrongBytes, digests_of, discard, download
from submissions.hub.errors import ClaimLost, HubAway, TurnOver
from submissions.hub.listing import MAIN, MOST_FILES, RemoteFile, Takes, branches_of, commit_of, files_of
from submissions.hub.network import Web
from submissions.models import Artifact, HubFetch, Submission, SubmissionFile
from submissions.uploads import forget, keep, keep_document

logger = logging.getLogger(__name__)
LEFT_AFTER = 3 * 24 * 3600.0  # seconds until what a fetch left on a host is nobody's any more


def hub() -> Web:
    """The hub that the settings name."""
    return Web(settings.HUB_HOSTS, loopback=settings.HUB_LOOPBACK)


def fetch(submission: Submission) -> bool:
    """Fetch what is still missing; says whether everything is there now.

    Safe to run twice, and twice at once. Raises ProblemsFound where the team has to mend something. Whatever passes
    is noted, shown to the team, and tried again later.
    """
    claim = _claim(submission)
    if claim is None:
        return False
    beat = _Beat(submission, claim)
    later: dict[str, object] = {"failures": 0, "told": ""}
    try:
        with hub() as web, _disk_watched():
            _Fetch(submission, web, beat).run()
    except HubAway as error:
        later = _after_failure(submission, error)
    except TurnOver:
        enqueue("submissions.fetch", str(submission.pk))
    except ClaimLost:
        return False
    finally:
        HubFetch.objects.filter(submission=submission, claim=claim).update(
            **{"claim": None, "not_before": timezone.now(), **later}
        )
    return HubFetch.objects.filter(submission=submission, complete=True).exists()


def _claim(submission: Submission) -> UUID | None:
    """Take the work for as long as a lease lasts; None where another worker has it, or it has to wait."""
    now, claim = timezone.now(), uuid4()
    if HubFetch.objects.filter(claim__isnull=False, not_before__gt=now).count() >= settings.HUB_AT_ONCE:
        return None
    free = HubFetch.objects.filter(submission=submission, complete=False, not_before__lte=now)
    open_still = free.filter(submission__state=Submission.State.RECEIVED)
    taken = open_still.update(claim=claim, not_before=now + timedelta(seconds=settings.LEASE_SECONDS))
    return claim if taken else None


def _after_failure(submission: Submission, error: HubAway) -> dict[str, object]:
    """When to try again, and what to tell the team; raises ProblemsFound once it has been tried for long enough."""
    fetching = HubFetch.objects.get(submission=submission)
    now = timezone.now()
    if now - fetching.created_at > timedelta(hours=settings.HUB_GIVE_UP_HOURS):
        message = f"the files could not be fetched in {settings.HUB_GIVE_UP_HOURS:g} hours: {error}"
        remedy = "Nothing was charged. Hand in again once the hub answers, or hand in an archive."
        raise ProblemsFound([Problem("E-HUB-AWAY", message, field="model.source", remedy=remedy)]) from error
    back_off = settings.BACK_OFF_SECONDS * 2 ** min(fetching.failures, 20)
    seconds = error.after if error.after is not None else min(back_off, settings.MOST_BACK_OFF_SECONDS)
    again = now + timedelta(seconds=seconds)
    logger.warning("Submission %s is not fetched yet: %s.", submission.pk, error)
    sentence = str(error)
    told = f"{sentence[:1].upper()}{sentence[1:]}. We try again at {again:%H:%M} UTC; nothing is charged."
    return {"failures": fetching.failures + 1, "not_before": again, "told": told[:300]}


@contextmanager
def _disk_watched() -> Iterator[None]:
    """A full disk is ours, and passes."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise HubAway("the platform's disk is full") from error


class _Beat:
    """Renews the lease now and then, and ends the worker's turn; called while bytes arrive."""

    def __init__(self, submission: Submission, claim: UUID) -> None:
        self._rows = HubFetch.objects.filter(submission=submission, claim=claim)
        self._turn_ends = time.monotonic() + settings.HUB_TURN_SECONDS
        self._next = time.monotonic() + settings.HEARTBEAT_SECONDS

    def __call__(self) -> None:
        """Raises TurnOver, ClaimLost."""
        now = time.monotonic()
        if now > self._turn_ends:
            raise TurnOver
        if now >= self._next:
            self._next = now + settings.HEARTBEAT_SECONDS
            until = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
            if not self._rows.update(not_before=until):
                raise ClaimLost

    def note(self, **fields: object) -> None:
        """Write to the fetch's row while the claim is ours; raises ClaimLost."""
        if not self._rows.update(**fields):
            raise ClaimLost


def parts_of(submission: Submission) -> Path:
    """Where the bytes of files lie that are not whole yet, on this host."""
    folder = Path(settings.VAR) / "artifacts" / "hub" / str(submission.pk)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def forget_parts(submission: Submission) -> None:
    """Remove what was fetched and not kept, and what fetches that ended elsewhere left here long ago."""
    own = parts_of(submission)
    shutil.rmtree(own, ignore_errors=True)
    for left in own.parent.iterdir():
        if time.time() - left.stat().st_mtime > LEFT_AFTER:
            shutil.rmtree(left, ignore_errors=True)


class _Fetch:
    """One turn at one submission."""

    def __init__(self, submission: Submission, web: Web, beat: _Beat) -> None:
        self._submission = submission
        self._web = web
        self._beat = beat
        self._row = HubFetch.objects.get(submission=submission)
        self._tracks = [entry.track for entry in submission.entries.select_related("track")]
        self._manifest = SubmissionManifest.from_value(submission.manifest, file=MANIFEST_NAME)
        match = SOURCE.match(str(self._manifest.model.source if self._manifest.model else ""))
        assert match is not None  # noqa: S101 - the manifest's own rule
        self._repo, self._revision = match["repo"], match["revision"]

    def run(self) -> None:
        """Freeze, list, fetch, hand over to the check."""
        if not self._row.commits:
            self._freeze()
        if not self._row.listing:
            self._list()
        there = dict(self._submission.stored_files.values_list("path", "oid"))
        for value in self._row.listing:
            if value["path"] not in there:
                self._one(RemoteFile(**value))
        self._finish()

    def _freeze(self) -> None:
        """Find out what the revision and the checkpoints' branches stand for, once and for all."""
        commits = {MAIN: commit_of(self._web, self._repo, self._revision)}
        expected = dict.fromkeys(name for track in self._tracks for name in checkpoint_rules.expected(track))
        named = [one.name for one in self._manifest.checkpoints]
        # A branch says nothing but its name, so the words seen until then have to stand in it.
        wanted = named or [name for name in expected if WORDS_IN_NAME.match(name)]
        if wanted:
            branches = branches_of(self._web, self._repo)
            commits |= {name: branches[name] for name in wanted if name in branches}
        problems = [problem for track in self._tracks for problem in checkpoint_rules.missing(commits, track)]
        problems += checkpoint_rules.named_missing(named, commits)
        if problems:
            raise ProblemsFound(list(dict.fromkeys(problems)))
        manifest = frozen(self._manifest, self._repo, commits)
        with transaction.atomic():
            self._beat.note(commits=commits)
            Submission.objects.filter(pk=self._submission.pk).update(manifest=manifest.to_value())
        self._row.commits, self._manifest = commits, manifest

    def _list(self) -> None:
        """Say which files are to be had; raises ProblemsFound where they are too many or too large."""
        takes = Takes(
            pickled=all(track.convert_weights for track in self._tracks),
            code=all(track.remote_code for track in self._tracks),
        )
        listing: list[RemoteFile] = []
        for name, commit in self._row.commits.items():
            folder = "" if name == MAIN else checkpoint_folder(name)
            listing += files_of(self._web, self._repo, commit, folder=folder, takes=takes)
            self._beat()
            _check_size(listing, self._tracks)
        if not listing:
            remedy = "Save the model and its tokenizer at the top of the repository: push_to_hub() does."
            message = "the repository holds no files of a model at this revision"
            raise ProblemsFound([Problem("E-SUB-FILE", message, field="model.source", remedy=remedy)])
        self._row.listing = [asdict(file) for file in listing]
        self._beat.note(listing=self._row.listing)

    def _one(self, file: RemoteFile) -> None:
        """Keep one file: the bytes that the team has handed in before, or else the hub's."""
        self._beat()
        if file.oid and self._had_before(file):
            return
        part = parts_of(self._submission) / f"{hashlib.sha256(f'{file.commit} {file.name}'.encode()).hexdigest()}.part"
        digests = self._right_bytes(file, part)
        with transaction.atomic():
            artifact = keep(part, digests.sha256, file.size)
            self._note_file(file, artifact)
        discard(part)

    def _had_before(self, file: RemoteFile) -> bool:
        """Whether this team has fetched these very bytes already, for another checkpoint say."""
        own = SubmissionFile.objects.filter(submission__registration=self._submission.registration_id, oid=file.oid)
        with transaction.atomic():
            first = own.filter(artifact__size=file.size).first()
            if first is None:
                return False
            self._note_file(file, Artifact.objects.select_for_update().get(pk=first.artifact_id))
        return True

    def _note_file(self, file: RemoteFile, artifact: Artifact) -> None:
        SubmissionFile.objects.get_or_create(
            submission=self._submission, path=file.path, defaults={"artifact": artifact, "oid": file.oid}
        )

    def _right_bytes(self, file: RemoteFile, part: Path) -> Digests:
        """Fetch a file; what is wrong once is fetched anew, and what is wrong twice is refused."""
        url = f"{self._web.base}/{self._repo}/resolve/{file.commit}/{quote(file.name)}"
        for _ in range(2):
            try:
                download(self._web, url, part, size=file.size, beat=self._beat)
                digests = digests_of(part, self._beat)
                if digests.fit(file.oid):
                    return digests
                fault = "its digest is not the one that the hub names"
            except WrongBytes as error:
                fault = str(error)
            discard(part)
        remedy = "Push the file again and hand in the new commit, or hand in an archive."
        raise ProblemsFound([Problem("E-HUB-DIGEST", f"the file did not arrive as it should: {fault}", file.path,
                                     remedy=remedy)])  # fmt: skip

    def _finish(self) -> None:
        """Put the list of files in the place of an archive, and wake up the check."""
        files = list(self._submission.stored_files.select_related("artifact"))
        document = list_document(files)
        with transaction.atomic():
            self._beat.note(complete=True)
            ordered = Artifact.objects.get(pk=self._submission.artifact_id)
            artifact = keep_document(document, size=sum(file.artifact.size for file in files))
            Submission.objects.filter(pk=self._submission.pk).update(artifact=artifact)
            if ordered.pk != artifact.pk:
                forget(ordered)
            enqueue("submissions.check", str(self._submission.pk))
        forget_parts(self._submission)


def _check_size(listing: list[RemoteFile], tracks: list[Track]) -> None:
    size, track = sum(file.size for file in listing), min(tracks, key=lambda one: one.max_bytes)
    if size > track.max_bytes:
        message = f"the files have {size:,} bytes together; {track.title} takes {track.max_bytes:,}"
        remedy = "Leave out of the repository what a model does not need: optimizer states, duplicate weights."
        raise ProblemsFound([Problem("E-UP-SIZE", message, field="model.source", remedy=remedy)])
    if len(listing) > MOST_FILES:
        message = f"the repository has more than {MOST_FILES:,} files of a model"
        raise ProblemsFound([Problem("E-ARC-ENTRIES", message, field="model.source",
                                     remedy="Keep one model at the top of the repository.")])  # fmt: skip


def checkpoint_folder(name: str) -> str:
    """Where a checkpoint lies in the submission."""
    return f"checkpoints/{name}"


def frozen(manifest: SubmissionManifest, repo: str, commits: dict[str, str]) -> SubmissionManifest:
    """The manifest with the commit in the place of a branch, and the checkpoints that the hub has."""
    assert manifest.model is not None  # noqa: S101 - a source is part of it
    model = manifest.model.model_copy(update={"source": f"hf://{repo}@{commits[MAIN]}"})
    words = {one.name: one.words for one in manifest.checkpoints}
    checkpoints = [
        Checkpoint.model_validate(
            {"name": name, "path": checkpoint_folder(name)} | ({"words": words[name]} if name in words else {})
        )
        for name in commits if name != MAIN
    ]  # fmt: skip
    checkpoints.sort(key=lambda one: one.words)
    return manifest.model_copy(update={"model": model, "checkpoints": tuple(checkpoints)})


def list_document(files: list[SubmissionFile]) -> bytes:
    """The canonical list of a submission's files, from which its digest follows."""
    rows = [{"path": file.path, "sha256": file.artifact.digest, "size": file.artifact.size} for file in files]
    rows.sort(key=lambda row: str(row["path"]))
    return canonical_json({"schema": "files/1", "files": rows})
