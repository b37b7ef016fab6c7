"""Sizes and times as people write them: 512m, 8g, 90s, 2h."""

import re

from sandbox.limits import GiB, KiB, MiB

SIZES = {"": 1, "b": 1, "k": KiB, "m": MiB, "g": GiB}
TIMES = {"": 1, "s": 1, "m": 60, "h": 3600}


def _parse(text: str, units: dict[str, int], example: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]?)(?:i?b)?", text.strip().lower())
    if match is None or match[2] not in units:
        raise ValueError(f"{text!r} is not a figure like {example}")
    return float(match[1]) * units[match[2]]


def parse_size(text: str) -> int:
    """Return bytes from `8g`, `512m`, `64k` or a plain number; units are powers of 1024."""
    return int(_parse(text, SIZES, "512m or 8g"))


def parse_time(text: str) -> float:
    """Return seconds from `2h`, `30m`, `90s` or a plain number."""
    return _parse(text, TIMES, "90s, 30m or 2h")
