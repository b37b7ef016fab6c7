"""A submission's page, its live status, and what its team can do with it."""

import hashlib
import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from challenges.models import Phase
from challenges.selectors import image_in_words, is_reviewer
from evaluations import presentation, services
from evaluations.visibility import Viewer
from evaluators.protocol.submission import SubmissionManifest
from submissions.answers import asked, manifest_now
from submissions.declared import declared
from submissions.errors import SubmissionRefused
from submissions.models import Entry, Submission
from submissions.selectors import visible_submissions
from submissions.services import enter_phase

# htmx stops asking when it is answered with this status.
STOP_POLLING = 286


def _submission(request: HttpRequest, submission: str) -> tuple[Submission, Viewer]:
    """The submission and as whom the user sees it; 404 for everybody else."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    found = get_object_or_404(visible_submissions(user), pk=submission)
    staff = is_reviewer(user, found.registration.challenge)
    return found, Viewer.STAFF if staff else Viewer.TEAM


@require_safe
@login_required
def submission_page(request: HttpRequest, submission: str) -> HttpResponse:
    """Where the submission stands, what is in it, and its scores."""
    found, viewer = _submission(request, submission)
    manifest = SubmissionManifest.from_value(found.manifest, file="submission.yaml") if found.manifest else None
    mine = found.registration.team.members.filter(pk=request.user.pk).exists()
    entries = list(found.entries.select_related("track"))
    tracks = [entry.track for entry in entries]
    context = {
        "view": presentation.view_of(found, viewer),
        "submission": found,
        "challenge": found.registration.challenge,
        "manifest": manifest,
        "manifest_text": manifest.to_yaml() if manifest else "",
        "entries": entries,
        "declared": declared(manifest_now(found) if manifest else None, tracks),
        "asked": asked(found),
        "images": dict.fromkeys(image_in_words(track) for track in tracks if found.kind != "predictions"),
        "mine": mine,
        # Who looks at a submission of their own team is one of the team.
        "flags": list(found.flags.select_related("other__registration__team"))
        if viewer is Viewer.STAFF and not mine
        else [],
        "can_withdraw": mine and found.state != Submission.State.REJECTED and _may_withdraw(found),
        "next_phases": services.phases_to_enter(found) if mine else [],
    }
    return render(request, "evaluations/submission.html", context)


def _may_withdraw(submission: Submission) -> bool:
    return submission.entries.exclude(status__in=[Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED]).exists()


@require_safe
@login_required
def status(request: HttpRequest, submission: str) -> HttpResponse:
    """The live part of the page, for polling: 304 while nothing changes, 286 once nothing will."""
    found, viewer = _submission(request, submission)
    view = presentation.view_of(found, viewer)
    html = render_to_string("evaluations/_status.html", {"view": view, "submission": found})
    response = _tagged(request, html.encode(), "text/html; charset=utf-8")
    if view.finished:
        response = HttpResponse(html, status=STOP_POLLING if request.headers.get("HX-Request") else 200)
        response["Cache-Control"] = "no-store"
    return response


@require_safe
@login_required
def events(request: HttpRequest, submission: str) -> HttpResponse:
    """The same as JSON, with what has happened so far; ask again with If-None-Match."""
    found, viewer = _submission(request, submission)
    rows = found.events.select_related("run__phase").prefetch_related(
        "run__run_response_sets__response_set__suite_version", "run__phase__phase_suites__suite_version"
    )
    document = presentation.document_of(presentation.view_of(found, viewer), rows, viewer)
    return _tagged(request, json.dumps(document).encode(), "application/json")


def _tagged(request: HttpRequest, content: bytes, content_type: str) -> HttpResponse:
    """The content under an ETag; 304 without it where the browser has it already."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(content, content_type=content_type)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
@login_required
def advance(request: HttpRequest, submission: str) -> HttpResponse:
    """Enter the submission's entry in a further phase, without a new upload."""
    found, _ = _submission(request, submission)
    user = request.user
    number = request.POST.get("phase", "")
    phases = Phase.objects.filter(track__challenge=found.registration.challenge).select_related("track__challenge")
    phase = get_object_or_404(phases, pk=int(number) if number.isdecimal() and len(number) < 19 else 0)
    if not isinstance(user, User) or not found.registration.team.members.filter(pk=user.pk).exists():
        raise Http404
    try:
        enter_phase(submission=found, phase=phase, user=user)
    except SubmissionRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"Entered in {phase}.")
    return redirect("submission", found.pk)


@require_POST
@login_required
def withdraw(request: HttpRequest, submission: str) -> HttpResponse:
    """Take the submission out of its tracks and stop what still runs."""
    found, _ = _submission(request, submission)
    user = request.user
    if not isinstance(user, User) or not found.registration.team.members.filter(pk=user.pk).exists():
        raise Http404
    services.withdraw(submission=found, user=user)
    messages.success(request, "The submission is withdrawn. What was still running is being stopped.")
    return redirect("submission", found.pk)
