"""Hand-ins, entries and the ledger in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from unfold.admin import TabularInline

from challenges.admin import BaseAdmin, ReadOnlyAdmin
from challenges.models import Challenge, Phase
from submissions import quota, services
from submissions.models import Entry, QuotaChange, QuotaCharge, QuotaGrant, Registration, Submission


class ReadOnlyInline(TabularInline):  # type: ignore[misc]
    """What hangs on a row, looked at on its page; whoever may see the page may see it."""

    extra = 0
    can_delete = False
    hide_title = True
    related: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows with what their line names."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related(*self.related) if self.related else rows

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The parent's page has decided."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes by hand."""
        return False


class ChargeInline(ReadOnlyInline):
    """What a team has used."""

    model = QuotaCharge
    fields = ["phase", "submission", "standing", "reason", "created_at"]
    readonly_fields = ["submission", "standing"]
    related = ("phase__track", "entry__submission__registration__team", "entry__track")
    show_change_link = True

    @admin.display(description="Submission")
    def submission(self, charge: QuotaCharge) -> str:
        """Its number and name."""
        return f"#{charge.entry.submission.number} {charge.entry.submission.name}"

    @admin.display(description="State")
    def standing(self, charge: QuotaCharge) -> str:
        """Its state, and whether it counts as one of those at the same time."""
        return charge.get_state_display() + (", under way" if charge.active else "")


class GrantInline(ReadOnlyInline):
    """What a team was granted; more is granted on a page of its own."""

    model = QuotaGrant
    fields = ["phase", "amount", "day", "reason", "granted_by", "created_at"]
    related = ("phase__track", "granted_by", "registration__team")


class ChangeInline(ReadOnlyInline):
    """What happened to a charge."""

    model = QuotaChange
    fields = ["at", "old", "new", "reason"]


@admin.register(Registration)
class RegistrationAdmin(ReadOnlyAdmin):
    """Who takes part, with what each team has used and was granted."""

    challenge_path = "challenge"
    inlines = [ChargeInline, GrantInline]
    search_fields = ["team__name"]
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
    exclude = ["conversion"]
    readonly_fields = ["converted_weights"]

    @admin.display(description="Converted weights")
    def converted_weights(self, submission: Submission) -> str:
        """Which pickled files became which safetensors, by what; and which were left out unread."""
        made = submission.conversion
        lines = [
            f"{part}: {file['path']} ({file['size']:,} bytes, sha256 {file['sha256']})"
            for part, name in (("from", "sources"), ("to", "results"), ("left out", "left_out"))
            for file in made.get(name, [])
        ]
        if made.get("torch"):
            lines.append(f"by: PyTorch {made['torch']} in the image {made['image_id']}")
        return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines)) or "None."

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
    inlines = [ChangeInline]
    list_display = ["registration", "phase", "entry", "state", "active", "reason", "created_at"]
    list_filter = ["state", ("phase", admin.RelatedOnlyFieldListFilter)]
    list_select_related = [
        "registration__team",
        "registration__challenge",
        "phase__track",
        "entry__submission__registration__team",
        "entry__track",
    ]


class GrantForm(forms.ModelForm):  # type: ignore[type-arg]
    """A grant; the phase must be one of the team's challenge."""

    class Meta:
        model = QuotaGrant
        fields = ["registration", "phase", "amount", "day", "reason"]

    def clean(self) -> dict[str, Any]:
        """Refuse a phase of another challenge, and a reason that says nothing."""
        cleaned = super().clean() or {}
        registration, phase = cleaned.get("registration"), cleaned.get("phase")
        if registration and phase and phase.track.challenge_id != registration.challenge_id:
            self.add_error("phase", f"{registration.team} takes part in another challenge.")
        return cleaned


@admin.register(QuotaGrant)
class QuotaGrantAdmin(BaseAdmin):
    """Hand-ins granted beyond the quota: added with a reason that the team reads, and never changed."""

    challenge_path = "registration__challenge"
    form = GrantForm
    list_display = ["registration", "phase", "amount", "day", "reason", "granted_by", "created_at"]
    list_filter = [("phase", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["registration__team", "registration__challenge", "phase__track", "granted_by"]
    fields = ["registration", "phase", "amount", "day", "reason"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Today, unless the address says otherwise."""
        return {"day": quota.today(), **super().get_changeform_initial_data(request)}

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the teams and phases of the organizer's own challenges."""
        own = Challenge.objects.organized_by(request.user)
        if db_field.related_model is Registration:
            kwargs["queryset"] = Registration.objects.filter(challenge__in=own).select_related("team", "challenge")
        elif db_field.related_model is Phase:
            kwargs["queryset"] = Phase.objects.filter(track__challenge__in=own).select_related("track")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: QuotaGrant, form: Any, change: bool) -> None:
        """The grant goes through its service, under the ledger's lock."""
        made = quota.grant(
            registration=obj.registration, phase=obj.phase, amount=obj.amount, day=obj.day, reason=obj.reason,
            user=request.user,  # type: ignore[arg-type]
        )  # fmt: skip
        obj.pk, obj.granted_by = made.pk, made.granted_by

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was granted stays as it was granted."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was granted stays granted."""
        return False
