"""Pages on which teams register, hand in, and find what they handed in."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Team, User
from challenges.models import Challenge, Track
from challenges.selectors import is_reviewer
from evaluators.protocol.problems import Problem
from submissions import ledger, merging, quota, selectors, services, uploads
from submissions.errors import SubmissionRefused, UploadRefused
from submissions.forms import MergeForm, SubmitForm
from submissions.models import Registration, UploadSession

# What the form asks of the training data, in this order.
DECLARED = ("corpora", "words_seen", "teachers", "corpora_list", "corpora_folder")


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


@require_GET
@login_required
def quota_page(request: HttpRequest, challenge: str, team: str | None = None) -> HttpResponse:
    """My team's quota ledger in a challenge; organizers and reviewers read any team's."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    me = _me(request)
    reviewer = is_reviewer(me, shown)
    registration = services.registration_of(me, shown)
    if team is not None and (registration is None or registration.team.slug != team):
        others = Registration.objects.filter(challenge=shown) if reviewer else Registration.objects.none()
        registration = get_object_or_404(others.select_related("team"), team__slug=team)
    context = {
        "challenge": shown,
        "registration": registration,
        "mine": registration is not None and registration.team.memberships.filter(user=me).exists(),
        "phases": ledger.ledger_of(registration) if registration else [],
        "others": selectors.registrations(shown) if reviewer else [],
    }
    return render(request, "submissions/quota.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def team_merge(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask another team to take this one in."""
    team = get_object_or_404(Team, slug=slug, members=request.user)
    form = MergeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            merge = merging.ask(source=team, name=form.cleaned_data["name"], user=_me(request))
        except SubmissionRefused as error:
            form.report(error.problems)
        else:
            messages.success(request, f"{merge.target.name} has been asked: one of its owners accepts or declines.")
            return redirect("team", slug)
    return render(request, "submissions/team_merge.html", {"team": team, "form": form})


ANSWERS = {"accept": merging.accept, "decline": merging.decline, "take_back": merging.take_back}
ANSWERED = {
    "accept": "{source} is part of {target} now.",
    "decline": "The request of {source} is declined.",
    "take_back": "The request to {target} is taken back.",
}


@require_http_methods(["GET", "POST"])
@login_required
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """A request to merge two teams, for the members of both: what it would do, and its answer."""
    me = _me(request)
    asked = get_object_or_404(selectors.merges_of(me), pk=pk)
    answer = request.POST.get("answer", "")
    problems: tuple[Problem, ...] = ()
    if request.method == "POST" and answer in ANSWERS:
        try:
            ANSWERS[answer](merge=asked, user=me)
        except SubmissionRefused as error:
            problems = error.problems
        else:
            said = ANSWERED[answer].format(source=asked.source.name, target=asked.target.name)
            messages.success(request, said)
            slug = asked.source.slug if answer == "take_back" else asked.target.slug
            return redirect("team", slug)
    return render(request, "submissions/merge.html", selectors.merge_in_words(asked, me) | {"problems": problems})


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
    hub = bool(form.cleaned_data.get("hub")) or form.has_error("hub")
    if hub and request.FILES.get("file") is not None:
        form.add_error("hub", "There is a file as well: choose one of them.")
        return None
    if attached is None and not hub and not form.has_error("file"):
        form.add_error("file", "Choose a file first.")
        return None
    if not valid or (attached is None and not hub):
        return None
    try:
        submission = services.submit(
            registration=registration,
            phases=list(form.cleaned_data["phases"]),
            # An upload that lies there from before is left aside where the model is on a hub.
            upload=None if hub else attached,
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
    standings = quota.standings(registration, form.open_phases)
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
        "quotas": [(phase, standings[phase.pk].words) for phase in form.open_phases],
        "declared": [(form[name], name in form.needed) for name in DECLARED],
        "answers": [(form[name], name in form.needed) for name in (f"answer_{key}" for key in form.questions)],
    }
