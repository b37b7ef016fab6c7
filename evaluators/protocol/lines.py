"""Strict JSON lines: the NaN, duplicate keys, huge integers and deep nesting that Python lets through are refused."""

import io
import json
from collections.abc import Iterator
from typing import Any, NoReturn

from evaluators.protocol.problems import Problem, ProblemsFound

MAX_LINE_BYTES = 4_000_000
MAX_DIGITS = 40


class _Refused(ValueError):
    """Raised inside the JSON parser; the sentence says what is not allowed."""


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not a number here")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Refused(f"the key {twice!r} stands twice")
    return value


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _Refused("an integer has too many digits")
    return int(digits)


_DECODER = json.JSONDecoder(parse_constant=_constant, object_pairs_hook=_pairs, parse_int=_integer)
_WITH_NAN = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer)


def parse_json(
    text: str, *, file: str, line: int | None = None, code: str = "E-DOC-JSON", allow_nan: bool = False
) -> Any:
    """The value of one strict JSON text; raises ProblemsFound. Published prediction files hold NaN: `allow_nan`."""
    try:
        return (_WITH_NAN if allow_nan else _DECODER).decode(text)
    except _Refused as error:
        raise ProblemsFound([Problem(code, str(error), file, line, remedy="Write strict JSON.")]) from error
    except json.JSONDecodeError as error:
        raise ProblemsFound(
            [
                Problem(
                    code,
                    f"this is not JSON: {error.msg} at column {error.colno}",
                    file,
                    line or error.lineno,
                    remedy="Write one JSON object on each line.",
                )
            ]
        ) from error
    except RecursionError as error:
        raise ProblemsFound([Problem(code, "it is nested too deeply", file, line, remedy="Flatten it.")]) from error


def parse_lines(
    data: bytes, *, file: str, code: str = "E-DOC-JSON", max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number (from 1) and object; empty lines are passed over; raises ProblemsFound at the first fault."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        raise ProblemsFound(
            [
                Problem(
                    code,
                    "the file begins with a byte order mark",
                    file,
                    1,
                    remedy="Save it as UTF-8 without a byte order mark.",
                )
            ]
        )
    # Read line by line: half a gigabyte of empty ones would be a list of four.
    for number, raw in enumerate(io.BytesIO(data), 1):
        if not raw.strip():
            continue
        if len(raw) > max_line_bytes:
            raise ProblemsFound([Problem(code, f"the line is longer than {max_line_bytes:,} bytes", file, number)])
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise ProblemsFound(
                [Problem(code, "the line is not UTF-8", file, number, remedy="Save the file as UTF-8.")]
            ) from error
        value = parse_json(text, file=file, line=number, code=code)
        if not isinstance(value, dict):
            raise ProblemsFound(
                [
                    Problem(
                        code,
                        "the line is not a JSON object",
                        file,
                        number,
                        remedy="Write one JSON object on each line.",
                    )
                ]
            )
        yield number, value
