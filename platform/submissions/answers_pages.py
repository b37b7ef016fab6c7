"""Pages on which a team answers the questions about its method, and organizers see what is missing."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from challenges.models import Challenge
from challenges.selectors import is_organizer
from submissions import answers, reminding
from submissions.answers_saving import save_answers
from submissions.declared import derived_facts, derived_in_words
from submissions.errors import SubmissionRefused
from submissions.models import Submission
from submissions.question_forms import MethodForm
from submissions.selectors import visible_submissions

PER_PAGE = 100


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - login_required has seen to it
    return request.user


@require_http_methods(["GET", "POST"])
@login_required
def method(request: HttpRequest, submission: UUID) -> HttpResponse:
    """The questions about a submission's method: its team answers, organizers correct with a reason, others read."""
    found = get_object_or_404(visible_submissions(_me(request)), pk=submission)
    may, asked = answers.rights(_me(request), found), answers.asked(found)
    form = MethodForm(request.POST or None, asked=asked, rights=may)
    if request.method == "POST":
        if not (may.member or may.organizer):
            raise Http404
        if form.is_valid() and _save(request, form, found):
            return redirect("submission_method", found.pk)
    return render(request, "submissions/method.html", _context(found, form, asked, may))


def _save(request: HttpRequest, form: MethodForm, submission: Submission) -> bool:
    changes = form.changes()
    reason = form.cleaned_data.get("reason", "")
    try:
        made = save_answers(submission=submission, answers=changes, user=_me(request), reason=reason)
    except SubmissionRefused as error:
        form.report(error.problems)
        return False
    told = {0: "Nothing has changed.", 1: "1 answer is saved."}
    messages.success(request, told.get(len(made), f"{len(made)} answers are saved."))
    return True


def _context(
    submission: Submission, form: MethodForm, asked: list[answers.Asked], may: answers.Rights
) -> dict[str, Any]:
    accepted = submission.state == Submission.State.ACCEPTED
    ends = [one.until for one in asked if one.until is not None]
    labels = {one.question.key: one.question.label for one in asked}
    return {
        "submission": submission,
        "challenge": submission.registration.challenge,
        "form": form,
        "asked": asked,
        "questions": form.questions(),
        "answered": sum(not one.is_empty for one in asked),
        "due": [one for one in asked if one.is_due],
        "mine": may.member,
        "organizer": may.organizer,
        "can_save": accepted and any(may.may_answer(one) for one in asked),
        "until": max(ends, default=None),
        "is_open": any(one.is_open for one in asked),
        "derived": derived_in_words(derived_facts(submission), {one.question.key: one.answer for one in asked}),
        "history": [(labels.get(step.question, step.question), step) for step in answers.history(submission)],
    }


@require_http_methods(["GET", "POST"])
@login_required
def completeness(request: HttpRequest, challenge: str) -> HttpResponse:
    """Which answers are missing, track by track, for organizers, who send reminders from here."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    if not is_organizer(request.user, shown):
        raise Http404
    tracks = list(reminding.tracks_of(shown))
    if request.method == "POST":
        track = next((one for one in tracks if one.key == request.POST.get("track")), None)
        if track is None:
            raise Http404
        reminding.order_round(track=track, user=_me(request))
        messages.success(request, f"The teams of {track.title} that have something to answer are being reminded.")
        return redirect("method_completeness", shown.key)
    tables = [_table(request, answers.completeness(track)) for track in tracks]
    context = {"challenge": shown, "tables": tables}
    return render(request, "submissions/completeness.html", context)


def _table(request: HttpRequest, table: answers.Completeness) -> dict[str, Any]:
    """A track's table, so many entries a page, with the teams that a reminder would reach."""
    page = Paginator(table.lines, PER_PAGE).get_page(request.GET.get(f"page-{table.track.key}"))
    return {
        "table": table,
        "page": page,
        "parameter": f"page-{table.track.key}",
        "rounds": reminding.last_rounds(table.track),
        "teams": len({line.submission.registration_id for line in table.lines if line.due}),
    }
