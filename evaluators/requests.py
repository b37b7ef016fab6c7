"""What crosses the sandbox wall: requests in a drawn order, under opaque ids, so that nothing but their text tells."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from evaluators.suites.folder import Suite
from evaluators.tasks import task_of

ID_CHARACTERS = 24


@dataclass(frozen=True)
class Draw:
    """The requests of one response set, in the order in which they are asked; `origin` maps their ids back."""

    requests: tuple[dict[str, Any], ...]
    origin: Mapping[str, tuple[str, int]]

    def resolve(self, request_id: str) -> tuple[str, int]:
        """The item and the candidate that a request asks about; raises KeyError for an id that was not drawn."""
        return self.origin[request_id]


def seed_key(seed: int) -> bytes:
    """The key that `--seed` stands for on the command line."""
    return hashlib.sha256(f"seed:{seed}".encode()).digest()


def draw_requests(suite: Suite, *, key: bytes) -> Draw:
    """Draw ids and order from `key` alone: the same suite and key always give the same draw.

    An id is an HMAC over item and candidate, and requests stand in the order of their ids; so order, ids and
    neighbourhood are as good as random to whoever lacks the key, candidates of one item included.
    """
    task = task_of(suite.manifest)
    drawn: list[tuple[str, dict[str, Any], tuple[str, int]]] = []
    for item in suite.items:
        for origin, candidate, body in task.ask(item):
            message = f"{origin}\0{candidate}".encode()
            identifier = hmac.digest(key, message, "sha256").hex()[:ID_CHARACTERS]
            # Built at once, so that few objects live long: in a large suite the garbage collector visits each of them.
            drawn.append((identifier, {"id": identifier, **body}, (origin, candidate)))
    drawn.sort(key=itemgetter(0))
    return Draw(
        requests=tuple(request for _, request, _ in drawn),
        origin={identifier: origin for identifier, _, origin in drawn},
    )
