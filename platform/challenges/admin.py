"""Challenges, tracks and roles in the admin; an organizer sees only the challenges that are theirs."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from challenges import services
from challenges.forms import RoleForm, TrackForm
from challenges.models import Challenge, Role, Track


class BaseAdmin(ModelAdmin):  # type: ignore[misc]
    """What every model's admin shares: rows outside the organizer's own challenges are not there at all.

    `challenge_path` leads from a row to its challenge; without one, only superusers see the rows.
    """

    challenge_path: str | None = None
    list_per_page = 50
    compressed_fields = True
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of the organizer's challenges; all for a superuser."""
        rows = super().get_queryset(request)
        if request.user.is_superuser:  # type: ignore[union-attr]
            return rows
        if self.challenge_path is None:
            return rows.none()
        own = Challenge.objects.organized_by(request.user)
        if self.challenge_path == "":
            return rows.filter(pk__in=own.values("pk"))
        return rows.filter(**{f"{self.challenge_path}__in": own.values("pk")})

    def _may(self, request: HttpRequest, obj: Any) -> bool:
        user = request.user
        if not (user.is_active and user.is_staff):  # type: ignore[union-attr]
            return False
        if user.is_superuser:  # type: ignore[union-attr]
            return True
        if self.challenge_path is None:
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
    """The challenge's tracks; their rules stand on their own pages."""

    model = Track
    fields = ["key", "title", "position"]


class RoleInline(OwnedInline):
    """Who organizes and who reviews."""

    model = Role
    form = RoleForm
    fields = ["email", "kind"]


@admin.register(Challenge)
class ChallengeAdmin(BaseAdmin):
    """A challenge with its tracks and roles."""

    challenge_path = ""
    list_display = ["title", "key", "published", "created_at"]
    list_filter = ["published"]
    search_fields = ["title", "key"]
    fields = ["key", "title", "summary", "description", "timezone", "published"]
    inlines = [TrackInline, RoleInline]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A new challenge is opened by a superuser, or by an organizer who becomes its organizer."""
        return bool(request.user.is_active and request.user.is_staff)  # type: ignore[union-attr]

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
        roles = formset.save(commit=False)
        for role in formset.deleted_objects:
            services.revoke_role(role=role)
        for role in roles:
            services.grant_role(challenge=form.instance, user=role.user, kind=role.kind)


@admin.register(Track)
class TrackAdmin(BaseAdmin):
    """A track's rules, validated by the same document that challenge.yaml is read with."""

    challenge_path = "challenge"
    form = TrackForm
    list_display = ["title", "challenge", "key", "image", "counts"]
    list_filter = ["challenge"]
    search_fields = ["title", "key", "challenge__title"]
    fieldsets = [
        (None, {"fields": ["challenge", "key", "title", "description", "position"]}),
        ("What it takes", {"fields": ["kinds", "backends", "max_bytes", "questions", "budget"]}),
        ("Limits of a run", {"fields": ["image", "cpus", "memory", "pids", "gpus", "wall", "disk", "hardware"]}),
        ("Ranking", {"fields": ["counts", "aggregate", "missing", "alpha", "round_digits"]}),
    ]
