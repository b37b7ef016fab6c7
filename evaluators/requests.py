"""What crosses the sandbox wall: requests in a drawn order, under opaque ids, so that nothing but their text tells."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites.folder import Suite
from evaluators.tasks import setting_of, task_of
from evaluators.tasks.interface import Step

ID_CHARACTERS = 24


@dataclass(frozen=True)
class Draw:
    """The requests of one response set, in the order in which they are asked; `origin` maps their ids back.

    `type` is that of every request; `checkpoints` says at which checkpoint a request is asked, for tasks that go over
    them: its keys are then all ids, and `steps` are the checkpoints in their order.
    """

    requests: tuple[dict[str, Any], ...]
    origin: Mapping[str, tuple[str, int]]
    type: str = "loglikelihood"
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    def resolve(self, request_id: str) -> tuple[str, int]:
        """The item and the candidate that a request asks about; raises KeyError for an id that was not drawn."""
        return self.origin[request_id]

    def at(self, checkpoint: str) -> list[dict[str, Any]]:
        """The requests that are asked at this checkpoint; all of them where the task doesn't go over checkpoints."""
        if not self.checkpoints:
            return list(self.requests)
        return [request for request in self.requests if self.checkpoints[request["id"]] == checkpoint]


def seed_key(seed: int) -> bytes:
    """The key that `--seed` stands for on the command line."""
    return hashlib.sha256(f"seed:{seed}".encode()).digest()


def draw_requests(suite: Suite, *, key: bytes, steps: Sequence[Step] = ()) -> Draw:
    """Draw ids and order from `key` alone: the same suite and key always give the same draw.

    `steps` are the checkpoints, for a task that goes over them; raises ProblemsFound where it has none to go over.

    An id is an HMAC over item and candidate, and requests stand in the order of their ids; so order, ids and
    neighbourhood are as good as random to whoever lacks the key, candidates of one item included.
    """
    task = task_of(suite.manifest)
    if task.over_checkpoints and not steps:
        sentence = f"the suite {suite.name} is asked over checkpoints, and there are none"
        raise ProblemsFound([Problem("E-SUB-CHECKPOINTS", sentence, remedy="Hand in the checkpoints of the training.")])
    setting = setting_of(suite.manifest, steps=tuple(steps) if task.over_checkpoints else ())
    drawn: list[tuple[str, dict[str, Any], tuple[str, int]]] = []
    checkpoints: dict[str, str] = {}
    for item in suite.items:
        for origin, candidate, body, checkpoint in task.ask(item, setting):
            message = f"{origin}\0{candidate}".encode()
            identifier = hmac.digest(key, message, "sha256").hex()[:ID_CHARACTERS]
            # Built at once, so that few objects live long: in a large suite the garbage collector visits each of them.
            drawn.append((identifier, {"id": identifier, **body}, (origin, candidate)))
            if checkpoint:
                checkpoints[identifier] = checkpoint
    drawn.sort(key=itemgetter(0))
    return Draw(
        requests=tuple(request for _, request, _ in drawn),
        origin={identifier: origin for identifier, _, origin in drawn},
        type=task.request_type,
        checkpoints=checkpoints,
        steps=setting.steps,
    )
