"""The long layout: one row a score, with everything that it depends on."""

from operator import attrgetter
from typing import NamedTuple

from leaderboards.exports.cells import Field, Kind
from leaderboards.exports.columns import Column, integer, number, text


class RunLine(NamedTuple):
    """What all scores of a run have in common."""

    submission: str
    submission_id: str
    team: str
    track: str
    phase: str
    status: str
    kind: str
    submission_digest: str
    run_id: str
    finished_at: str
    declared_words: int | None = None
    declared_bytes: int | None = None
    declared_words_seen: int | None = None
    people: str = ""
    emails: str = ""
    # The image that the track was frozen to, and what it holds in words.
    image: tuple[str, str] = ("", "")


class ScoreLine(NamedTuple):
    """One score."""

    run: RunLine
    provenance: str
    suite: str
    suite_version: str
    selection: str
    checkpoint: str
    train_seed: int | None
    metric: str
    group: str
    tag: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    asked: int | None
    answered: int | None
    suite_digest: str
    responses_digest: str
    image_id: str
    evaluator: str
    stands: bool

    @property
    def coverage(self) -> float | None:
        """Items answered over items asked; None where neither is known."""
        if self.asked is None or self.answered is None:
            return None
        return self.answered / self.asked if self.asked else 0.0

    @property
    def image_versions(self) -> str:
        """What the image holds, where it is the one that the track was frozen to."""
        image_id, held = self.run.image
        return held if self.image_id and self.image_id == image_id else ""


def _of_run(field: Field, *, identifying: bool = False, brief: bool = False) -> Column[ScoreLine]:
    return Column(field, attrgetter(f"run.{field.name}"), identifying=identifying, brief=brief)


def _of_score(field: Field, *, identifying: bool = False, brief: bool = False, usual: bool = True) -> Column[ScoreLine]:
    return Column(field, attrgetter(field.name), identifying=identifying, brief=brief, usual=usual)


PEOPLE = ("people", "emails")
COLUMNS: tuple[Column[ScoreLine], ...] = (
    _of_run(text("submission", "the method's name", key=True), brief=True),
    _of_run(text("submission_id", "the submission's id", key=True), identifying=True),
    _of_run(text("team", "the team's name"), brief=True),
    _of_run(text("track", "the track's key", key=True), brief=True),
    _of_run(text("phase", "the phase's key", key=True)),
    _of_run(text("status", "official, late, not_eligible, baseline, withdrawn or disqualified")),
    _of_run(text("kind", "model, code or predictions")),
    _of_score(text("provenance", "how far the score can be trusted, least first: self-reported, predictions, "
                   "spot-checked, run here; published: it was computed elsewhere")),
    _of_score(text("suite", "the suite's key", key=True), brief=True),
    _of_score(text("suite_version", "the suite's version", key=True)),
    _of_score(text("selection", "which splits and sample were asked", key=True)),
    _of_score(text("checkpoint", "main: the finished model; all: a suite that goes over checkpoints", key=True)),
    _of_score(integer("train_seed", "the seed of a replicate of the training; none: the model itself", key=True)),
    _of_score(text("metric", "such as accuracy", key=True), brief=True),
    _of_score(text("group", "the group whose score this is; without group and tag: the suite's own", key=True),
              brief=True),
    _of_score(text("tag", "the tag whose score this is", key=True), brief=True),
    _of_score(number("value", "the score"), brief=True),
    _of_score(number("low", "the lower end of its 95 % interval"), brief=True),
    _of_score(number("high", "the upper end"), brief=True),
    _of_score(integer("n", "items behind the number"), brief=True),
    _of_score(integer("asked", "items asked")),
    _of_score(integer("answered", "items answered")),
    _of_score(number("coverage", "answered over asked; below 1 is never ranked")),
    _of_score(text("suite_digest", "sha256 of the suite's content")),
    _of_run(text("submission_digest", "sha256 of what was handed in"), identifying=True),
    _of_score(text("responses_digest", "sha256 of the answers"), identifying=True),
    _of_score(text("image_id", "the sandbox image that the answers were made in")),
    _of_score(text("image_versions", "what that image holds")),
    _of_score(text("evaluator", "the version that scored", key=True)),
    _of_run(text("run_id", "the run"), identifying=True),
    _of_run(text("finished_at", "when the run ended (UTC)"), identifying=True),
    _of_run(integer("declared_words", "words of the declared corpora")),
    _of_run(integer("declared_bytes", "their bytes")),
    _of_run(integer("declared_words_seen", "words seen in training, as declared")),
    _of_score(Field("stands", Kind.BOOLEAN, "whether this is the newest evaluation of these answers"), usual=False),
    _of_run(text("people", "the team's members"), identifying=True),
    _of_run(text("emails", "their e-mail addresses"), identifying=True),
)  # fmt: skip
