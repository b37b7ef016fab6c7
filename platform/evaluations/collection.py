"""Reading, checking and sealing a submission's answers: each suite once it is finished, the rest at the end."""

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import DatabaseError, connection

from evaluations import answers
from evaluations.faults import ParticipantFault, fault_of_response
from evaluations.models import ResponseSet
from evaluations.states import LeaseLost
from evaluators.protocol.problems import ProblemsFound
from evaluators.requests import Draw
from evaluators.responses import checked
from sandbox.errors import SandboxError
from sandbox.interface import CollectRules, MiB, Progress, Workspace
from suites import services as suites

logger = logging.getLogger(__name__)

# A submission may say that a suite is finished as often as it likes; so often it is looked at before the end.
LOOKS = 3


@dataclass(frozen=True)
class Asked:
    """What one response set asks; `folder` is its `<checkpoint>/<suite>/<seed>`."""

    response_set: ResponseSet
    folder: str
    draw: Draw

    @property
    def file(self) -> str:
        """Where its answers are written to."""
        return f"{self.folder}/responses.jsonl"

    def requests(self) -> bytes:
        """The staged file: JSON lines without gold, in the drawn order."""
        return b"".join(json.dumps(request, ensure_ascii=False).encode() + b"\n" for request in self.draw.requests)


def draw_missing(sets: Sequence[ResponseSet]) -> list[Asked]:
    """The requests of each set that is not answered yet.

    A suite that stands twice in a phase, in two versions, gets two folders; their names are the same in every attempt.
    """
    keys = [response_set.suite_version.suite.key for response_set in sets]
    asked = []
    for key, response_set in zip(keys, sets, strict=True):
        if response_set.complete:
            continue
        suite = key if keys.count(key) == 1 else f"{key}@{response_set.suite_version.version}"
        draw = suites.requests_for(
            version=response_set.suite_version,
            selection=answers.selection_of(response_set),
            draw_key=bytes(response_set.draw_key),
        )
        asked.append(Asked(response_set, f"{response_set.checkpoint}/{suite}/{response_set.train_seed}", draw))
    return asked


class Collection:
    """Seals finished suites from a thread of its own while predict goes on; what was read and checked counts.

    That a suite is finished is the submission's own word, so it is only a reason to look: a file that is not whole or
    not in order is left for the end, and one that is changed after it was sealed changes nothing.
    """

    def __init__(self, workspace: Workspace, asked: Sequence[Asked], *, check: Callable[[], None]) -> None:
        self._workspace = workspace
        self._asked = asked
        self._check = check
        self._looks = dict.fromkeys(range(len(asked)), LOOKS)
        self._finished = 0
        self.response_bytes: int | None = None  # what the response volume held when it was last looked at
        self._hint = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="collection", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._hint.set()
        self._thread.join()

    def progress(self, progress: Progress) -> None:
        """Take a hint: the suites before this one are finished, and this one where all of it is answered."""
        self._finished = progress.position - (progress.done < progress.total)
        self._hint.set()

    def _follow(self) -> None:
        try:
            while not self._stop.is_set():
                self._hint.wait()
                self._hint.clear()
                for number in range(min(self._finished, len(self._asked))):
                    if (
                        not self._stop.is_set()
                        and self._looks[number]
                        and not self._asked[number].response_set.complete
                    ):
                        self._looks[number] -= 1
                        self._look(self._asked[number])
        except (SandboxError, OSError, DatabaseError) as error:
            logger.warning("A finished suite could not be sealed before the end of its run: %s", error)
        except LeaseLost:
            return
        finally:
            connection.close()

    def _look(self, one: Asked) -> None:
        try:
            self._seal([one])
        except ParticipantFault as fault:
            logger.debug("%s is not finished yet: %s", one.file, fault)

    def rest(self) -> None:
        """Seal everything that is not sealed yet; raises ParticipantFault at the first file that is not in order."""
        self._seal([one for one in self._asked if not one.response_set.complete])

    def rescue(self) -> None:
        """Seal what is whole of a run that ended through us; the next attempt asks the rest."""
        for one in self._asked:
            if not one.response_set.complete:
                self._look(one)

    def _seal(self, wanted: Sequence[Asked]) -> None:
        requests = sum(len(one.draw.requests) for one in wanted)
        most = max(MiB, requests * settings.RESPONSE_MAX_BYTES)
        collected = self._workspace.collect(
            {one.file: one.draw.origin.keys() for one in wanted},
            rules=CollectRules(max_file_bytes=most, max_total_bytes=most),
        )
        self.response_bytes = collected.response_bytes
        self._check()
        if collected.problems:
            raise fault_of_response(collected.problems[0])
        for one in wanted:
            responses = collected.responses[one.file]
            try:
                checked(responses, asked=one.draw, file=one.file)
            except ProblemsFound as found:
                raise ParticipantFault.of_problems(found) from found
            if len(responses) < len(one.draw.requests):
                counts = f"{len(responses):,} of {len(one.draw.requests):,} requests were answered."
                raise ParticipantFault("E-OUT-MISSING", counts, {"file": one.file})
            answers.keep(one.response_set, responses)
