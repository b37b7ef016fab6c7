"""Leaderboard snapshots, to look at, and to freeze."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from challenges.admin import ReadOnlyAdmin
from leaderboards import services
from leaderboards.models import Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    """Computed, so nothing is edited here; a board can be frozen as its page shows it, and let go on."""

    challenge_path = "phase__track__challenge"
    list_display = ["phase", "current", "frozen", "digest", "created_at", "board"]
    list_filter = ["current", "frozen", ("phase__track__challenge", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["phase__track__challenge"]
    fields = [
        "phase", "current", "frozen", "frozen_by", "frozen_at", "rule", "told_rule", "digest", "told_digest",
        "created_at", "computed_at",
    ]  # fmt: skip
    actions = ["freeze", "unfreeze"]

    @admin.display(description="Page")
    def board(self, obj: Snapshot) -> str:
        """A link to the board as it stood then."""
        track = obj.phase.track
        page = reverse("leaderboard", args=[track.challenge.key, track.key, obj.phase.key])
        return format_html('<a href="{}?as_of={}">Open</a>', page, obj.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))

    @admin.action(description="Freeze the boards of these phases as their pages show them", permissions=["freeze"])
    def freeze(self, request: HttpRequest, queryset: QuerySet[Snapshot]) -> None:
        """Until they are unfrozen, new scores change nothing that is shown."""
        phases = {snapshot.phase for snapshot in queryset.select_related("phase")}
        for phase in phases:
            services.freeze(phase=phase, user=request.user)  # type: ignore[arg-type]
        self.message_user(request, f"The boards of {len(phases)} phases are frozen.")

    @admin.action(description="Unfreeze the boards of these phases", permissions=["freeze"])
    def unfreeze(self, request: HttpRequest, queryset: QuerySet[Snapshot]) -> None:
        """Their pages show what was computed last."""
        phases = {snapshot.phase for snapshot in queryset.select_related("phase")}
        for phase in phases:
            services.unfreeze(phase=phase)
        self.message_user(request, f"The boards of {len(phases)} phases show what was computed last.")

    def has_freeze_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Organizers freeze the boards of their challenges."""
        return self.has_view_permission(request, obj)
