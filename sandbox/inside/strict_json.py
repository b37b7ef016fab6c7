"""JSON from strangers: no NaN, no infinity, no duplicate names, no huge numbers, no deep nesting, whole text only."""

import json
import re
from math import isfinite
from typing import Any

# transformers writes int(1e30), 31 digits, into nearly every tokenizer_config.json.
INTEGER_DIGITS = 40
MAX_INTEGER = 10**INTEGER_DIGITS
SPACE = " \t\r\n"
# A string that is broken off reaches to the end: looking for where it ends is never begun anew.
BRACKETS = re.compile(rb'"(?:[^"\\]|\\.?)*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)


class NotStrict(ValueError):
    """The text is not strict JSON; `kind` is format, number, duplicate, depth or encoding."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotStrict("duplicate", "a name stands twice in one object")
    return value


def _constant(text: str) -> Any:
    raise NotStrict("number", "NaN and infinity are not JSON numbers")


_scan = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant).raw_decode
encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def _check_scalar(value: Any) -> None:
    kind = type(value)
    if kind is str:
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise NotStrict("encoding", "half of a surrogate pair stands alone") from None
    elif kind is float:
        if not isfinite(value):
            raise NotStrict("number", "a number is too large")
    elif kind is int and not -MAX_INTEGER < value < MAX_INTEGER:
        raise NotStrict("number", f"a whole number has more than {INTEGER_DIGITS} digits")


def _check(value: Any, depth: int) -> None:
    """Check a value's scalars and nesting; raises NotStrict."""
    if type(value) is dict:
        if depth == 0:
            raise NotStrict("depth", "objects or lists are nested too deeply")
        for key, inner in value.items():
            if not key.isascii():
                _check_scalar(key)
            if type(inner) is dict or type(inner) is list:
                _check(inner, depth - 1)
            else:
                _check_scalar(inner)
    elif type(value) is list:
        if depth == 0:
            raise NotStrict("depth", "objects or lists are nested too deeply")
        for inner in value:
            _check(inner, depth - 1)
    else:
        _check_scalar(value)


def loads(raw: bytes, *, max_depth: int) -> Any:
    """Return the value of one JSON text in UTF-8; raises NotStrict."""
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise NotStrict("encoding", "the text begins with a byte order mark; write plain UTF-8")
    try:
        text = raw.decode("utf-8", errors="strict")
    except UnicodeDecodeError:
        raise NotStrict("encoding", "the text is not UTF-8") from None
    text = text.strip(SPACE)
    try:
        value, end = _scan(text)
    except NotStrict:
        raise
    except RecursionError:
        raise NotStrict("depth", "objects or lists are nested too deeply") from None
    except ValueError as error:
        if "integer string conversion" in str(error):
            raise NotStrict("number", f"a whole number has more than {INTEGER_DIGITS} digits") from None
        raise NotStrict("format", "the text is not one JSON value") from None
    if end != len(text):
        raise NotStrict("format", "the text holds more than one JSON value")
    _check(value, max_depth)
    return value


def is_deeper(raw: bytes, depth: int) -> bool:
    """Say whether a text's objects and lists are nested deeper, without building any of them."""
    level = 0
    for match in BRACKETS.finditer(raw):
        mark = raw[match.start()]
        if mark in b"[{":
            level += 1
            if level > depth:
                return True
        elif mark in b"]}":
            level -= 1
    return False
