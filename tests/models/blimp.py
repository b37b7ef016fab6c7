"""Requests from BLiMP as published: both sentences of the first pairs of every file, in a fixed shuffle."""

import hashlib
import json
from pathlib import Path
from typing import Any


def blimp_requests(folder: Path, *, pairs: int) -> list[dict[str, Any]]:
    """Return 67 × pairs × 2 requests with an empty context."""
    requests = []
    for file in sorted(folder.glob("*.jsonl")):
        if file.stem == "models_summary":
            continue
        lines = file.read_text(encoding="utf-8").splitlines()[:pairs]
        for number, line in enumerate(lines):
            pair = json.loads(line)
            for side in ("good", "bad"):
                key = f"{file.stem}/{number}/{side}"
                requests.append(
                    {"id": key, "type": "loglikelihood", "context": "", "continuation": pair[f"sentence_{side}"]}
                )
    return sorted(requests, key=lambda request: hashlib.sha256(request["id"].encode()).digest())


def with_contexts(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the same sentences with their first words as context, its space moved to either side."""
    changed = []
    for number, request in enumerate(requests):
        words = request["continuation"].split(" ")
        cut = 1 + number % (len(words) - 1) if len(words) > 1 else 0
        before, after = " ".join(words[:cut]), " ".join(words[cut:])
        space = " " if cut else ""
        context, continuation = (before + space, after) if number % 2 else (before, space + after)
        changed.append(request | {"id": f"{request['id']}/c", "context": context, "continuation": continuation})
    return changed


def as_lines(requests: list[dict[str, Any]]) -> bytes:
    """Return requests.jsonl."""
    return "".join(json.dumps(request) + "\n" for request in requests).encode()
