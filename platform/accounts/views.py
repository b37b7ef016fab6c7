"""Pages of teams and invitations."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import services
from accounts.forms import InvitationForm, TeamForm
from accounts.models import Membership, Merge, Team, User


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - login_required has seen to it
    return request.user


@require_GET
@login_required
def teams(request: HttpRequest) -> HttpResponse:
    """The teams I am in."""
    memberships = _me(request).memberships.select_related("team").prefetch_related("team__memberships__user")
    return render(request, "accounts/teams.html", {"memberships": memberships})


@require_http_methods(["GET", "POST"])
@login_required
def team_new(request: HttpRequest) -> HttpResponse:
    """Open a team; goes back to where it was asked for."""
    form = TeamForm(request.POST or None)
    onward = request.GET.get("next", "")
    if request.method == "POST" and form.is_valid():
        try:
            team = services.create_team(name=form.cleaned_data["name"], owner=_me(request))
        except services.TeamError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, f"The team {team.name} is open. Invite the others from its page.")
            if url_has_allowed_host_and_scheme(onward, allowed_hosts=None):
                return HttpResponseRedirect(onward)
            return redirect("team", team.slug)
    return render(request, "accounts/team_new.html", {"form": form})


@require_GET
@login_required
def team(request: HttpRequest, slug: str) -> HttpResponse:
    """A team's page, for its members."""
    return _team_page(request, slug, InvitationForm())


def _team_page(request: HttpRequest, slug: str, form: InvitationForm) -> HttpResponse:
    team = get_object_or_404(Team, slug=slug, members=request.user)
    now = timezone.now()
    invitations = team.invitations.filter(accepted_at=None, revoked_at=None, expires_at__gt=now)
    memberships = team.memberships.select_related("user")
    context = {
        "team": team,
        "memberships": memberships,
        "invitations": invitations,
        "form": form,
        "asked": team.merges_out.filter(state=Merge.State.ASKED).select_related("target").first(),
        "asking": team.merges_in.filter(state=Merge.State.ASKED).select_related("source"),
        "owner": memberships.filter(user=request.user.pk, role=Membership.Role.OWNER).exists(),
    }
    return render(request, "accounts/team.html", context)


@require_POST
@login_required
def team_invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Invite somebody by e-mail."""
    team = get_object_or_404(Team, slug=slug, members=request.user)
    form = InvitationForm(request.POST)
    if form.is_valid():
        try:
            services.invite(team=team, email=form.cleaned_data["email"], invited_by=_me(request))
        except services.TeamError as error:
            form.add_error("email", str(error))
        else:
            messages.success(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
            return redirect("team", slug)
    return _team_page(request, slug, form)


@require_POST
@login_required
def team_leave(request: HttpRequest, slug: str) -> HttpResponse:
    """Leave a team."""
    team = get_object_or_404(Team, slug=slug, members=request.user)
    try:
        services.leave_team(team=team, user=_me(request))
    except services.TeamError as error:
        messages.error(request, str(error))
        return redirect("team", slug)
    messages.success(request, f"You have left {team.name}.")
    return redirect("teams")


@require_POST
@login_required
def invitation_revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take an invitation back."""
    team = get_object_or_404(Team, slug=slug, members=request.user)
    services.revoke_invitation(invitation=get_object_or_404(team.invitations, pk=pk))
    messages.success(request, "The invitation is taken back.")
    return redirect("team", slug)


@require_http_methods(["GET", "POST"])
@login_required
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation behind its link: looked at with GET, accepted with POST."""
    try:
        if request.method == "POST":
            joined = services.accept_invitation(token=token, user=_me(request))
            messages.success(request, f"You are in the team {joined.name}.")
            return redirect("team", joined.slug)
        found = services.open_invitation(token=token)
    except services.TeamError as error:
        return render(request, "accounts/invitation.html", {"error": str(error)})
    context = {"invitation": found, "mine": services.is_for(found, _me(request))}
    return render(request, "accounts/invitation.html", context)
