"""Pages of leaderboards, and the reviewers' download."""

from collections.abc import Sequence

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from challenges.models import Challenge, Phase, Track
from challenges.selectors import image_in_words, is_reviewer
from leaderboards import exports, selectors
from leaderboards.comparison_page import comparison_page, pair_of
from leaderboards.drilldown import entry_page
from leaderboards.drilldown_groups import sees_groups
from leaderboards.drilldown_rows import opens_submission, row_of
from leaderboards.presentation_links import Address, NoSuchMoment
from leaderboards.presentation_page import board_page


def _phase(user: AbstractBaseUser | AnonymousUser, challenge: str, track: str, phase: str) -> tuple[Challenge, Phase]:
    """The challenge with its tracks and phases, and the phase that is asked for; 404 where the user sees none."""
    tracks = Prefetch("tracks", Track.objects.prefetch_related("phases"))
    shown = get_object_or_404(Challenge.objects.visible_to(user).prefetch_related(tracks), key=challenge)
    for one in shown.tracks.all():
        for found in one.phases.all():
            if (one.key, found.key) == (track, phase):
                return shown, found
    raise Http404


@require_safe
def leaderboard(request: HttpRequest, challenge: str, track: str, phase: str) -> HttpResponse:
    """A phase's leaderboard, as a whole or as its address asks, with the challenge's other boards one click away."""
    shown, chosen = _phase(request.user, challenge, track, phase)
    address = Address.of(request.GET)
    board = _board(request.user, chosen, address)
    reviewer = is_reviewer(request.user, shown)
    path = reverse("leaderboard", args=[challenge, track, phase])
    page = board_page(board, address, path=path, reviewer=reviewer)
    if page is None:
        raise Http404
    image = image_in_words(chosen.track) if {"model", "code"} & set(chosen.track.kinds) else ""
    context = {"challenge": shown, "board": board, "page": page, "reviewer": reviewer, "image": image}
    return render(request, "leaderboards/leaderboard.html", context)


def _board(
    user: AbstractBaseUser | AnonymousUser, phase: Phase, address: Address, entries: Sequence[int] | None = None
) -> selectors.Board:
    """The board that the address asks for, or the rows of these entries alone; 404 for a moment that is none."""
    try:
        moment = address.moment
    except NoSuchMoment as error:
        raise Http404 from error
    return selectors.board(
        user,
        phase,
        page=address.page,
        status=address.status,
        section=address.section,
        query=address.q,
        tag=address.tag,
        as_of=moment,
        entries=entries,
    )


@require_safe
def leaderboard_entry(request: HttpRequest, challenge: str, track: str, phase: str, entry: int) -> HttpResponse:
    """One entry of a leaderboard: its suites, groups, tags, curves and configuration, as far as this user sees them."""
    shown, chosen = _phase(request.user, challenge, track, phase)
    address = Address(as_of=Address.of(request.GET).as_of)
    board = _board(request.user, chosen, address, [entry])
    row = row_of(board, entry)
    if row is None:
        raise Http404
    reviewer = is_reviewer(request.user, shown)
    context = {
        "challenge": shown, "board": board, "entry": entry_page(board, row, reviewer=reviewer), "reviewer": reviewer,
        "address": address, "opens": opens_submission(request.user, row),
        "compares": sees_groups(board, reviewer=reviewer),
    }  # fmt: skip
    return render(request, "leaderboards/entry.html", context)


@require_safe
def leaderboard_compare(request: HttpRequest, challenge: str, track: str, phase: str) -> HttpResponse:
    """Two entries of a leaderboard side by side, for those who may see exact scores."""
    shown, chosen = _phase(request.user, challenge, track, phase)
    board = _board(request.user, chosen, Address())
    reviewer = is_reviewer(request.user, shown)
    if not sees_groups(board, reviewer=reviewer):
        raise Http404
    pair = pair_of(request.GET.dict())
    found = _board(request.user, chosen, Address(), [number for number in pair if number is not None])
    page = comparison_page(board, found, pair, reviewer=reviewer)
    return render(request, "leaderboards/compare.html", {"challenge": shown, "board": board, "page": page})


@require_safe
def board_csv(request: HttpRequest, challenge: str, track: str, phase: str) -> HttpResponse:
    """A phase's leaderboard as CSV, for whoever may see the page: parts and suites as columns."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    chosen = get_object_or_404(
        Phase.objects.select_related("track__challenge"), track__challenge=shown, track__key=track, key=phase
    )
    board = selectors.board(request.user, chosen, page=None, section="table")
    if not board.visible:
        raise Http404
    response = HttpResponse("".join(exports.board_csv(board)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{shown.key}-{track}-{phase}.csv"'
    return response
