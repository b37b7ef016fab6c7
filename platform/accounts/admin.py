"""Users and teams in the admin, for superusers."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

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


class MembershipInline(TabularInline):  # type: ignore[misc]
    """Who is in the team."""

    model = Membership
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(Team)
class TeamAdmin(ModelAdmin):  # type: ignore[misc]
    """Teams."""

    list_display = ["name", "slug", "created_at"]
    search_fields = ["name"]
    inlines = [MembershipInline]
