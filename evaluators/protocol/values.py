"""The values that documents are made of: sizes, durations, moments, zones, keys."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints

# "Anywhere on Earth": a deadline has passed only when it has passed everywhere.
AOE = timezone(timedelta(hours=-12), "AoE")

SIZE = re.compile(r"^(?P<number>\d+)(?P<unit>[kmgt]?)(?:i?b)?\Z", re.IGNORECASE)
SIZE_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
DURATION = re.compile(r"^(?P<number>\d+)(?P<unit>[smhd]?)\Z", re.IGNORECASE)
DURATION_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

# Far beyond what anybody needs, and within what every database's columns and every clock can hold.
MAX_SIZE = 2**50
MAX_DURATION = 366 * 86_400
MAX_COUNT = 1_000_000
YEARS = range(2000, 2200)


def _scaled(value: Any, pattern: re.Pattern[str], units: dict[str, int], example: str) -> Any:
    if isinstance(value, str):
        match = pattern.match(value.strip())
        if match is None:
            raise ValueError(f"write a whole number with a unit, such as {example}")
        return int(match["number"]) * units[match["unit"].lower()]
    return value


def unscaled(value: int, units: dict[str, int]) -> int | str:
    """The shortest exact form: 8589934592 → "8g"; a plain number where no unit divides it."""
    for unit, factor in sorted(units.items(), key=lambda pair: -pair[1]):
        if unit and factor > 1 and value and value % factor == 0:
            return f"{value // factor}{unit}"
    return value


def read_size(value: Any) -> Any:
    """Bytes from `8g`, `512m` or a plain number; raises ValueError."""
    return _scaled(value, SIZE, SIZE_UNITS, "`8g` or `512m`")


def read_duration(value: Any) -> Any:
    """Seconds from `2h`, `90m` or a plain number; raises ValueError."""
    return _scaled(value, DURATION, DURATION_UNITS, "`2h` or `90m`")


def _write_size(value: int) -> int | str:
    return unscaled(value, SIZE_UNITS)


def _write_duration(value: int) -> int | str:
    return unscaled(value, DURATION_UNITS)


def zone(name: str) -> timezone | ZoneInfo:
    """The time zone of a name, "AoE" included; raises ValueError where there is none."""
    if name == "AoE":
        return AOE
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}; write AoE, UTC or a name such as Europe/Berlin") from error


def written(moment: datetime, *, zone_name: str) -> datetime:
    """A moment as the local time of a zone, with its offset only where that time comes twice (clocks put back)."""
    where = zone(zone_name)
    local = moment.astimezone(where)
    plain = local.replace(tzinfo=None, fold=0)
    if plain.replace(tzinfo=where).astimezone(UTC) == moment:
        return plain
    return datetime.fromisoformat(local.isoformat())


def _zone_name(value: str) -> str:
    zone(value)
    return value


def _written_out(value: Any) -> Any:
    """Refuse what would be read as a moment that nobody meant: a number of seconds, a day without a time."""
    day = isinstance(value, date) and not isinstance(value, datetime)
    other_text = isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d[T ]", value)
    if day or other_text or isinstance(value, int | float):
        raise ValueError("write a date and a time, such as 2026-05-31T23:59")
    return value


def _in_our_time(value: datetime) -> datetime:
    if value.year not in YEARS:
        raise ValueError(f"the year must lie between {YEARS.start} and {YEARS.stop - 1}")
    return value


def distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values, none of them twice; raises ValueError."""
    if len(set(values)) < len(values):
        raise ValueError("the same value stands twice")
    return values


def some(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values, of which there is at least one; raises ValueError."""
    if not values:
        raise ValueError("name at least one")
    return values


def once(names: list[str], what: str) -> None:
    """Raises ValueError where a key stands twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two {what} have the key {twice[0]!r}")


Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Size = Annotated[int, BeforeValidator(read_size), PlainSerializer(_write_size), Field(gt=0, le=MAX_SIZE)]
Duration = Annotated[
    int, BeforeValidator(read_duration), PlainSerializer(_write_duration), Field(gt=0, le=MAX_DURATION)
]
Moment = Annotated[datetime, BeforeValidator(_written_out), AfterValidator(_in_our_time)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Markdown = Annotated[str, StringConstraints(max_length=50_000)]
ZoneName = Annotated[str, AfterValidator(_zone_name)]
SuiteReference = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*@[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Split = Literal["dev", "public", "private"]
