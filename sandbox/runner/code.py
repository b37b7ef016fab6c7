"""Kind `code`: the participant's own class answers the requests."""

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Request, Response
from sandbox.runner.values import logprob

BATCH = 1024
T = TypeVar("T")


class CodeBackend:
    """Asks an object of the participant's class, at most 1,024 requests at a time."""

    def __init__(self, model: object) -> None:
        self._model = model

    def loglikelihood(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield responses batch by batch; raises RunFailed with E-RUN-CODE or E-RUN-VALUE."""
        method = getattr(self._model, "loglikelihood", None)
        if not callable(method):
            raise RunFailed("E-RUN-CODE", "the class has no method loglikelihood(requests)")
        for start in range(0, len(requests), BATCH):
            batch = list(requests[start : start + BATCH])
            answers = _call(partial(_answers, method, batch))
            if len(answers) != len(batch):
                raise RunFailed("E-RUN-CODE", f"{len(answers)} answers to {len(batch)} requests")
            yield [_response(request, answer) for request, answer in zip(batch, answers, strict=True)]


def load_code(submission: Path, entry: str) -> CodeBackend:
    """Load `file.py:Class` from the submission and make one object; raises RunFailed with E-RUN-CODE.

    The submission's folder is the working directory and the first place imports are looked up in.
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
    return CodeBackend(_call(lambda: cls(str(submission)) if _takes_path(cls) else cls()))


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


def _answers(method: Callable[..., Any], batch: list[Request]) -> list[Any]:
    """Ask with copies: what the class does to its requests stays with it."""
    return list(method([dict(request) for request in batch]))


def _call(work: Callable[[], T]) -> T:
    """Run a stranger's code; whatever it raises becomes E-RUN-CODE, with its traceback in the log alone."""
    try:
        return work()
    except RunFailed:
        raise
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        raise RunFailed("E-RUN-CODE", f"{type(error).__name__}: {error}") from error


def _response(request: Request, answer: Any) -> Response:
    """Turn a number, or {"logprob": number, "tokens": whole number}, into a response."""
    if not isinstance(answer, dict):
        return {"id": request["id"], "logprob": logprob(answer)}
    unknown = sorted(set(answer) - {"logprob", "tokens", "id"}, key=str)
    if unknown or "logprob" not in answer:
        raise RunFailed("E-RUN-CODE", "an answer holds logprob and, if it likes, tokens; nothing else")
    response: Response = {"id": request["id"], "logprob": logprob(answer["logprob"])}
    tokens = answer.get("tokens")
    if tokens is not None:
        if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
            raise RunFailed("E-RUN-CODE", "tokens must be a whole number")
        response["tokens"] = tokens
    return response
