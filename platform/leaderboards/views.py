"""Pages of leaderboards, and the reviewers' download."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from challenges.models import Challenge, Phase
from challenges.selectors import image_in_words, is_reviewer
from leaderboards import exports, selectors
from leaderboards.presentation import page


@require_safe
def leaderboard(request: HttpRequest, challenge: str, track: str, phase: str) -> HttpResponse:
    """A phase's leaderboard, as a whole or by `?part=` or `?tag=`, with the challenge's other boards one click away."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    chosen = get_object_or_404(
        Phase.objects.select_related("track__challenge"), track__challenge=shown, track__key=track, key=phase
    )
    board = selectors.board(request.user, chosen)
    tracks = shown.tracks.prefetch_related("phases")
    reviewer = is_reviewer(request.user, shown)
    table = page(board, part=request.GET.get("part", ""), tag=request.GET.get("tag", ""))
    if table is None:
        raise Http404
    context = {
        "challenge": shown, "board": board, "table": table, "tracks": tracks, "reviewer": reviewer,
        "image": image_in_words(chosen.track) if {"model", "code"} & set(chosen.track.kinds) else "",
    }  # fmt: skip
    return render(request, "leaderboards/leaderboard.html", context)


@require_safe
def board_csv(request: HttpRequest, challenge: str, track: str, phase: str) -> HttpResponse:
    """A phase's leaderboard as CSV, for whoever may see the page: parts and suites as columns."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    chosen = get_object_or_404(
        Phase.objects.select_related("track__challenge"), track__challenge=shown, track__key=track, key=phase
    )
    board = selectors.board(request.user, chosen)
    if not board.visible:
        raise Http404
    response = HttpResponse("".join(exports.board_csv(board)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{shown.key}-{track}-{phase}.csv"'
    return response


@require_safe
@login_required
def results_csv(request: HttpRequest, challenge: str) -> StreamingHttpResponse:
    """The challenge's result table as CSV, for its reviewers and organizers."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    if not is_reviewer(request.user, shown):
        raise Http404
    response = StreamingHttpResponse(exports.results_csv(shown), content_type="text/csv; charset=utf-8")
    name = f"{shown.key}-results-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
