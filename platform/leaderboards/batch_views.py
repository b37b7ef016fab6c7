"""Pages on which organizers open batches, look at what they would change, and apply or discard them."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from challenges.models import Challenge
from challenges.selectors import is_organizer
from evaluations.batch_models import Batch
from evaluations.batches import applying, working
from evaluators.protocol.problems import ProblemsFound
from leaderboards import previews
from leaderboards.batch_forms import OpenBatchForm
from leaderboards.batch_page import lines_of, page_of


def _organized(request: HttpRequest, challenge: str) -> tuple[Challenge, User]:
    """The challenge, for its organizers; 404 for everybody else."""
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=challenge)
    if not isinstance(request.user, User) or not is_organizer(request.user, shown):
        raise Http404
    return shown, request.user


@require_http_methods(["GET", "POST"])
@login_required
def batches(request: HttpRequest, challenge: str) -> HttpResponse:
    """The challenge's batches, and the form that opens one."""
    shown, me = _organized(request, challenge)
    form = OpenBatchForm(request.POST or None, challenge=shown, user=me)
    if request.method == "POST" and (opened := form.open()) is not None:
        messages.success(request, f"Batch {opened.pk} is open. Look at its cost, then start it.")
        return redirect("batch", shown.key, opened.pk)
    return render(request, "leaderboards/batches.html", {"challenge": shown, "form": form, "lines": lines_of(shown)})


@require_safe
@login_required
def batch(request: HttpRequest, challenge: str, batch: int) -> HttpResponse:
    """A batch: why, what it costs, how far it is, and what it would change."""
    shown, _ = _organized(request, challenge)
    found = get_object_or_404(
        Batch.objects.select_related("suite_version__suite", "replaces__suite", "created_by"), challenge=shown, pk=batch
    )
    return render(request, "leaderboards/batch.html", {"challenge": shown, "page": page_of(found)})


@require_POST
@login_required
def batch_action(request: HttpRequest, challenge: str, batch: int, action: str) -> HttpResponse:
    """Start, preview, apply or discard; a refusal is told on the batch's page."""
    shown, me = _organized(request, challenge)
    found = get_object_or_404(Batch.objects.select_related("challenge"), challenge=shown, pk=batch)
    if action not in ACTIONS:
        raise Http404
    try:
        messages.success(request, ACTIONS[action](request, found, me))
    except ProblemsFound as error:
        messages.error(request, "; ".join(str(problem) for problem in error.problems))
    return redirect("batch", shown.key, found.pk)


def _start(request: HttpRequest, batch: Batch, me: User) -> str:
    working.start(batch=batch, user=me)
    return "Workers begin, once nothing that people handed in waits."


def _preview(request: HttpRequest, batch: Batch, me: User) -> str:
    previews.store(batch=batch)
    return "The preview is computed anew."


def _apply(request: HttpRequest, batch: Batch, me: User) -> str:
    previews.apply(batch=batch, user=me, digest=request.POST.get("digest", ""))
    return "The batch is applied: its scores count from now on."


def _discard(request: HttpRequest, batch: Batch, me: User) -> str:
    applying.discard(batch=batch, user=me, reason=request.POST.get("reason", ""))
    return "The batch is discarded: no score has changed."


ACTIONS: dict[str, Callable[[HttpRequest, Batch, User], str]] = {
    "start": _start, "preview": _preview, "apply": _apply, "discard": _discard,
}  # fmt: skip
