"""A challenge's page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from challenges import markdown, selectors
from challenges.models import Challenge


@require_safe
def challenge(request: HttpRequest, challenge: str) -> HttpResponse:
    """What the challenge is, its tracks with their rules, and its deadlines."""
    shown = get_object_or_404(selectors.with_archived(Challenge.objects.visible_to(request.user)), key=challenge)
    tracks = [
        {
            "track": track,
            "phases": selectors.phase_lines(track),
            "description": markdown.render(track.description, below=2),
            "limits": selectors.limits_in_words(track),
            "image": selectors.image_in_words(track) if set(track.kinds) - {"predictions"} else "",
            "budget": selectors.budget_in_words(track),
            "ranking": selectors.ranking_in_words(track),
            "open": any(phase.is_open for phase in track.phases.all()),
        }
        for track in selectors.tracks_of(shown)
    ]
    roles = selectors.roles_of(request.user, shown)
    context = {
        "challenge": shown,
        "description": markdown.render(shown.description),
        "tracks": tracks,
        "reviewer": "reviewer" in roles,
        "organizer": "organizer" in roles,
        "team": selectors.team_of(request.user, shown) if isinstance(request.user, User) else None,
    }
    return render(request, "challenges/challenge.html", context)
