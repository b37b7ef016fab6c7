"""Pages on which teams register, hand in, and find what they handed in."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import User
from challenges.models import Challenge, Track
from submissions import quota, selectors, services, uploads
from submissions.errors import SubmissionRefused, UploadRefused
from submissions.forms import SubmitForm
from submissions.models import Registration, UploadSession


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - login_required has seen to it
    return request.user


@require_http_methods(["GET", "POST"])
@login_required
def register(request: HttpRequest, challenge: str) -> HttpResponse:
    """Choose the team to take part with."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    me = _me(request)
    there = services.registration_of(me, shown)
    if there is None and request.method == "POST":
        team = get_object_or_404(me.teams, slug=request.POST.get("team", ""))
        try:
            there = services.register(user=me, team=team, challenge=shown)
        except SubmissionRefused as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{team.name} takes part in {shown.title}.")
            return redirect("challenge", shown.key)
    context = {"challenge": shown, "registration": there, "teams": me.teams.all()}
    return render(request, "submissions/register.html", context)


@require_GET
@login_required
def submissions(request: HttpRequest, challenge: str) -> HttpResponse:
    """My team's submissions in a challenge."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    registration = services.registration_of(_me(request), shown)
    rows = selectors.team_submissions(registration) if registration else []
    open_tracks = list(dict.fromkeys(phase.track for phase in services.open_phases(shown)))
    context = {"challenge": shown, "registration": registration, "rows": rows, "open_tracks": open_tracks}
    return render(request, "submissions/submissions.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def submit(request: HttpRequest, challenge: str, track: str) -> HttpResponse:
    """The hand-in form of a track."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    chosen = get_object_or_404(Track, challenge=shown, key=track)
    me = _me(request)
    registration = services.registration_of(me, shown)
    if registration is None:
        messages.info(request, "Choose the team you take part with first.")
        return redirect("register", shown.key)
    phases = services.open_phases(shown)
    own = [phase.pk for phase in phases if phase.track_id == chosen.pk][:1]
    form = SubmitForm(request.POST or None, request.FILES or None, track=chosen, phases=phases, initial={"phases": own})
    attached = _attached(request, me, shown)
    if request.method == "POST":
        attached = _uploaded(request, form, me, shown) or attached
        form.bare_name = attached.filename if attached else form.bare_name
        response = _hand_in(request, form, registration, attached)
        if response is not None:
            return response
    return render(request, "submissions/submit.html", _context(form, shown, chosen, registration, attached, me))


def _attached(request: HttpRequest, me: User, challenge: Challenge) -> UploadSession | None:
    """The finished upload this page is about: the posted one, or the last one that was not handed in yet."""
    sessions = UploadSession.objects.filter(user=me, challenge=challenge)
    posted = request.POST.get("upload", "")
    if posted:
        try:
            return sessions.filter(pk=UUID(posted)).first()
        except ValueError:
            return None
    if request.method == "POST":
        return None
    return sessions.filter(state=UploadSession.State.COMPLETE).first()


def _uploaded(request: HttpRequest, form: SubmitForm, me: User, challenge: Challenge) -> UploadSession | None:
    """The file that came with the form itself, where JavaScript did not upload it before."""
    file = request.FILES.get("file")
    if file is None:
        return None
    try:
        return uploads.store_whole(
            user=me, challenge=challenge, filename=file.name or "upload", size=file.size or 0, chunks=file.chunks()
        )
    except UploadRefused as error:
        form.add_error("file", f"{error.problem.code}: {error.problem.message}. {error.problem.remedy}".strip())
        return None


def _hand_in(
    request: HttpRequest, form: SubmitForm, registration: Registration, attached: UploadSession | None
) -> HttpResponse | None:
    """Hand in where everything is there; otherwise the form keeps what was filled in and says what is missing."""
    valid = form.is_valid()
    if attached is None and not form.has_error("file"):
        form.add_error("file", "Choose a file first.")
        return None
    if not valid or attached is None:
        return None
    try:
        submission = services.submit(
            registration=registration,
            phases=list(form.cleaned_data["phases"]),
            upload=attached,
            manifest=form.cleaned_data["manifest"],
            user=_me(request),
        )
    except SubmissionRefused as error:
        form.report(error.problems)
        return None
    return redirect("submission", submission.pk)


def _context(
    form: SubmitForm,
    challenge: Challenge,
    track: Track,
    registration: Registration,
    attached: UploadSession | None,
    me: User,
) -> dict[str, Any]:
    return {
        "form": form,
        "challenge": challenge,
        "track": track,
        "registration": registration,
        "attached": attached if attached and attached.state == UploadSession.State.COMPLETE else None,
        "unfinished": [
            session
            for session in selectors.unfinished_uploads(me, challenge)
            if session.state == UploadSession.State.OPEN
        ],
        "quotas": [(phase, quota.left(registration, phase)) for phase in form.open_phases],
        "answers": [form[f"answer_{key}"] for key in form.questions],
    }
