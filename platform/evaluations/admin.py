"""Runs, attempts and evaluations in the admin: to look at, and to queue again what failed through us."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from challenges.admin import ReadOnlyAdmin
from evaluations import services
from evaluations.models import Attempt, Canary, Evaluation, ResponseSet, Run, RunnerImage
from evaluations.states import MoveRefused


class AttemptInline(TabularInline):  # type: ignore[misc]
    """A run's attempts, with what each used."""

    model = Attempt
    extra = 0
    can_delete = False
    fields = ["number", "state", "worker", "started_at", "ended_at", "resources", "outcome", "log_tail"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits by hand."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The run's page has decided."""
        return True


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """What runs, waits, and went wrong."""

    challenge_path = "phase__track__challenge"
    list_display = ["entry", "phase", "purpose", "state", "code", "queue", "created_at", "finished_at"]
    list_filter = ["state", "purpose", "queue", ("phase__track", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["id", "entry__submission__name", "code"]
    list_select_related = ["entry__submission__registration__team", "entry__track", "phase__track"]
    inlines = [AttemptInline]
    actions = ["requeue", "cancel"]

    @admin.action(description="Queue again (runs that failed through an error of the platform)", permissions=["view"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Queue the chosen runs again that ended as ERRORED."""
        refused = 0
        for run in queryset:
            try:
                services.requeue(run)
            except MoveRefused:
                refused += 1
        if queryset.count() - refused:
            self.message_user(request, f"{queryset.count() - refused} runs are queued again.")
        if refused:
            text = f"{refused} runs did not fail through an error of the platform and stay as they are."
            self.message_user(request, text, messages.WARNING)

    @admin.action(description="Cancel (what runs is stopped; its team keeps what it was charged)", permissions=["view"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Stop the chosen runs that have not ended."""
        cancelled = sum(services.cancel(run) for run in queryset)
        self.message_user(request, f"{cancelled} runs are cancelled.")


@admin.register(RunnerImage)
class RunnerImageAdmin(ReadOnlyAdmin):
    """Kept images; they belong to no challenge, so only superusers see them."""

    list_display = ["name", "image_id", "size", "created_at"]


@admin.register(Canary)
class CanaryAdmin(ReadOnlyAdmin):
    """What the canary baseline found; it belongs to no challenge, so only superusers see it."""

    list_display = ["image_id", "hardware", "evaluator", "sings", "worker", "fault", "checked_at"]
    list_filter = ["hardware"]
    actions = ["accept"]

    @admin.display(boolean=True, description="as expected")
    def sings(self, canary: Canary) -> bool:
        """Whether the last check found what was expected."""
        return canary.sings

    @admin.action(description="Expect from now on what was found the last time", permissions=["view"])
    def accept(self, request: HttpRequest, queryset: QuerySet[Canary]) -> None:
        """After hardware or an engine was changed on purpose; scores before and after it may differ."""
        accepted = queryset.exclude(found="").update(expected=F("found"))
        self.message_user(request, f"{accepted} canaries are expected to score as they did the last time.")


@admin.register(ResponseSet)
class ResponseSetAdmin(ReadOnlyAdmin):
    """Answers, by their digests; the answers themselves and their draw stay sealed."""

    challenge_path = "submission__registration__challenge"
    list_display = ["submission", "suite_version", "selection", "complete", "asked", "answered", "completed_at"]
    list_filter = ["complete", ("suite_version", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["submission__registration__team", "suite_version__suite"]
    exclude = ["draw_key", "sealed_name"]


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    """Scores documents."""

    challenge_path = "response_set__submission__registration__challenge"
    list_display = ["response_set", "evaluator", "complete", "created_at"]
    list_filter = ["evaluator", "complete"]
    list_select_related = ["response_set__submission__registration__team", "response_set__suite_version__suite"]
    exclude = ["items_name"]
