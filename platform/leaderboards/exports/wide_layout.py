"""The wide layout: one row an entry, with a column for each suite, and on request for each group and tag."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from leaderboards.exports.cells import Cell, Field, Kind
from leaderboards.exports.columns import Column, integer, number, text
from leaderboards.results import Result, ScoreOf, TrackResults

FREE = frozenset({"text", "string", ""})  # questions that are answered in words of the team's own


class Entered(NamedTuple):
    """An entry in its track, with its team's members where they were asked for."""

    track: TrackResults
    result: Result
    people: str = ""
    emails: str = ""


@dataclass(frozen=True)
class Kept:
    """What is not told of suites that hide something: the tags of gated ones, and groups and tags of a single item.

    `single` holds (suite, group, tag).
    """

    gated: Collection[str] = frozenset()
    single: Collection[tuple[str, str, str]] = field(default_factory=frozenset)


def columns_of(tracks: Sequence[TrackResults], kept: Kept) -> list[Column[Entered]]:
    """Every column that these tracks' tables can have, in order; names are told apart where two would be the same."""
    columns = [
        *_place(several=len(tracks) > 1), *_suites(tracks, kept), *_method(tracks), *_origin(),
    ]  # fmt: skip
    seen: set[str] = set()
    named = []
    for one in columns:
        name = one.field.name
        while name in seen:
            name = f"{name}_"
        seen.add(name)
        named.append(replace(one, field=replace(one.field, name=name)))
    return named


def _place(*, several: bool) -> list[Column[Entered]]:
    def of(
        field: Field, cell: Callable[[Result], Cell], *, brief: bool = False, identifying: bool = False
    ) -> Column[Entered]:
        return Column(field, lambda one: cell(one.result), brief=brief, identifying=identifying)

    tied = Field("tied_with_first", Kind.BOOLEAN, "whether it can't be told apart from the first")
    return [
        Column(text("track", "the track's key", key=True), lambda one: one.track.key, brief=several),
        Column(text("phase", "the phase's key", key=True), lambda one: one.track.phase),
        of(integer("rank", "the place in the table; none for what is not ranked"), lambda one: one.rank, brief=True),
        of(integer("rank_low", "the best place that its scores allow"), lambda one: one.rank_low),
        of(integer("rank_high", "the worst place that its scores allow"), lambda one: one.rank_high),
        of(number("p_best", "how often it is the best among the draws of the items"), lambda one: one.p_best),
        of(tied, lambda one: one.tied_with_first),
        of(text("why_unranked", "why it is not ranked"), lambda one: one.why_unranked),
        of(text("submission", "the method's name", key=True), lambda one: one.name, brief=True),
        of(text("team", "the team's name"), lambda one: one.team, brief=True),
        of(text("status", "official, late, not_eligible, baseline, skyline, withdrawn or disqualified"),
           lambda one: one.status, brief=True),
        of(text("kind", "model, code or predictions"), lambda one: one.kind),
        of(text("provenance", "the least trusted of its scores: self-reported, predictions, spot-checked, run here; "
                "published: computed elsewhere"), lambda one: one.provenance),
        of(number("aggregate", "the number that ranks"), lambda one: one.aggregate, brief=True),
        of(number("aggregate_low", "the lower end of its 95 % interval"), lambda one: one.aggregate_low),
        of(number("aggregate_high", "the upper end"), lambda one: one.aggregate_high),
    ]  # fmt: skip


def _suites(tracks: Sequence[TrackResults], kept: Kept) -> Iterator[Column[Entered]]:
    """Each suite's score, and beside it its interval, counts, spread over trainings, groups and tags."""
    titles = {column.key: column.title for track in reversed(tracks) for column in track.columns}
    for key in dict.fromkeys(column.key for track in tracks for column in track.columns):
        scores = [result.scores[key] for track in tracks for result in track.results if key in result.scores]
        yield _score(
            number(key, f"the score on {titles[key]}", family="suites"), key, lambda one: one.value, brief=True
        )
        yield _score(number(f"{key}.low", "the lower end of its 95 % interval", family="intervals"), key,
                     lambda one: one.low)  # fmt: skip
        yield _score(number(f"{key}.high", "the upper end", family="intervals"), key, lambda one: one.high)
        yield _score(integer(f"{key}.n", "items behind the score", family="counts"), key, lambda one: one.n or None)
        yield _score(
            integer(f"{key}.answered", "items answered", family="counts"),
            key,
            lambda one: one.answered if one.asked else None,
        )
        yield _score(integer(f"{key}.asked", "items asked", family="counts"), key, lambda one: one.asked or None)
        several = any(score.trainings > 1 for score in scores)
        yield _score(number(f"{key}.sd", "standard deviation over replicates of the training", family="spread"), key,
                     lambda one: one.sd, usual=several)  # fmt: skip
        yield _score(integer(f"{key}.trainings", "how many replicates", family="spread"), key,
                     lambda one: one.trainings, usual=several)  # fmt: skip
        yield from _parts(key, scores, kept)


def _parts(key: str, scores: Sequence[ScoreOf], kept: Kept) -> Iterator[Column[Entered]]:
    for name in sorted({name for score in scores for name in score.groups}):
        if (key, name, "") not in kept.single:
            says = number(f"{key}.group.{name}", "the score of this group", family="groups")
            yield _score(says, key, lambda one, name=name: one.groups.get(name), usual=False)  # type: ignore[misc]
    if key in kept.gated:
        return
    for name in sorted({name for score in scores for name in score.tags}):
        if (key, "", name) not in kept.single:
            says = number(f"{key}.tag.{name}", "the score of the items with this tag", family="tags")
            yield _score(says, key, lambda one, name=name: one.tags.get(name), usual=False)  # type: ignore[misc]


def _score(
    says: Field, key: str, cell: Callable[[ScoreOf], Cell], *, usual: bool = True, brief: bool = False
) -> Column[Entered]:
    def of(one: Entered) -> Cell:
        score = one.result.scores.get(key)
        return None if score is None else cell(score)

    return Column(says, of, usual=usual, brief=brief)


def _method(tracks: Sequence[TrackResults]) -> Iterator[Column[Entered]]:
    """What was said of the methods: in words of the team's own it could tell whose they are."""
    results = [result for track in tracks for result in track.results]
    yield Column(text("approaches", "labels of the approach, as declared", family="method"),
                 lambda one: "; ".join(one.result.approaches), identifying=True)  # fmt: skip
    yield Column(text("backbone", "the backbone, as declared", family="method"),
                 lambda one: one.result.backbone, identifying=True)  # fmt: skip
    closed = {
        str(question.get("key")) for track in tracks for question in track.questions
        if question.get("type", "") not in FREE
    }  # fmt: skip
    yield from _told("answer", "answers", [result.answers for result in results], lambda one: one.answers, closed)
    yield from _told("declared", "declared", [_flat(result.declared) for result in results],
                     lambda one: _flat(one.declared), frozenset())  # fmt: skip


def _told(
    prefix: str,
    family: str,
    values: Sequence[Mapping[str, Any]],
    of: Callable[[Result], Mapping[str, Any]],
    closed: Collection[str],
) -> Iterator[Column[Entered]]:
    for name in sorted({name for one in values for name in one}):
        kind = _kind([one[name] for one in values if one.get(name) is not None])
        says = Field(f"{prefix}.{name}", kind, f"{'the answer to' if closed else 'as declared:'} {name}", family)
        free = kind is Kind.TEXT and name not in closed
        yield Column(says, lambda one, name=name, kind=kind: _value(of(one.result).get(name), kind),  # type: ignore[misc]
                     identifying=free, usual=prefix == "answer")  # fmt: skip


def _flat(declared: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested parts of a manifest as `data.words_seen`."""
    found: dict[str, Any] = {}
    for name, value in declared.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{path}{name}.")
        else:
            found[f"{path}{name}"] = value
    return found


def _kind(values: Sequence[Any]) -> Kind:
    """The narrowest kind that holds them all."""
    if values and all(isinstance(value, bool) for value in values):
        return Kind.BOOLEAN
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        small = all(isinstance(value, int) and abs(value) < 2**53 for value in values)
        return Kind.INTEGER if small else Kind.NUMBER
    return Kind.TEXT


def _value(value: Any, kind: Kind) -> Cell:
    if kind is Kind.NUMBER:
        return None if value is None else float(value)
    if kind is not Kind.TEXT:
        return value  # type: ignore[no-any-return]
    if value is None:
        return ""
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return "; ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _origin() -> Iterator[Column[Entered]]:
    def of(field: Field, cell: Callable[[Result], Cell]) -> Column[Entered]:
        return Column(field, lambda one: cell(one.result), identifying=True)

    yield of(text("entry", "the entry, unique in its track", key=True), lambda one: one.key)
    yield of(text("submission_id", "the submission's id"), lambda one: one.submission_id)
    yield of(text("submission_digest", "sha256 of what was handed in"), lambda one: one.submission_digest)
    yield of(text("run_id", "the run"), lambda one: one.run_id)
    yield of(text("handed_in_at", "when it was handed in (UTC)"), lambda one: moment(one.handed_in_at))
    yield of(text("finished_at", "when its run ended (UTC)"), lambda one: moment(one.finished_at))
    yield Column(text("people", "the team's members"), lambda one: one.people, identifying=True)
    yield Column(text("emails", "their e-mail addresses"), lambda one: one.emails, identifying=True)


def moment(when: datetime | None) -> str:
    """`2026-11-29T20:36:36Z`; empty where there is none."""
    return "" if when is None else when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
