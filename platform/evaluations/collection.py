"""Reading, checking and sealing a submission's answers: each suite once it is finished, the rest at the end."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import DatabaseError, connection

from evaluations import answers
from evaluations.faults import ParticipantFault, fault_of_response
from evaluations.staging import Asked
from evaluations.states import LeaseLost
from evaluators.protocol.problems import ProblemsFound
from evaluators.responses import checked
from sandbox.errors import SandboxError
from sandbox.interface import CollectRules, MiB, Progress, Workspace

logger = logging.getLogger(__name__)

# A submission may say that a suite is finished as often as it likes; so often it is looked at before the end.
LOOKS = 3
# A number in an answer that is a list of them, with what stands between; and what a line may always hold.
NUMBER_BYTES = 32
LINE_BYTES = CollectRules().max_line_bytes


def most_bytes(request: Mapping[str, Any]) -> int:
    """The most that an honest answer to the request takes: so much each, and more for answers that are long lists."""
    numbers = len(request.get("words", ())) + len(request.get("rows", ())) * len(request.get("cols", ()))
    return int(settings.RESPONSE_MAX_BYTES) + numbers * NUMBER_BYTES


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
                    if not self._stop.is_set() and self._looks[number] and not self._asked[number].sealed:
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
        self._seal([one for one in self._asked if not one.sealed])

    def rescue(self) -> None:
        """Seal what is whole of a run that ended through us; the next attempt asks the rest."""
        for one in self._asked:
            if not one.sealed:
                self._look(one)

    def _seal(self, wanted: Sequence[Asked]) -> None:
        lines = [most_bytes(request) for one in wanted for request in one.draw.requests]
        most, longest = max(MiB, sum(lines)), max([LINE_BYTES, *lines])
        collected = self._workspace.collect(
            {one.file: one.draw.origin.keys() for one in wanted},
            rules=CollectRules(max_line_bytes=longest, max_file_bytes=most, max_total_bytes=most),
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
            if one.partial:
                answers.keep_part(one.response_set, one.checkpoint, responses)
                answers.settle(one.response_set)
            else:
                answers.keep(one.response_set, responses)
