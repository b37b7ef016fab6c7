"""Which suite versions an organizer may see and use."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from accounts.models import User
from challenges.models import Challenge
from suites.models import Suite, SuiteVersion


def versions_for(user: AbstractBaseUser | AnonymousUser) -> QuerySet[SuiteVersion]:
    """Versions that the user added, that their challenges ask, or that hide nothing; all for a superuser.

    An organizer of one challenge may take part in another: what that one hides must stay hidden from them, its items
    too, and they must not be able to ask it in a phase of their own.
    """
    rows = SuiteVersion.objects.all()
    if getattr(user, "is_superuser", False) and user.is_active:
        return rows
    if not (user.is_authenticated and user.is_active):
        return rows.none()
    asked = Q(phase_suites__phase__track__challenge__in=Challenge.objects.organized_by(user))
    return rows.filter(pk__in=rows.filter(Q(uploaded_by=user.pk) | asked | Q(hidden=False)).values("pk"))


def may_extend(user: User, suite: Suite) -> bool:
    """Whether the user may add versions to the suite and rename it: who added one may, and superusers."""
    return bool(user.is_superuser or suite.versions.filter(uploaded_by=user).exists())


def split_counts(version: SuiteVersion) -> dict[str, int]:
    """Items of each split, as counted when the version was added."""
    counts: dict[str, int] = version.check_report.get("counts", {}).get("splits", {})
    return counts


def missing_split(version: SuiteVersion, splits: list[str]) -> str:
    """Why these splits can't be asked, in a sentence; empty where they hold items, each of them."""
    counts = split_counts(version)
    empty = [split for split in splits if not counts.get(split)]
    if not empty:
        return ""
    there = ", ".join(f"{name} ({count:,})" for name, count in counts.items())
    return f"{version} has no items in the split {empty[0]}. It has: {there}."
