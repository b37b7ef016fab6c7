"""A board's rows from the standings of its entries: for organizers, and as everybody may see hidden data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from challenges.models import Track
from evaluations.models import Run
from leaderboards import tags as by_tag
from leaderboards.alternatives import alternatives
from leaderboards.models import Standing
from leaderboards.ranking import Contender, Placed, Rule, place
from leaderboards.rules import Basis
from leaderboards.standings import Light, whole_scores
from leaderboards.telling import RANKED, REFERENCES, Stepping, on_ladder, told_digits
from leaderboards.uncertainty import Sureness, sureness_of
from submissions.models import Entry

TABLE, BESIDE, UNFINISHED = "table", "beside", "unfinished"
IN_TABLE = RANKED | REFERENCES
TAKEN_OUT = frozenset({Entry.Status.NOT_ELIGIBLE, Entry.Status.DISQUALIFIED})
Row = dict[str, Any]


@dataclass(frozen=True)
class Computed:
    """A board for one audience: rows by section, tables by tag with their rows, and the order by other methods.

    `intervals`: whether any rank has an interval.
    """

    sections: Mapping[str, list[Row]]
    tags: list[Row] = field(default_factory=list)
    what_if: list[Row] = field(default_factory=list)
    intervals: bool = False

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by section and status."""
        found: dict[str, dict[str, int]] = {}
        for section, rows in self.sections.items():
            for row in rows:
                own = found.setdefault(section, {})
                own[row["status"]] = own.get(row["status"], 0) + 1
        return found


def exact(basis: Basis, lights: Sequence[Light], tagged: by_tag.TagScores) -> Computed:
    """The board that organizers see, and everybody after the reveal."""
    rule = basis.rule
    by_entry = {light.facts.entry_id: light for light in lights}
    table = [_contender(light) for light in lights if light.complete and light.facts.status in IN_TABLE]
    placed = place(table, rule)
    sure = sureness_of(placed, by_entry, rule, alpha=basis.track.alpha)
    ranks = _ranks(placed, sure, basis.track)
    rows = [_row(by_entry[one.contender.entry_id], one, ranks, sure) for one in placed]
    sections = {
        TABLE: rows,
        BESIDE: [_beside(light, light.aggregate, rule) for light in _taken_out(lights, rule)],
        UNFINISHED: [*_failed(basis), *(_partial(light) for light in lights if _is_partial(light))],
    }
    tables = _tag_tables(basis, placed, by_entry, rule, tagged)
    return Computed(sections, tables, alternatives(placed, by_entry, rule, basis.columns), bool(sure))


def told(
    basis: Basis, lights: Sequence[Light], tagged: by_tag.TagScores, items: Mapping[str, int]
) -> tuple[Computed, dict[str, int]]:
    """What everybody may see of hidden data before the reveal, and the decimals that are told.

    Nothing in it depends on more than what it shows; with a ladder only the ladder's answers are shown.
    """
    track, ladder = basis.track, basis.track.ladder != "off"
    digits = told_digits(track, basis.rule.mean, basis.columns, items)
    rule = replace(basis.rule, digits=None if basis.rule.method.relative else digits[""])
    by_entry = {light.facts.entry_id: light for light in lights}
    table = [light for light in lights if light.complete and light.facts.status in IN_TABLE]
    if ladder:
        rule = replace(rule, counts="best")
        table = _still_in(table, on_ladder(track, rule, basis.columns, [_stepping(one, rule) for one in lights]))
    placed = place([_contender(light, told=True) for light in table], rule)
    sections = {
        TABLE: [_row(by_entry[one.contender.entry_id], one, {}, {}) for one in placed],
        BESIDE: [_beside(one, one.told_aggregate, rule, bare=ladder) for one in _taken_out(lights, rule, told=True)],
    }
    if ladder:
        return Computed(sections), digits
    found = alternatives(placed, by_entry, rule, basis.columns)
    return Computed(sections, _tag_tables(basis, placed, by_entry, rule, tagged, guarded=True), found), digits


def _contender(light: Light, *, told: bool = False) -> Contender:
    facts = light.facts
    return Contender(
        entry_id=facts.entry_id,
        team_id=facts.team_id,
        handed_in_at=facts.handed_in_at,
        finished_at=facts.finished_at,
        reference=facts.status not in RANKED,
        picked=facts.picked,
        provenance=light.provenance,
        row=np.frombuffer(light.told_row if told else light.row, dtype="<f8"),
        value=light.told_aggregate if told else light.aggregate,
    )


def _rounded(value: float | None, rule: Rule) -> float | None:
    return value if value is None or rule.digits is None else round(value, rule.digits)


def _stepping(light: Light, rule: Rule) -> Stepping:
    told = _rounded(light.told_aggregate, rule)
    facts, contender = light.facts, _contender(light)
    return Stepping(light.pk, facts.run_id, contender, facts.status, light.complete, light.aggregate, told)


def _still_in(table: Sequence[Light], better: Iterable[Stepping]) -> list[Light]:
    """References, and of each team the last entry that changed what is shown of it and is still in."""
    standing = {light.facts.entry_id: light for light in table}
    last: dict[int, Light] = {}
    for one in better:
        light = standing.get(one.contender.entry_id)
        if light is not None:
            last[one.contender.team_id] = light
    return [*(light for light in table if light.facts.status in REFERENCES), *last.values()]


def _ranks(placed: Sequence[Placed], sure: Mapping[int, Sureness], track: Track) -> dict[int, int]:
    """By entry the rank that its cluster shares, where the track's ties are clusters."""
    if track.ties != "clusters":
        return {}
    found: dict[int, int] = {}
    first: dict[int, int] = {}
    for number, one in enumerate([one for one in placed if one.rank is not None], start=1):
        cluster = sure[one.contender.entry_id].cluster if one.contender.entry_id in sure else None
        if cluster is not None:
            found[one.contender.entry_id] = first.setdefault(cluster, number)
    return found


def _row(light: Light, one: Placed, ranks: Mapping[int, int], sure: Mapping[int, Sureness]) -> Row:
    """What depends on who else stands there; the standing has the rest."""
    entry = light.facts.entry_id
    row: Row = {
        "standing": light.pk,
        "entry": entry,
        "team_id": light.facts.team_id,
        "status": light.facts.status,
        "rank": ranks.get(entry, one.rank),
        "aggregate": one.aggregate,
    }
    if one.why_unranked:
        row["why_unranked"] = one.why_unranked
    return row | (sure[entry].facts() if entry in sure else {})


def _taken_out(lights: Sequence[Light], rule: Rule, *, told: bool = False) -> list[Light]:
    """Whole entries that organizers took out of the ranking, not eligible ones first, then by their aggregates."""
    sign = -1.0 if rule.more_is_better else 1.0

    def place_of(light: Light) -> tuple[Any, ...]:
        value = light.told_aggregate if told else light.aggregate
        out = light.facts.status == Entry.Status.DISQUALIFIED
        return out, value is None, sign * (_rounded(value, rule) or 0.0), light.facts.entry_id

    return sorted((one for one in lights if one.complete and one.facts.status in TAKEN_OUT), key=place_of)


def _beside(light: Light, value: float | None, rule: Rule, *, bare: bool = False) -> Row:
    """A row without a rank; `bare`: without a score either. A relative aggregate is of those that are ranked alone."""
    return {
        **_unranked(light),
        "aggregate": None if bare or rule.method.relative else _rounded(value, rule),
        "why_unranked": "not eligible" if light.facts.status == Entry.Status.NOT_ELIGIBLE else "excluded",
        "reason": light.facts.reason,
        **({"bare": True} if bare else {}),
    }


def _is_partial(light: Light) -> bool:
    return not light.complete and light.facts.status in IN_TABLE | TAKEN_OUT


def _partial(light: Light) -> Row:
    return {**_unranked(light), "aggregate": None, "why_unranked": "a score is missing", "end": "partial"}


def _unranked(light: Light) -> Row:
    return {
        "standing": light.pk,
        "entry": light.facts.entry_id,
        "team_id": light.facts.team_id,
        "status": light.facts.status,
        "rank": None,
    }


def _failed(basis: Basis) -> list[Row]:
    """The runs that failed through their submission's fault, whole rows of their own. One query."""
    submission = "entry__submission"
    names = (
        "entry", "entry__status", f"{submission}__name", f"{submission}__registration__team__name",
        f"{submission}__registration__team", submission, f"{submission}__kind", "code", "stage",
    )  # fmt: skip
    runs = (
        Run.objects.filter(phase=basis.phase, purpose=Run.Purpose.PHASE, state=Run.State.FAILED)
        .exclude(entry__status=Entry.Status.WITHDRAWN)
        .order_by("finished_at", "created_at", "pk")
    )
    return [
        {
            "entry": entry, "status": status, "name": name, "team": team, "team_id": team_id,
            "submission": str(submission_id), "kind": kind, "code": code, "stage": stage, "end": "failed",
            "rank": None, "aggregate": None, "why_unranked": "its run failed", "provenance": "", "scores": {},
        }
        for entry, status, name, team, team_id, submission_id, kind, code, stage in runs.values_list(*names)
    ]  # fmt: skip


def tagged_in(basis: Basis) -> by_tag.TagScores:
    """The scores by tag of the phase's standings, by entry; of those that have some. One query."""
    rows = Standing.objects.current().filter(phase=basis.phase).exclude(tags={}).order_by("entry")
    return dict(rows.values_list("entry", "tags"))


def _tag_tables(
    basis: Basis,
    placed: Sequence[Placed],
    lights: Mapping[int, Light],
    rule: Rule,
    tagged: by_tag.TagScores,
    *,
    guarded: bool = False,
) -> list[Row]:
    """A table for each tag of the items. One query where there are tags."""
    if not tagged:
        return []
    own = {one.contender.entry_id: lights[one.contender.entry_id].pk for one in placed}
    scores = {entry: tagged[entry] for entry in own if entry in tagged}
    whole = whole_scores(list(own.values()))
    contenders = [
        replace(one, contender=replace(one.contender, scores=whole[one.contender.entry_id], row=None)) for one in placed
    ]
    tables = by_tag.tables(basis.track, basis.columns, contenders, rule, scores, guarded=guarded)
    for row in (row for table in tables for row in table["rows"]):
        light = lights[row["entry"]]
        row |= {"standing": light.pk, "team_id": light.facts.team_id, "status": light.facts.status}
    return tables
