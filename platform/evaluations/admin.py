"""Runs, attempts and evaluations in the admin: to look at, and to queue again what failed through us."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from challenges.admin import BaseAdmin, ReadOnlyAdmin
from evaluations import flags, services, spotchecks
from evaluations.models import (
    Attempt,
    Canary,
    Evaluation,
    Flag,
    FlagDecision,
    ResponseSet,
    Run,
    RunnerImage,
    SpotCheck,
    SpotCheckPlan,
)
from evaluations.states import MoveRefused
from evaluators.protocol.problems import ProblemsFound
from sandbox.errors import SandboxError


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
    actions = ["requeue", "cancel", "spot_check"]

    @admin.action(description="Spot-check the predictions (on the model that was handed in)", permissions=["view"])
    def spot_check(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Order a spot-check of each of the chosen runs; the recommended size, and nobody's quota."""
        ordered = 0
        for run in queryset.select_related("entry__submission__registration", "entry__track", "phase__track"):
            try:
                spotchecks.order(run, user=request.user)  # type: ignore[arg-type]
                ordered += 1
            except (ProblemsFound, SandboxError) as error:
                self.message_user(request, f"{run.entry.submission}: {error}", messages.WARNING)
        if ordered:
            self.message_user(request, f"{ordered} spot-checks are ordered.")

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
    exclude = ["draw_key", "sealed_name", "chosen_name"]


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    """Scores documents."""

    challenge_path = "response_set__submission__registration__challenge"
    list_display = ["response_set", "evaluator", "provenance", "complete", "counts", "told", "created_at"]
    list_filter = ["provenance", "evaluator", "complete", "counts"]
    list_select_related = ["response_set__submission__registration__team", "response_set__suite_version__suite"]
    exclude = ["items_name"]

    @admin.display(description="flags")
    def told(self, evaluation: Evaluation) -> str:
        """What the scorer noticed, such as a constant predictor."""
        return ", ".join(map(str, evaluation.document.get("flags", [])))


@admin.register(SpotCheck)
class SpotCheckAdmin(ReadOnlyAdmin):
    """What spot-checks found, and how small a forgery they would have caught; their items stay sealed."""

    challenge_path = "run__phase__track__challenge"
    list_display = [
        "checked", "suite", "verdict", "size", "frame", "disagreements", "allowance", "unclear", "caught", "created_at",
    ]  # fmt: skip
    list_filter = ["verdict", ("run__phase__track", admin.RelatedOnlyFieldListFilter)]
    list_select_related = [
        "evaluation__response_set__submission__registration__team",
        "evaluation__response_set__suite_version__suite",
    ]

    @admin.display(description="predictions")
    def checked(self, check: SpotCheck) -> str:
        """Whose predictions."""
        return str(check.evaluation.response_set.submission)

    @admin.display(description="suite")
    def suite(self, check: SpotCheck) -> str:
        """On which suite."""
        return str(check.evaluation.response_set.suite_version)

    @admin.display(description="would have caught (95 %)")
    def caught(self, check: SpotCheck) -> str:
        """The smallest forgery that it would have shown."""
        if check.smallest is None:
            return "–"
        share = check.detail.get("smallest_of_wrong")
        of_wrong = "" if share is None else f", {share:.1%} of the wrong ones"
        return f"{check.smallest:,} changed answers{of_wrong}"


@admin.register(SpotCheckPlan)
class SpotCheckPlanAdmin(BaseAdmin):
    """How tracks spot-check predictions."""

    challenge_path = "track__challenge"
    list_display = ["track", "flipped", "power", "automatic"]
    list_select_related = ["track__challenge"]
    fields = ["track", "flipped", "power", "automatic"]


class DecisionInline(TabularInline):  # type: ignore[misc]
    """What was decided about a flag."""

    model = FlagDecision
    extra = 0
    can_delete = False
    fields = ["at", "old", "new", "reason", "by"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Decisions are taken on the flag's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was decided stays on record."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The flag's page has decided."""
        return True


class FlagForm(forms.ModelForm):  # type: ignore[type-arg]
    """A decision about a flag, with its reason."""

    class Meta:
        model = Flag
        fields = ["state", "reason"]

    def clean(self) -> dict[str, Any]:
        """Refuse a decision without a reason."""
        cleaned = super().clean() or {}
        if not str(cleaned.get("reason", "")).strip():
            self.add_error("reason", "Say why: it stays on record.")
        return cleaned


@admin.register(Flag)
class FlagAdmin(BaseAdmin):
    """What somebody should look at; deciding changes no rank, and teams see nothing of it."""

    challenge_path = "submission__registration__challenge"
    form = FlagForm
    list_display = ["kind", "submission", "other", "subject", "numbers", "state", "created_at"]
    list_filter = ["state", "kind", ("submission__registration__challenge", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["submission__registration__team", "other__registration__team"]
    fields = ["kind", "submission", "other", "subject", "numbers", "state", "reason", "decided_by", "decided_at"]
    readonly_fields = ["kind", "submission", "other", "subject", "numbers", "decided_by", "decided_at"]
    inlines = [DecisionInline]

    def save_model(self, request: HttpRequest, obj: Flag, form: Any, change: bool) -> None:
        """The decision goes through its service, which keeps what was decided before."""
        flags.decide(flag=obj, state=obj.state, reason=obj.reason, user=request.user)  # type: ignore[arg-type]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Flags are raised by the platform."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was noticed stays on record."""
        return False
