"""Users and teams in the admin, for superusers."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django import forms
from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from accounts import services
from accounts.models import Membership, Team, User

# One door: the admin's own login page would let in addresses that nobody has confirmed, as often as somebody guesses.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


@admin.register(User)
class UserAdmin(ModelAdmin):  # type: ignore[misc]
    """People; passwords are set by the people themselves, through a reset."""

    list_display = ["email", "name", "is_active", "is_staff", "is_superuser", "date_joined"]
    list_filter = ["is_active", "is_staff", "is_superuser"]
    search_fields = ["email", "name"]
    ordering = ["-date_joined"]
    fields = ["email", "name", "is_active", "is_staff", "is_superuser", "date_joined", "last_login"]
    readonly_fields = ["date_joined", "last_login"]


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]
    """A seat in a team; nobody gets one who takes part in the same challenge with another team."""

    class Meta:
        model = Membership
        fields = ["user", "role", "joined_at"]

    def clean(self) -> dict[str, Any]:
        """Refuse a second seat. The admin saves in one transaction, which holds the seats until it has."""
        cleaned = super().clean() or {}
        team, user = self.instance.team, cleaned.get("user")
        if team.pk and user and "user" in self.changed_data:
            try:
                services.hold_seats(team)
                services.check_seat(user=user, team=team)
            except services.TeamError as error:
                self.add_error("user", str(error))
        return cleaned


class MembershipInline(TabularInline):  # type: ignore[misc]
    """Who is in the team."""

    model = Membership
    form = MembershipForm
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(Team)
class TeamAdmin(ModelAdmin):  # type: ignore[misc]
    """Teams."""

    list_display = ["name", "slug", "created_at", "merged_into"]
    list_select_related = ["merged_into"]
    search_fields = ["name"]
    readonly_fields = ["closed_at", "merged_into"]
    inlines = [MembershipInline]
