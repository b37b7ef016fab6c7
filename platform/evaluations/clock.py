"""The clock that leases are measured by: the database's, so that workers' own clocks don't matter."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone


def now() -> datetime:
    """The database's time; SQLite has none of its own, and lives on one machine."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def lease_end() -> datetime:
    """Until when a lease holds that is taken or renewed now."""
    return now() + timedelta(seconds=settings.LEASE_SECONDS)


def passed(field: str, *, seconds: float = 0.0, most: float) -> Q:
    """The condition that the time in `field` was `seconds` ago, or lies more than `most` seconds ahead.

    Nothing is put off further than that: such a time is from before the clock was put back, and says nothing any more.
    """
    moment = now()
    ago, ahead = moment - timedelta(seconds=seconds), moment + timedelta(seconds=most)
    return Q(**{f"{field}__lte": ago}) | Q(**{f"{field}__gt": ahead})
