"""Challenges, tracks and roles in the admin; an organizer sees only the challenges that are theirs."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import now
from unfold.admin import ModelAdmin, TabularInline

from challenges import services
from challenges.forms import ChallengeForm, RoleForm, TrackForm
from challenges.models import Challenge, Role, Track


class BaseAdmin(ModelAdmin):  # type: ignore[misc]
    """What every model's admin shares: rows outside the organizer's own challenges are not there at all.

    `challenge_path` leads from a row to its challenge; without one, only superusers find rows.
    """

    challenge_path: str | None = None
    list_per_page = 50
    compressed_fields = True
    warn_unsaved_form = True

    def own_rows(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that belong to the organizer's challenges."""
        if self.challenge_path is None:
            return rows.none()
        own = Challenge.objects.organized_by(request.user).values("pk")
        return rows.filter(**{f"{self.challenge_path}__in": own})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of the organizer's challenges; all for a superuser."""
        rows = super().get_queryset(request)
        return rows if request.user.is_superuser else self.own_rows(request, rows)

    def _may(self, request: HttpRequest, obj: Any) -> bool:
        """Staff alone opens nothing: it takes a challenge to look after, and a row that belongs to it."""
        user = request.user
        if not (user.is_active and user.is_staff):
            return False
        if user.is_superuser:
            return True
        if not Challenge.objects.organized_by(user).exists():
            return False
        return obj is None or self.get_queryset(request).filter(pk=obj.pk).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the app stands in the menu."""
        return self._may(request, None)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Organizers look at what belongs to their challenges."""
        return self._may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Organizers change what belongs to their challenges."""
        return self._may(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Organizers add below their challenges."""
        return self._may(request, None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what nothing hangs on can be deleted; the database holds the rest."""
        return self._may(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only the organizer's own challenges and tracks."""
        own = Challenge.objects.organized_by(request.user)
        if db_field.related_model is Challenge:
            kwargs.setdefault("queryset", own)
        elif db_field.related_model is Track:
            kwargs.setdefault("queryset", Track.objects.filter(challenge__in=own))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ReadOnlyAdmin(BaseAdmin):
    """For what the platform computes or records: looked at, never edited by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes by hand."""
        return False


class OwnedInline(TabularInline):  # type: ignore[misc]
    """Rows edited on the page of the row they belong to; who may change that page may change them."""

    extra = 0
    show_change_link = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The parent's page has decided."""
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The parent's page has decided."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The parent's page has decided."""
        return True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The parent's page has decided."""
        return True


class TrackInline(OwnedInline):
    """The challenge's tracks; their rules stand on their own pages, where they are added too."""

    model = Track
    fields = ["key", "title", "position"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A track without rules would take nothing."""
        return False


class RoleInline(OwnedInline):
    """Who organizes and who reviews."""

    model = Role
    form = RoleForm
    fields = ["email", "kind"]


@admin.register(Challenge)
class ChallengeAdmin(BaseAdmin):
    """A challenge with its tracks and roles."""

    challenge_path = "pk"
    form = ChallengeForm
    list_display = ["title", "key", "published", "created_at"]
    list_filter = ["published"]
    search_fields = ["title", "key"]
    fields = ["key", "title", "summary", "description", "timezone", "published"]
    inlines = [TrackInline, RoleInline]

    def save_model(self, request: HttpRequest, obj: Challenge, form: Any, change: bool) -> None:
        """Who opens a challenge organizes it."""
        super().save_model(request, obj, form, change)
        if not change:
            services.grant_role(challenge=obj, user=request.user, kind=Role.Kind.ORGANIZER)  # type: ignore[arg-type]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Roles go through their services, which look after access to the admin."""
        if formset.model is not Role:
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        for role in formset.deleted_objects:
            services.revoke_role(role=role)
        for role, _fields in formset.changed_objects:
            services.change_role(role=role, user=role.user, kind=role.kind)
        for role in formset.new_objects:
            services.grant_role(challenge=form.instance, user=role.user, kind=role.kind)


@admin.register(Track)
class TrackAdmin(BaseAdmin):
    """A track's rules, validated by the same document that challenge.yaml is read with."""

    challenge_path = "challenge"
    form = TrackForm
    list_display = ["title", "challenge", "key", "image", "counts", "paused_reason"]
    list_filter = [("challenge", admin.RelatedOnlyFieldListFilter), ("paused_at", admin.EmptyFieldListFilter)]
    readonly_fields = ["paused_at", "paused_reason", "answers"]
    actions = ["lift_pause"]
    list_select_related = ["challenge"]
    search_fields = ["title", "key", "challenge__title"]
    fieldsets = [
        (None, {"fields": ["challenge", "key", "title", "description", "position"]}),
        (
            "What it takes",
            {
                "fields": [
                    "kinds",
                    "backends",
                    "convert_weights",
                    "remote_code",
                    "max_bytes",
                    "checkpoints",
                    "budget",
                ]
            },
        ),
        ("Questions about methods", {"fields": ["metadata_until", "answers", "questions"]}),
        ("Limits of a run", {"fields": ["image", "cpus", "memory", "pids", "gpus", "wall", "disk", "hardware"]}),
        ("Paused by the platform", {"fields": ["paused_at", "paused_reason"]}),
        ("Rehearsals", {"fields": ["rehearsals_hour", "rehearsal_items"]}),
        (
            "Ranking",
            {
                "fields": [
                    "counts",
                    "aggregate",
                    "missing",
                    "least_provenance",
                    "ties",
                    "alpha",
                    "round_digits",
                    "ladder",
                ]
            },
        ),
    ]

    @admin.display(description="Answers")
    def answers(self, track: Track) -> str:
        """Where to see what teams have answered; the page lies in an app above this one."""
        if track.pk is None:
            return "Nobody has answered yet."
        page = reverse("method_completeness", args=[track.challenge.key])
        return format_html('<a href="{}#track-{}">What is answered, and what is missing</a>', page, track.key)

    @admin.action(description="Lift the pause (the fault of the platform is mended)", permissions=["change"])
    def lift_pause(self, request: HttpRequest, queryset: QuerySet[Track]) -> None:
        """Let the chosen tracks' runs be claimed again; the sweeper wakes them."""
        lifted = queryset.filter(paused_at__isnull=False).update(paused_at=None, paused_reason="", resumed_at=now())
        self.message_user(request, f"The pause of {lifted} tracks is lifted; their runs go on within seconds.")

    def save_model(self, request: HttpRequest, obj: Track, form: Any, change: bool) -> None:
        """Whatever the track ranks by, its leaderboards follow."""
        super().save_model(request, obj, form, change)
        services.refresh_leaderboards(track=obj)
