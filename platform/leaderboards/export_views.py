"""The page on which reviewers choose what they export, and its file."""

import tempfile
from dataclasses import dataclass, replace
from itertools import islice

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from challenges.models import Challenge
from challenges.selectors import is_organizer, is_reviewer, phases_judged_blind
from leaderboards import exports
from leaderboards.export_forms import ExportForm
from leaderboards.exports import making
from leaderboards.exports.cells import Field, Kind, cell_text
from leaderboards.exports.formats.registry import FORMATS
from leaderboards.exports.people import allow_people, note_people
from leaderboards.exports.pseudonyms import judged_blind
from leaderboards.exports.query import ExportQuery, ExportRefused

ROWS = 8


@dataclass(frozen=True)
class Preview:
    """The first rows of an export, as text; `numbers` says of each column whether it is one of numbers."""

    fields: tuple[Field, ...]
    rows: tuple[tuple[tuple[str, bool], ...], ...]


def preview_of(query: ExportQuery) -> Preview:
    """The first rows of the query's table. Raises ExportRefused."""
    table = making.table_of(query)
    numbers = [field.kind in (Kind.NUMBER, Kind.INTEGER) for field in table.fields]
    rows = tuple(
        tuple(
            (cell_text(cell, field.kind, query.precision), number)
            for cell, field, number in zip(row, table.fields, numbers, strict=True)
        )
        for row in islice(table.rows, ROWS)
    )
    return Preview(table.fields, rows)


def _reviewed(request: HttpRequest, challenge: str) -> Challenge:
    """The challenge, for its reviewers and organizers; 404 for everybody else."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    if not is_reviewer(request.user, shown):
        raise Http404
    return shown


@require_safe
@login_required
def export(request: HttpRequest, challenge: str) -> HttpResponse:
    """Choose tracks, layout, columns, precision and format, and see the first rows."""
    shown = _reviewed(request, challenge)
    form, organizer = ExportForm(shown, request.GET), is_organizer(request.user, shown)
    query, preview, blind = form.query, None, False
    if query is not None:
        blind = not organizer and judged_blind(shown, query)
        query = replace(query, anonymised=True) if blind else query
        try:
            query = query if organizer else _unlinked(shown, query)
            preview = preview_of(query)
        except ExportRefused as error:
            form.add_error(None, str(error))
    context = {"challenge": shown, "form": form, "query": query, "preview": preview, "rows": ROWS, "blind": blind,
               "organizer": organizer}  # fmt: skip
    return render(request, "leaderboards/export.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def export_file(request: HttpRequest, challenge: str) -> HttpResponseBase:
    """The file of a query: in the address, or posted, as it must be for one with people."""
    shown = _reviewed(request, challenge)
    try:
        query = _asked(request, shown)
        assert isinstance(request.user, User)  # noqa: S101 - login_required has seen to it
        allow_people(shown, query, request.user)
        response = _served(query)
        note_people(challenge=shown, query=query, user=request.user)
    except ExportRefused as error:
        messages.error(request, str(error))
        return redirect("export", shown.key)
    return response


def _asked(request: HttpRequest, challenge: Challenge) -> ExportQuery:
    """The query that the request holds; raises ExportRefused."""
    posted = request.method == "POST"
    query = ExportQuery.from_text(request.POST.get("query", "") if posted else request.GET.urlencode())
    if query.challenge != challenge.key:
        raise ExportRefused("The query is about another challenge.")
    if not query.anonymised and not is_organizer(request.user, challenge) and judged_blind(challenge, query):
        raise ExportRefused("Methods are judged blind until the reveal: an export for reviewers is anonymised.")
    if query.people and not posted:
        raise ExportRefused("A table with people in it is not had by a link: tick the box on this page.")
    if not is_organizer(request.user, challenge):
        query = _unlinked(challenge, query)
    return replace(query, people=True) if request.POST.get("people") else query


def _unlinked(challenge: Challenge, query: ExportQuery) -> ExportQuery:
    """The query as somebody may ask it who judges methods blind; raises ExportRefused.

    Made-up names stand for the same teams in every phase: beside the scores of one whose board has the real names, they
    would say who is who. So an anonymised table holds the phases alone that are judged blind.
    """
    found = phases_judged_blind().filter(track__challenge=challenge).select_related("track")
    blind = list(found.order_by("track__position", "track__key", "position", "closes"))
    if not blind or not query.anonymised:
        return query
    asked = {f"{one.track.key}/{one.key}": one for one in blind if one.track.key in (query.tracks or [one.track.key])}
    if not asked or set(query.phases) - set(asked):
        raise ExportRefused(
            "Methods are judged blind until the reveal: beside other phases than those, made-up names would say who is "
            "who."
        )
    # A wide table has one phase of each track: the last.
    last = {one.track.key: name for name, one in asked.items()}
    phases = query.phases or tuple(last.values() if query.layout == "wide" else asked)
    return replace(query, phases=phases, tracks=tuple(sorted({name.partition("/")[0] for name in phases})))


@require_safe
@login_required
def results_csv(request: HttpRequest, challenge: str) -> StreamingHttpResponse:
    """The challenge's result table as CSV, for its reviewers and organizers; without names where they judge blind."""
    shown = _reviewed(request, challenge)
    query = ExportQuery(challenge=shown.key, layout="long")
    blind = not is_organizer(request.user, shown) and judged_blind(shown, query)
    phases = _unlinked(shown, replace(query, anonymised=True)).phases if blind else ()
    lines = exports.results_csv(shown, anonymised=blind, phases=phases)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    name = f"{shown.key}-results-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _served(query: ExportQuery) -> FileResponse:
    """The query's file as a download; raises ExportRefused before anything is sent."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        making.write(query, file)
    except ExportRefused:
        file.close()
        raise
    file.seek(0)
    kind = FORMATS[query.format].content_type
    return FileResponse(file, as_attachment=True, filename=making.file_name(query), content_type=kind)
