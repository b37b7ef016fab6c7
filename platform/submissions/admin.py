"""Hand-ins, entries and the ledger in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from challenges.admin import BaseAdmin, ReadOnlyAdmin
from submissions import services
from submissions.models import Entry, QuotaCharge, Registration, Submission


@admin.register(Registration)
class RegistrationAdmin(ReadOnlyAdmin):
    """Who takes part."""

    challenge_path = "challenge"
    list_display = ["team", "challenge", "created_by", "created_at"]
    list_filter = [("challenge", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["team", "challenge", "created_by"]


@admin.register(Submission)
class SubmissionAdmin(ReadOnlyAdmin):
    """What was handed in."""

    challenge_path = "registration__challenge"
    list_display = ["name", "kind", "team", "state", "created_at"]
    list_filter = ["state", "kind", ("registration__challenge", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["registration__team"]
    search_fields = ["name", "registration__team__name", "digest"]

    @admin.display(ordering="registration__team__name")
    def team(self, submission: Submission) -> str:
        """The team's name."""
        return submission.registration.team.name


class EntryForm(forms.ModelForm):  # type: ignore[type-arg]
    """A decision about an entry: anything but official takes a reason, which the team reads."""

    class Meta:
        model = Entry
        fields = ["status", "reason"]

    def clean(self) -> dict[str, Any]:
        """Ask for the reason."""
        cleaned = super().clean() or {}
        if cleaned.get("status") != Entry.Status.OFFICIAL and not (cleaned.get("reason") or "").strip():
            self.add_error("reason", "Say why: the team reads it.")
        return cleaned


@admin.register(Entry)
class EntryAdmin(BaseAdmin):
    """Entries: an organizer decides about their status, with a reason."""

    challenge_path = "track__challenge"
    list_display = ["submission", "track", "status", "reason", "decided_by"]
    list_filter = ["status", ("track", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["submission__registration__team", "track", "decided_by"]
    form = EntryForm
    fields = ["submission", "track", "status", "reason", "picked", "decided_by", "decided_at"]
    readonly_fields = ["submission", "track", "picked", "decided_by", "decided_at"]

    def save_model(self, request: HttpRequest, obj: Entry, form: Any, change: bool) -> None:
        """The decision goes through its service, which records who took it and refreshes the leaderboards."""
        if "status" not in form.changed_data and "reason" not in form.changed_data:
            return
        services.set_status(entry=obj, status=obj.status, reason=obj.reason, user=request.user)  # type: ignore[arg-type]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Entries are made by handing in."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing that was handed in is deleted."""
        return False


@admin.register(QuotaCharge)
class QuotaChargeAdmin(ReadOnlyAdmin):
    """The ledger."""

    challenge_path = "phase__track__challenge"
    list_display = ["registration", "phase", "entry", "state", "active", "reason", "created_at"]
    list_filter = ["state", ("phase", admin.RelatedOnlyFieldListFilter)]
    list_select_related = [
        "registration__team",
        "registration__challenge",
        "phase__track",
        "entry__submission__registration__team",
        "entry__track",
    ]
