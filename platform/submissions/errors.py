"""Why a hand-in is refused: said to the participant, word for word."""

from collections.abc import Sequence

from evaluators.protocol.problems import Problem
from sandbox.errors import SandboxError


class SubmissionRefused(Exception):
    """The participant's fault, or a rule of the track; each problem has a code, a sentence and a remedy."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(f"{problem.message}. {problem.remedy}".strip() for problem in problems))


class SubmissionLost(SandboxError):
    """Ours: an accepted submission can't be unpacked as it was; the storage or the platform has to be mended."""


class UploadRefused(Exception):
    """An upload can't go on as asked; `status` is the HTTP status that says so."""

    def __init__(self, problem: Problem, *, status: int = 400, received: int | None = None) -> None:
        self.problem = problem
        self.status = status
        self.received = received
        super().__init__(problem.message)
