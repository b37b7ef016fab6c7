"""The findings page of a challenge, for its reviewers and organizers."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from challenges.models import Challenge
from challenges.selectors import is_organizer, is_reviewer, phases_judged_blind
from findings import selectors, services


def _challenge(request: HttpRequest, key: str) -> Challenge:
    """The challenge, for those who may see its exact results."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=key)
    if not is_reviewer(request.user, shown):
        raise Http404
    return shown


def _without_names(request: HttpRequest, challenge: Challenge) -> bool:
    """Whether the report is kept from the user, since it names methods that are judged blind."""
    blind = phases_judged_blind().filter(track__challenge=challenge)
    return not is_organizer(request.user, challenge) and blind.exists()


@require_safe
@login_required
def findings(request: HttpRequest, challenge: str) -> HttpResponse:
    """The versions of the report, and for organizers a button that builds another."""
    shown = _challenge(request, challenge)
    versions = list(selectors.versions_of(shown))
    context = {
        "challenge": shown,
        "versions": versions,
        "waiting": any(version.finished_at is None for version in versions),
        "organizer": is_organizer(request.user, shown),
        "blind": _without_names(request, shown),
    }
    return render(request, "findings/findings.html", context)


@require_POST
@login_required
def build(request: HttpRequest, challenge: str) -> HttpResponse:
    """Ask for another version of the report."""
    shown = _challenge(request, challenge)
    if not is_organizer(request.user, shown):
        raise Http404
    assert isinstance(request.user, User)  # noqa: S101 - login_required has seen to it
    version = services.request_report(challenge=shown, user=request.user)
    messages.success(request, f"Report {version.number} is being built; it stands below as soon as it is there.")
    return redirect("findings", shown.key)


@require_safe
@login_required
def archive(request: HttpRequest, challenge: str, number: int) -> FileResponse:
    """A version of the report as a zip archive."""
    shown = _challenge(request, challenge)
    if _without_names(request, shown):
        raise Http404
    version = get_object_or_404(selectors.versions_of(shown), number=number, finished_at__isnull=False)
    name = f"findings-{shown.key}-{version.number}.zip"
    return FileResponse(storages["artifacts"].open(version.storage_name), as_attachment=True, filename=name)
