"""What teams answered to the questions about their methods, as it stands now; the newest answer of a key holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from challenges.models import Track
from challenges.selectors import is_organizer, metadata_deadline
from evaluators.protocol.questions import BY_DEADLINE, Question, Required, fault_of, in_words, is_empty
from evaluators.protocol.submission import SubmissionManifest
from submissions.manifests import questions_of
from submissions.models import Entry, MethodAnswer, Submission

# How many submissions one query asks for: databases bound the values of a statement.
CHUNK = 5_000
GONE = (Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED)


def current_answers(submissions: Iterable[Submission]) -> dict[UUID, dict[str, Any]]:
    """The answers of each submission by question, without empty ones; one query for each 5,000 submissions.

    `approaches` and `backbone` are those of the manifest's method where no question of that key was answered.
    """
    rows = list(submissions)
    later = _later([submission.pk for submission in rows])
    return {submission.pk: _merged(submission.manifest, later.get(submission.pk, {})) for submission in rows}


def _later(pks: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """The newest later answer of each key, None where it was taken back."""
    found: dict[UUID, dict[str, Any]] = {}
    for start in range(0, len(pks), CHUNK):
        rows = MethodAnswer.objects.filter(submission__in=pks[start : start + CHUNK]).order_by("pk")
        for submission, key, value in rows.values_list("submission", "key", "value"):
            found.setdefault(submission, {})[key] = value
    return found


def _merged(manifest: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    method = manifest.get("method") or {}
    told = {name: method[name] for name in ("approaches", "backbone") if not is_empty(method.get(name))}
    answers = {**told, **(manifest.get("answers") or {}), **later}
    return {key: value for key, value in answers.items() if not is_empty(value)}


def manifest_now(submission: Submission) -> SubmissionManifest:
    """The submission's manifest with the answers that hold now; what was handed in stays as it was."""
    manifest = SubmissionManifest.from_value(submission.manifest, file="submission.yaml")
    later = _later([submission.pk]).get(submission.pk, {})
    answers = {**manifest.answers, **later}
    return manifest.model_copy(update={"answers": {key: value for key, value in answers.items() if value is not None}})


@dataclass(frozen=True)
class Asked:
    """A question that a submission is asked, by which tracks, until when, and its answer, None where there is none."""

    question: Question
    tracks: tuple[Track, ...]
    required: Required
    until: datetime | None
    answer: Any = None

    @property
    def words(self) -> str:
        """The answer as people read it."""
        return in_words(self.answer)

    @property
    def is_empty(self) -> bool:
        """Whether it is not answered."""
        return self.answer is None

    @property
    def is_due(self) -> bool:
        """Whether it has to be answered, and is not."""
        return self.is_empty and self.required is not False

    @property
    def is_open(self) -> bool:
        """Whether the team may still answer it."""
        return self.until is None or timezone.now() < self.until


def asked(submission: Submission) -> list[Asked]:
    """What the tracks in which the submission stands ask, each question once, with the answers that hold now.

    A question of several tracks is open until the last of their deadlines.
    """
    entries = submission.entries.exclude(status__in=GONE).select_related("track__challenge")
    sheets = [_sheet(entry.track) for entry in entries.prefetch_related("track__phases")]
    return _filled_in(sheets, current_answers([submission])[submission.pk])


class _Sheet(NamedTuple):
    """What a track asks, and until when."""

    track: Track
    questions: tuple[Question, ...]
    until: datetime | None


def _sheet(track: Track) -> _Sheet:
    return _Sheet(track, tuple(questions_of(track)), metadata_deadline(track))


def _filled_in(sheets: Sequence[_Sheet], answers: Mapping[str, Any]) -> list[Asked]:
    asking: dict[str, list[tuple[_Sheet, Question]]] = {}
    for sheet in sheets:
        for question in sheet.questions:
            asking.setdefault(question.key, []).append((sheet, question))
    return [_asked(pairs, answers) for pairs in asking.values()]


def _asked(pairs: Sequence[tuple[_Sheet, Question]], answers: Mapping[str, Any]) -> Asked:
    question = pairs[0][1]
    ends = [sheet.until for sheet, _ in pairs]
    required = {one.required for _, one in pairs}
    answer = answers.get(question.key)
    if question.key in ("approaches", "backbone") and fault_of(answer, question):
        answer = None  # what the manifest said freely is no answer to a question that offers something else
    return Asked(
        question=question,
        tracks=tuple(sheet.track for sheet, _ in pairs),
        required=True if True in required else BY_DEADLINE if BY_DEADLINE in required else False,
        until=None if None in ends else max(end for end in ends if end is not None),
        answer=answer,
    )


@dataclass(frozen=True)
class Step:
    """An answer that was given: when, by whom, what stood there before; the manifest's is the first."""

    question: str
    at: datetime
    by: str
    value: str
    previous: str
    reason: str = ""


def history(submission: Submission) -> list[Step]:
    """Everything that was answered, the newest first; for the team, the organizers and the reviewers. One query."""
    rows = submission.method_answers.select_related("changed_by").order_by("-pk")
    steps = [
        Step(row.key, row.changed_at, str(row.changed_by), in_words(row.value), in_words(row.previous), row.reason)
        for row in rows
    ]
    first = {key: value for key, value in (submission.manifest.get("answers") or {}).items() if not is_empty(value)}
    who = str(submission.submitted_by)
    return steps + [Step(key, submission.created_at, who, in_words(value), "") for key, value in first.items()]


@dataclass(frozen=True)
class EntryLine:
    """How far an entry's questions are answered."""

    entry: Entry
    asked: tuple[Asked, ...]

    @property
    def submission(self) -> Submission:
        """What was entered."""
        return self.entry.submission

    @property
    def answered(self) -> int:
        """How many questions have an answer."""
        return sum(not one.is_empty for one in self.asked)

    @property
    def empty(self) -> tuple[Question, ...]:
        """The questions without an answer."""
        return tuple(one.question for one in self.asked if one.is_empty)

    @property
    def due(self) -> tuple[Question, ...]:
        """Those of them that have to be answered."""
        return tuple(one.question for one in self.asked if one.is_due)


@dataclass(frozen=True)
class Completeness:
    """A track's questions, until when they are open, and each entry that stands, by the team's name and number."""

    track: Track
    questions: tuple[Question, ...]
    until: datetime | None
    lines: tuple[EntryLine, ...]

    @property
    def is_open(self) -> bool:
        """Whether teams may still answer."""
        return self.until is None or timezone.now() < self.until

    @property
    def empty(self) -> int:
        """How many answers are missing in all."""
        return sum(len(line.empty) for line in self.lines)

    @property
    def due(self) -> int:
        """How many of them have to be given."""
        return sum(len(line.due) for line in self.lines)


def completeness(track: Track) -> Completeness:
    """How far the track's accepted, standing entries are answered; three queries, however many there are."""
    entries = list(
        track.entries.filter(submission__state=Submission.State.ACCEPTED)
        .exclude(status__in=GONE)
        .select_related("submission__registration__team")
        .order_by("submission__registration__team__name", "submission__number")
    )
    answers = current_answers(entry.submission for entry in entries)
    sheet = _sheet(track)
    lines = tuple(EntryLine(entry, tuple(_filled_in([sheet], answers[entry.submission_id]))) for entry in entries)
    return Completeness(track, sheet.questions, sheet.until, lines)


@dataclass(frozen=True)
class Rights:
    """What a person may do with a submission's answers; who may read them, `visible_submissions` says."""

    member: bool
    organizer: bool

    def may_answer(self, one: Asked) -> bool:
        """Members until the deadline, organizers at any time with a reason."""
        return self.organizer or (self.member and one.is_open)

    def needs_reason(self, one: Asked) -> bool:
        """Whether it is an organizer who changes what is not theirs to answer, or not any more."""
        return not (self.member and one.is_open)


def rights(user: User, submission: Submission) -> Rights:
    """As what the person comes to the submission."""
    registration = submission.registration
    member = registration.team.memberships.filter(user=user).exists()
    return Rights(member, is_organizer(user, registration.challenge))
