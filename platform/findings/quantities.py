"""What entries say of themselves, read as numbers: `300M`, `92 Million`, `1.2e17`; "42 or so" is no number."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from findings.numbers import slug
from leaderboards.results import Result

_NUMBER = re.compile(
    r"(?P<number>\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?)\s*"
    r"(?P<unit>k|thousand|m|mio|million|b|bn|billion|g|t|trillion)?",
    re.IGNORECASE,
)
UNITS = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "mio": 1e6,
    "million": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "billion": 1e9,
    "g": 1e9,
    "t": 1e12,
    "trillion": 1e12,
}


@dataclass(frozen=True)
class Quantity:
    """Something that is asked of entries under one of several names."""

    key: str
    title: str
    names: tuple[str, ...]


FLOPS = Quantity("flops", "training FLOPs", ("training-flops", "flops", "flops-estimate", "training-flops-estimate"))
PARAMETERS = Quantity("parameters", "parameters", ("parameters", "params", "n-params", "parameter-count", "of-params"))
EPOCHS = Quantity("epochs", "epochs", ("epochs", "n-epochs", "of-epochs"))
QUANTITIES = (FLOPS, PARAMETERS, EPOCHS)


def number_of(value: Any) -> float | None:
    """The value as a finite number above zero; None where it is none, or more than one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) and value > 0 else None
    found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    number = float(found["number"].replace(",", "").replace("_", "")) * UNITS.get((found["unit"] or "").lower(), 1)
    return number if math.isfinite(number) and number > 0 else None


def quantity_of(one: Result, quantity: Quantity) -> float | None:
    """What an entry says of the quantity, in its answers or in its manifest."""
    for said in (one.answers, one.declared, _inside(one.declared, "method"), _inside(one.declared, "data")):
        for name, value in said.items():
            if slug(str(name).replace("_", "-")) in quantity.names:
                number = number_of(value)
                if number is not None:
                    return number
    return None


def _inside(declared: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = declared.get(name)
    return inner if isinstance(inner, Mapping) else {}


def answered(value: Any) -> bool:
    """Whether something stands there: 0 and False are answers."""
    return not (
        value is None
        or value == ""
        or (isinstance(value, list | tuple | dict) and not value)
        or (isinstance(value, str) and not value.strip())
    )
