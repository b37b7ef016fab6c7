"""The check of a hand-in: unpacked in a container of ours, its manifest read, its files compared with its kind."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from django.db import transaction
from django.utils import timezone

from challenges.models import Track
from config.queue import enqueue
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.submission import MANIFEST_NAME, SubmissionManifest
from sandbox.errors import VolumeBusy
from sandbox.interface import IntakeReport, IntakeRules
from submissions import quota, rehearsals
from submissions.corpora import corpora_problems
from submissions.engine import labels, sandbox, volume_of
from submissions.errors import SubmissionLost
from submissions.hub import fetching
from submissions.hub.archives import archive_of, archive_size, awaits_files, from_hub
from submissions.manifests import check_against_tracks
from submissions.measuring import measure_checked
from submissions.models import Entry, Submission
from submissions.services import submission_digest

# Texts shrink to a tenth when they are packed, weights hardly at all.
UNPACKED_FACTOR = 4
UNPACKED_LEAST = 512 * 1024**2
# A manifest may hold tens of thousands of faults; the first few are enough to mend it by.
MAX_PROBLEMS = 50
BUSY_SECONDS = 0.1  # between two looks whether another worker has unpacked a submission


@dataclass(frozen=True)
class Allowed:
    """What every track that a submission enters takes beside plain files and safetensors."""

    code: bool = False
    convert_weights: bool = False
    remote_code: bool = False

    @classmethod
    def by(cls, tracks: Sequence[Track]) -> "Allowed":
        """What all of the tracks allow."""
        return cls(
            code=all("code" in track.kinds for track in tracks),
            convert_weights=all(track.convert_weights for track in tracks),
            remote_code=all(track.remote_code for track in tracks),
        )


def check(*, submission: Submission) -> Submission:
    """Accept or reject what was received; safe to run twice. Raises SandboxError, and then nothing has changed."""
    if submission.state != Submission.State.RECEIVED:
        return submission
    if awaits_files(submission):
        enqueue("submissions.fetch", str(submission.pk))
        return submission
    entries = list(submission.entries.select_related("track", "submission"))
    try:
        manifest, report = _examine(submission, [entry.track for entry in entries])
    except ProblemsFound as error:
        sandbox().remove_volume(volume_of(submission))
        _reject(submission, entries, error.problems)
    else:
        _accept(submission, entries, manifest, report)
    submission.refresh_from_db()
    if submission.state == Submission.State.ACCEPTED:
        measure_checked(submission)
    return submission


def fetch(*, submission: Submission) -> Submission:
    """Fetch the files of a hand-in from a hub, which is checked once they are there; safe to run twice.

    What the team has to mend rejects it; what passes is noted, and tried again later.
    """
    try:
        fetching.fetch(submission)
    except ProblemsFound as error:
        fetching.forget_parts(submission)
        _reject(submission, list(submission.entries.select_related("track", "submission")), error.problems)
    submission.refresh_from_db()
    return submission


def _examine(submission: Submission, tracks: Sequence[Track]) -> tuple[SubmissionManifest, IntakeReport]:
    """Unpack the artifact and compare it with its manifest and the tracks' rules; raises ProblemsFound."""
    given = SubmissionManifest.from_value(submission.manifest, file=MANIFEST_NAME) if submission.manifest else None
    allowed = Allowed.by(tracks)
    rules = rules_of(submission, given, allowed)
    report = _taken(unpack(submission, rules))
    manifest = _manifest(given, report)
    if given is None:
        # A manifest inside the archive says only now what else may be in it.
        strict = replace(rules_of(submission, manifest, allowed), single_file=None)
        report = report if strict == rules else _taken(unpack(submission, strict))
    problems = check_against_tracks(manifest, tracks)
    if manifest.model is not None and manifest.model.source is not None and not from_hub(submission):
        message = "the manifest says that the model is on a hub, and there is an archive as well"
        remedy = "Leave `source` out, or hand in from the hub: on the form, in place of a file."
        problems.append(Problem("E-HUB-SOURCE", message, MANIFEST_NAME, field="model.source", remedy=remedy))
    paths = [file.path for file in report.files]
    problems += required_files(manifest, paths, own_tokenizer=allowed.remote_code)
    problems += corpora_problems(manifest, {file.path: file.size for file in report.files}, _reader(submission))
    if problems:
        raise ProblemsFound(problems)
    return manifest, report


def _reader(submission: Submission) -> Callable[[str, int], bytes]:
    """Reads a file of the submission as it was unpacked, of so many bytes at most."""
    volume, marked = volume_of(submission), labels(submission=str(submission.pk))
    return lambda path, most: sandbox().read_file(volume, path, max_bytes=most, labels=marked)


def _taken(report: IntakeReport) -> IntakeReport:
    """The report where the archive was taken in; raises ProblemsFound where it was refused."""
    if report.ok:
        return report
    found = [Problem(item.code, item.message, item.file, remedy=item.remedy) for item in report.problems]
    raise ProblemsFound(found)


def rules_of(submission: Submission, manifest: SubmissionManifest | None, allowed: Allowed) -> IntakeRules:
    """What the artifact may hold, by its kind; where that stands inside it, enough to read its manifest."""
    model = manifest is not None and manifest.model is not None
    code = allowed.code and manifest is not None and manifest.kind == "code"
    first_look = manifest is None and (allowed.code or allowed.convert_weights or allowed.remote_code)
    return IntakeRules(
        max_bytes=max(1, archive_size(submission)),
        max_unpacked_bytes=max(UNPACKED_LEAST, submission.artifact.size * UNPACKED_FACTOR),
        allow_pickle=code or first_look,
        allow_auto_map=code or first_look or (model and allowed.remote_code),
        convert_weights=model and allowed.convert_weights,
        single_file=manifest.predictions.file if manifest is not None and manifest.predictions is not None else None,
    )


def unpack(submission: Submission, rules: IntakeRules) -> IntakeReport:
    """Take the artifact in, into the submission's volume on this host."""
    with archive_of(submission) as file:
        return sandbox().intake(
            file,
            volume=volume_of(submission),
            rules=rules,
            labels=labels(submission=str(submission.pk)),
        )


def restore(submission: Submission, *, check: Callable[[], None] = lambda: None) -> str:
    """The submission's volume on this host, unpacked again where it is not there; returns its name.

    Where another worker is unpacking it, this waits for the end of that; `check` ends the wait by raising. Raises
    SubmissionLost where its files are not, to the bit, those that were accepted; SandboxError.
    """
    while True:
        try:
            return _restored(submission)
        except VolumeBusy:
            # An intake ends by its own deadline, and one whose worker died counts as gone soon after.
            check()
            threading.Event().wait(BUSY_SECONDS)


def _restored(submission: Submission) -> str:
    volume = volume_of(submission)
    if not sandbox().has_volume(volume):
        manifest = SubmissionManifest.from_value(submission.manifest, file=MANIFEST_NAME)
        # What was accepted was accepted: tracks that have changed their rules since change nothing here.
        allowed = Allowed(code=True, convert_weights=bool(submission.conversion), remote_code=True)
        report = unpack(submission, rules_of(submission, manifest, allowed))
        if not report.ok:
            raise SubmissionLost(f"Submission {submission.pk} can't be unpacked any more: {report.problems[0].code}.")
        if _digests(asdict(file) for file in report.files) != _digests(submission.files):
            sandbox().remove_volume(volume)
            raise SubmissionLost(f"Submission {submission.pk} does not unpack to the files that were accepted.")
    return volume


def _digests(files: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {file["path"]: file["sha256"] for file in files}


def _manifest(given: SubmissionManifest | None, report: IntakeReport) -> SubmissionManifest:
    """The one manifest: of the form, of the archive, or of both where they agree; raises ProblemsFound."""
    if report.manifest_text is None:
        if given is not None:
            return _without_folder(given, report.stripped_folder)
        remedy = "Add it at the top of the archive, or fill in the form instead."
        raise ProblemsFound([Problem("E-SUB-MANIFEST", f"the archive has no {MANIFEST_NAME}", remedy=remedy)])
    inside = SubmissionManifest.from_yaml(report.manifest_text, file=MANIFEST_NAME)
    if given is not None and given != inside:
        one, other = given.to_value(), inside.to_value()
        field = next((name for name in sorted({*one, *other}) if one.get(name) != other.get(name)), "")
        message = f"the form and {MANIFEST_NAME} do not agree"
        remedy = f"Choose “my archive holds {MANIFEST_NAME}” on the form, or remove it from the archive."
        raise ProblemsFound([Problem("E-SUB-TWO", message, MANIFEST_NAME, field=field, remedy=remedy)])
    return inside


def _without_folder(manifest: SubmissionManifest, folder: str | None) -> SubmissionManifest:
    """The manifest as it reads once intake has taken away the one folder that held everything."""
    if folder is None:
        return manifest

    def within(path: str) -> str:
        parts = PurePosixPath(path)
        return str(parts.relative_to(folder)) if parts.parts[:1] == (folder,) else path

    changed: dict[str, Any] = {
        field: tuple(one.model_copy(update={"path": within(one.path)}) for one in getattr(manifest, field))
        for field in ("checkpoints", "train_seeds")
    }
    if manifest.model is not None:
        changed["model"] = manifest.model.model_copy(update={"path": within(manifest.model.path)})
    if manifest.data is not None:
        named = {"manifest": manifest.data.manifest, "corpus": manifest.data.corpus}
        moved = {field: within(path) for field, path in named.items() if path is not None}
        changed["data"] = manifest.data.model_copy(update=moved)
    return manifest.model_copy(update=changed)


def required_files(manifest: SubmissionManifest, paths: Sequence[str], *, own_tokenizer: bool = False) -> list[Problem]:
    """What a hand-in of this kind must hold and does not; a tokenizer of its own kind has files of any name."""
    there = set(paths)
    folders = [one.path for one in manifest.checkpoints] + [one.path for one in manifest.train_seeds]
    model: list[Problem] = []
    if manifest.model is not None:
        roots = dict.fromkeys([manifest.model.path, *folders])
        model = [problem for root in roots for problem in _model_files(root, there, own_tokenizer=own_tokenizer)]
    if manifest.code is not None:
        file = manifest.code.entry.partition(":")[0]
        problems = [] if file in there else [_missing(file, "", f"`code.entry` is {manifest.code.entry}.")]
        empty = [folder for folder in dict.fromkeys(folders) if not _inside(folder, there)]
        return problems + [_missing(folder, "", "The manifest names this folder.") for folder in empty]
    if manifest.predictions is not None:
        file = manifest.predictions.file
        return model + ([] if file in there else [_missing(file, "", "`predictions.file` names it.")])
    return model


def _missing(file: str, why: str, remedy: str) -> Problem:
    return Problem("E-SUB-FILE", f"the archive has no {file}{why}", file, remedy=remedy)


def _inside(folder: str, there: Iterable[str]) -> set[str]:
    """The files in a folder, as they are called from there."""
    root = PurePosixPath(folder)
    return {str(PurePosixPath(path).relative_to(root)) for path in there if PurePosixPath(path).is_relative_to(root)}


def _model_files(folder: str, there: Iterable[str], *, own_tokenizer: bool) -> list[Problem]:
    """What keeps a folder from being a model, each checkpoint being one."""
    inside = _inside(folder, there)
    problems = []
    where = "" if folder == "." else f" in {folder}/"
    if "config.json" not in inside:
        problems.append(_missing("config.json", where, "Save the model with save_pretrained()."))
    if not any(path.endswith(".safetensors") for path in inside):
        problems.append(_missing("*.safetensors", where, "Save with save_pretrained(safe_serialization=True)."))
    tokenizers = {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"}
    if not inside & (tokenizers | ({"tokenizer_config.json"} if own_tokenizer else set())):
        problems.append(
            _missing("tokenizer.json", where, "Save the tokenizer beside the model: tokenizer.save_pretrained().")
        )
    return problems


def _accept(submission: Submission, entries: list[Entry], manifest: SubmissionManifest, report: IntakeReport) -> None:
    with transaction.atomic():
        changed = Submission.objects.filter(pk=submission.pk, state=Submission.State.RECEIVED).update(
            state=Submission.State.ACCEPTED,
            checked_at=timezone.now(),
            manifest=manifest.to_value() | {"schema": "submission/1"},
            kind=manifest.kind,
            name=manifest.method.name,
            digest=submission_digest(submission.artifact.digest, manifest),
            files=[asdict(file) for file in report.files],
            conversion=asdict(report.conversion) if report.conversion else {},
        )
        if changed:
            rehearsals.settle_unrehearsed(entries=entries, kind=manifest.kind)
            enqueue("evaluations.plan", str(submission.pk))


def _reject(submission: Submission, entries: list[Entry], problems: Sequence[Problem]) -> None:
    with transaction.atomic():
        changed = Submission.objects.filter(pk=submission.pk, state=Submission.State.RECEIVED).update(
            state=Submission.State.REJECTED,
            checked_at=timezone.now(),
            problems=[asdict(problem) for problem in problems[:MAX_PROBLEMS]],
        )
        if changed:
            for entry in entries:
                quota.release(entry=entry, reason=f"rejected: {problems[0].code}")
