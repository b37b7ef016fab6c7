"""Leaderboard snapshots, to look at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from challenges.admin import BaseAdmin
from leaderboards.models import Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(BaseAdmin):
    """Computed, so nothing is edited here."""

    list_display = ["phase", "current", "frozen", "digest", "created_at"]
    list_filter = ["current", "frozen"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds a leaderboard by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits a leaderboard by hand."""
        return False
