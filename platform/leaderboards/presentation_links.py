"""What a leaderboard's address asks, and the links that ask something else."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.utils.dateparse import parse_date, parse_datetime

PAGE_ROWS = 100


class NoSuchMoment(ValueError):
    """The address names a moment that is none."""


@dataclass(frozen=True)
class View:
    """One way to look at the board, such as a part or a tag; `query` is what its address ends in."""

    title: str
    query: str
    current: bool
    count: int | None = None


@dataclass(frozen=True)
class Address:
    """The query of a leaderboard's address; what is "" is not asked.

    `part`, `tag` and `suite` are views of the table, `status`, `section` and `q` say which rows, `page` counts from 1,
    `as_of` is a moment in ISO 8601.
    """

    part: str = ""
    tag: str = ""
    suite: str = ""
    status: str = ""
    section: str = ""
    q: str = ""
    page: int = 1
    as_of: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Address":
        """The address of a request; what is no page number counts as the first."""
        page = query.get("page", "")
        number = int(page) if page.isascii() and page.isdecimal() and len(page) < 9 else 1
        names = ("part", "tag", "suite", "status", "section", "q", "as_of")
        # No database holds a NUL, and one would fail on it.
        asked = {name: query.get(name, "").replace("\0", "\ufffd").strip()[:200] for name in names}
        return cls(page=max(1, number), **asked)

    def link(self, **changes: Any) -> str:
        """The query that asks the same but for the changes: `?part=glue&page=2`; `?` where nothing is asked."""
        asked = asdict(replace(self, **changes))
        if asked["page"] == 1:
            asked["page"] = ""
        return f"?{urlencode({name: value for name, value in asked.items() if value})}"

    def hidden_fields(self, *left_out: str) -> list[tuple[str, str]]:
        """What a form must send along so that it changes only the fields that are left out."""
        asked = asdict(replace(self, page=1))
        return [(name, value) for name, value in asked.items() if value and name not in (*left_out, "page")]

    @property
    def moment(self) -> datetime | None:
        """The moment asked for, in UTC where no zone is named; None for now. Raises NoSuchMoment."""
        if not self.as_of:
            return None
        try:
            day = parse_date(self.as_of)
            if day is not None:
                return datetime(day.year, day.month, day.day, 23, 59, 59, 999_999, UTC)
            found = parse_datetime(self.as_of)
            if found is None:
                raise NoSuchMoment(self.as_of)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            raise NoSuchMoment(self.as_of) from error


class EntryLinks(NamedTuple):
    """Where the pages of a board's entries are: below its own path, at the moment that it is looked at."""

    path: str
    query: str = ""

    def of(self, row: Mapping[str, Any]) -> str:
        """The page of the row's entry, "" where there is none.

        Nor is there one of a made-up name: an entry's address is the same on every board of its track, and would tell
        whose it is.
        """
        return f"{self.path}/{int(row['entry'])}{self.query}" if row.get("entry") and not row.get("blind") else ""
