"""Kind `code`: the participant's own class answers the requests."""

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from sandbox.runner import values
from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Request, Response, TrainLine

BATCH = 1024
MATRICES = 1  # a matrix may have millions of cells
T = TypeVar("T")


class CodeBackend:
    """Asks an object of the participant's class, at most 1,024 requests at a time.

    Whatever it raises, and answers that do not have the form asked, are RunFailed with E-RUN-CODE; numbers and labels
    that can't be, E-RUN-VALUE.
    """

    def __init__(self, model: object) -> None:
        self._model = model

    @classmethod
    def make(cls, model: type, folder: Path) -> Self:
        """Make one object of the participant's class, with the checkpoint's folder where it takes one."""
        return cls(_call(lambda: model(str(folder)) if _takes_path(model) else model()))

    def loglikelihood(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield log-probabilities, batch by batch."""
        return self._answers("loglikelihood", requests, _logprob)

    def surprisal(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield a list of surprisals for each text, batch by batch."""
        return self._answers("surprisal", requests, _surprisals)

    def similarity(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield one matrix after another."""
        return self._answers("similarity", requests, _matrix, size=MATRICES)

    def classify(self, requests: Sequence[Request], train: Sequence[TrainLine]) -> Iterator[list[Response]]:
        """Yield the labels of one task after another, asked with all of its requests and training lines."""
        method = self._method("classify", "requests, train")
        for task in dict.fromkeys(request["task"] for request in requests):
            asked = [request for request in requests if request["task"] == task]
            lines = [line for line in train if line["task"] == task]
            yield _batch(lambda: method(_copies(asked), _copies(lines)), asked, _label)  # noqa: B023 -- called at once

    def _answers(
        self, name: str, requests: Sequence[Request], read: Callable[[Request, Any], Response], *, size: int = BATCH
    ) -> Iterator[list[Response]]:
        method = self._method(name, "requests")
        for start in range(0, len(requests), size):
            batch = requests[start : start + size]
            yield _batch(partial(_ask, method, batch), batch, read)

    def _method(self, name: str, arguments: str) -> Callable[..., Any]:
        method = _call(lambda: getattr(self._model, name, None))
        if not callable(method):
            raise RunFailed("E-RUN-CODE", f"the class has no method {name}({arguments})")
        return method  # type: ignore[no-any-return]


def load_class(submission: Path, entry: str, *, media: Path) -> type:
    """Load the class of `file.py:Class` from the submission; raises RunFailed with E-RUN-CODE.

    The submission's folder is the working directory and the first place imports are looked up in. A class that has an
    attribute `media` of text finds the folder of the images there.
    """
    name, colon, attribute = entry.partition(":")
    file = submission / name
    if not colon or not attribute.isidentifier() or not name.endswith(".py"):
        raise RunFailed("E-RUN-CODE", "entry must look like model.py:Model")
    if not file.is_file():
        raise RunFailed("E-RUN-CODE", f"there is no file {name}")
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(file.parent))
    os.chdir(submission)
    module = _call(lambda: _import(file))
    cls = getattr(module, attribute, None)
    if not isinstance(cls, type):
        raise RunFailed("E-RUN-CODE", f"{name} has no class {attribute}")
    if isinstance(getattr(cls, "media", None), str):
        _call(lambda: setattr(cls, "media", str(media)))
    return cls


def _import(file: Path) -> object:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise RunFailed("E-RUN-CODE", f"{file.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def _takes_path(cls: type) -> bool:
    try:
        inspect.signature(cls).bind("")
    except TypeError:
        return False
    return True


def _copies(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return copies: what the class does to its requests stays with it."""
    return [dict(entry) for entry in entries]


def _ask(method: Callable[..., Any], batch: Sequence[Request]) -> Any:
    return method(_copies(batch))


def _batch(
    ask: Callable[[], Any], requests: Sequence[Request], read: Callable[[Request, Any], Response]
) -> list[Response]:
    """Ask, and read one answer for each request."""

    def work() -> list[Response]:
        answers = list(ask())
        if len(answers) != len(requests):
            raise RunFailed("E-RUN-CODE", f"{len(answers)} answers to {len(requests)} requests")
        return [read(request, answer) for request, answer in zip(requests, answers, strict=True)]

    # Reading runs a stranger's code as well: answers may be objects of his own.
    return _call(work)


def _call(work: Callable[[], T]) -> T:
    """Run a stranger's code; whatever it raises becomes E-RUN-CODE, with its traceback in the log alone."""
    try:
        return work()
    except RunFailed:
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        raise RunFailed("E-RUN-CODE", f"{type(error).__name__}: {error}") from error


def _logprob(request: Request, answer: Any) -> Response:
    """Turn a number, or {"logprob": number, "tokens": whole number}, into a response."""
    if not isinstance(answer, dict):
        return {"id": request["id"], "logprob": values.logprob(answer)}
    unknown = sorted(set(answer) - {"logprob", "tokens", "id"}, key=str)
    if unknown or "logprob" not in answer:
        raise RunFailed("E-RUN-CODE", "an answer holds logprob and, if it likes, tokens; nothing else")
    response: Response = {"id": request["id"], "logprob": values.logprob(answer["logprob"])}
    tokens = answer.get("tokens")
    if tokens is not None:
        if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
            raise RunFailed("E-RUN-CODE", "tokens must be a whole number")
        response["tokens"] = tokens
    return response


def _surprisals(request: Request, answer: Any) -> Response:
    """Turn a list of numbers into a response."""
    numbers = [values.surprisal(value) for value in answer]
    if len(numbers) != len(request["words"]):
        raise RunFailed("E-RUN-CODE", f"{len(numbers)} surprisals for {len(request['words'])} words")
    return {"id": request["id"], "surprisals": numbers}


def _matrix(request: Request, answer: Any) -> Response:
    """Turn a list of rows of numbers into a response."""
    rows, cols = len(request["rows"]), len(request["cols"])
    matrix = [[values.finite(value) for value in row] for row in answer]
    if len(matrix) != rows or any(len(row) != cols for row in matrix):
        raise RunFailed("E-RUN-CODE", f"the matrix is not one of {rows} rows and {cols} columns")
    return {"id": request["id"], "matrix": matrix}


def _label(request: Request, answer: Any) -> Response:
    """Turn one of the request's labels into a response."""
    return {"id": request["id"], "label": values.label(answer, labels=request["labels"])}
