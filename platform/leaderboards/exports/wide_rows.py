"""The rows of the wide layout, from a challenge's results."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.db.models import Max

from challenges.models import Challenge
from evaluations.models import Evaluation, Run, Score
from leaderboards.exports.people import Members, members_of
from leaderboards.exports.pseudonyms import Names
from leaderboards.exports.query import ExportQuery
from leaderboards.exports.table import Standing
from leaderboards.exports.wide_layout import Entered, Kept
from leaderboards.gathering import results_of
from leaderboards.results import Result, TrackResults
from sandbox.images import recipe
from suites.models import SuiteVersion


def tracks_of(challenge: Challenge, query: ExportQuery) -> list[TrackResults]:
    """The results of the tracks that the query asks for, with the entries of its statuses."""
    results = results_of(challenge, phases=dict(phase.split("/", 1) for phase in query.phases))
    return selected(results.tracks, query)


def selected(tracks: Sequence[TrackResults], query: ExportQuery) -> list[TrackResults]:
    """These of the tracks, with these of their entries; nothing of it asks the database."""
    return [
        replace(
            track, results=tuple(one for one in track.results if not query.statuses or one.status in query.statuses)
        )
        for track in tracks
        if not query.tracks or track.key in query.tracks
    ]


def wide_rows(
    tracks: Sequence[TrackResults], query: ExportQuery, challenge: Challenge | None = None
) -> Iterator[Entered]:
    """One row an entry, in the order of the tracks and of their tables; of equal ranks an anonymised table's order
    tells nothing. `challenge` is where teams are looked up."""
    members = members_of(challenge) if query.people and challenge is not None else {}
    made_up = None
    if query.anonymised:
        made_up = Names(query.challenge) if challenge is None else Names.of(challenge)
    for track in tracks:
        entered = [_entered(track, result, made_up, members.get(result.team, Members())) for result in track.results]
        if query.anonymised:
            entered.sort(key=lambda one: (one.result.rank is None, one.result.rank or 0, one.result.name))
        yield from entered


def _entered(track: TrackResults, result: Result, made_up: Names | None, people: Members) -> Entered:
    if made_up is not None and not result.reference:
        name = made_up.method(result.entry_id, result.key)
        # Why a published entry is not ranked is said in its organizers' words.
        why = result.why_unranked if result.entry_id is not None else ""
        result = replace(result, name=name, team=made_up.team(result.team), why_unranked=why)
    return Entered(track, result, people.names, people.emails)


def kept_of(tracks: Sequence[TrackResults], *, parts: bool) -> Kept:
    """What is not told of the suites of these tracks; no query where nothing finer than a suite is asked (`parts`)."""
    # One version may stand in several columns, with another selection in each.
    keys: dict[str, set[str]] = defaultdict(set)
    for column in (column for track in tracks for column in track.columns if column.digest):
        keys[column.digest].add(column.key)
    if not parts or not keys:
        return Kept()
    hidden = SuiteVersion.objects.filter(digest__in=keys, hidden=True).select_related("suite")
    gated = {key for version in hidden if version.gated for key in keys[version.digest]}
    single = (
        Score.objects.filter(evaluation__response_set__suite_version__in=hidden, n__lte=1).exclude(group="", tag="")
        .order_by().values_list("evaluation__suite_digest", "group", "tag").distinct()
    )  # fmt: skip
    told = frozenset((key, group, tag) for digest, group, tag in single for key in keys.get(digest, ()))
    return Kept(gated, told)


def stand_on(tracks: Sequence[TrackResults], challenge: Challenge, query: ExportQuery) -> Standing:
    """What these tables stand on: suites, and images, evaluators and the newest score that count. Two queries."""
    standing = Standing()
    for track in tracks:
        standing.tables.add(f"{track.key}/{track.phase}")
        standing.suites |= {
            f"{column.key}@{column.version.removeprefix(f'{column.key}@')} sha256:{column.digest}"
            for column in track.columns if column.digest
        }  # fmt: skip
        if track.source:
            standing.sources.add(f"{track.source} sha256:{track.source_digest}")
    held = dict(challenge.tracks.exclude(image_id="").values_list("image_id", "image_versions"))
    evaluations = Evaluation.objects.counting().filter(
        response_set__runs__phase__in=[track.phase_id for track in tracks if track.phase_id is not None],
        response_set__runs__purpose=Run.Purpose.PHASE,
        response_set__runs__state=Run.State.DONE,
    )
    if query.statuses:
        evaluations = evaluations.filter(response_set__runs__entry__status__in=query.statuses)
    for image_id, evaluator, newest in (
        evaluations.order_by().values("response_set__image_id", "evaluator").annotate(newest=Max("created_at"))
        .values_list("response_set__image_id", "evaluator", "newest")
    ):  # fmt: skip
        standing.seen_at(newest)
        standing.evaluators.add(evaluator)
        if image_id:
            standing.images.add(f"{image_id} {recipe.in_words(held.get(image_id, {}))}".strip())
    return standing
