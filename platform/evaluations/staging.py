"""What an attempt puts before the submission: requests without gold, what may be learnt from, media, the job."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from evaluations import answers
from evaluations.checkpoints import folder_name, folders, steps_asked
from evaluations.models import ResponseSet
from evaluators.protocol.submission import SubmissionManifest
from evaluators.requests import Draw
from evaluators.tasks import TASKS
from sandbox.interface import Workspace
from submissions.models import Submission
from suites import services as suites


@dataclass(frozen=True)
class Asked:
    """What one response set asks of one model; `folder` is its `<model>/<suite>/<seed>`.

    A set that goes over checkpoints is asked once at each: `draw` is what is asked here, and the set is complete when
    all of them are answered.
    """

    response_set: ResponseSet
    checkpoint: str
    folder: str
    draw: Draw

    @property
    def file(self) -> str:
        """Where its answers are written to."""
        return f"{self.folder}/responses.jsonl"

    @property
    def suite(self) -> str:
        """The folder's name of the suite."""
        return self.folder.split("/")[1]

    @property
    def partial(self) -> bool:
        """Whether the set is asked at other checkpoints as well."""
        return bool(self.draw.checkpoints)

    @property
    def sealed(self) -> bool:
        """Whether its answers are kept already."""
        return self.response_set.complete or (self.partial and self.checkpoint in self.response_set.parts)

    def requests(self) -> bytes:
        """The staged file: JSON lines without gold, in the drawn order."""
        return _json_lines(self.draw.requests)


def _json_lines(values: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


def draw_missing(sets: Sequence[ResponseSet]) -> list[Asked]:
    """The requests that no answers are kept for, model by model: each of them is loaded once.

    A suite that stands twice in a phase, in two versions, gets two folders; their names are the same in every attempt.
    """
    versions = {one.suite_version_id: one.suite_version for one in sets}
    keys = Counter(version.suite.key for version in versions.values())
    asked: list[Asked] = []
    for response_set in sets:
        answers.settle(response_set)
        if not response_set.complete:
            version = response_set.suite_version
            suite = version.suite.key if keys[version.suite.key] == 1 else f"{version.suite.key}@{version.version}"
            asked += [one for one in _asked(response_set, suite) if not one.sealed]
    words = {step.name: step.words for response_set in sets for step in steps_asked(response_set)}
    # Stable: at each checkpoint the suites keep their order.
    return sorted(asked, key=lambda one: (one.response_set.train_seed, words.get(one.checkpoint, -1)))


def _asked(response_set: ResponseSet, suite: str) -> Iterator[Asked]:
    steps = steps_asked(response_set)
    draw = suites.requests_for(
        version=response_set.suite_version,
        selection=answers.selection_of(response_set),
        draw_key=bytes(response_set.draw_key),
        steps=steps,
    )
    if not draw.checkpoints:
        model = folder_name(response_set.checkpoint, response_set.train_seed)
        folder = f"{model}/{suite}/{response_set.train_seed}"
        yield Asked(response_set, response_set.checkpoint, folder, draw)
        return
    for step in steps:
        requests = tuple(draw.at(step.name))
        origin = {request["id"]: draw.origin[request["id"]] for request in requests}
        here = Draw(requests, origin, draw.type, dict.fromkeys(origin, step.name), steps)
        yield Asked(response_set, step.name, f"{step.name}/{suite}/{response_set.train_seed}", here)


def stage(workspace: Workspace, asked: Sequence[Asked]) -> None:
    """Put requests, what may be learnt from, and media before the submission; raises ProblemsFound for lost media."""
    files = {f"{one.folder}/requests.jsonl": one.requests() for one in asked}
    for one in asked:
        if _trains(one):
            lines = suites.training_for(
                version=one.response_set.suite_version, selection=answers.selection_of(one.response_set)
            )
            files[f"{one.folder}/train.jsonl"] = _json_lines(lines)
    workspace.put_requests(files)
    put: set[str] = set()
    for one in asked:
        digests = {digest for request in one.draw.requests for digest in images_of(request)} - put
        if digests:
            for batch in suites.media_for(version=one.response_set.suite_version, digests=digests):
                workspace.put_media(batch)
            put |= digests


def images_of(request: dict[str, Any]) -> Iterator[str]:
    """The digests of the images that a request shows."""
    yield from request.get("images", ())
    for seen in (*request.get("rows", ()), *request.get("cols", ())):
        if seen.get("image"):
            yield seen["image"]


def _trains(one: Asked) -> bool:
    task = TASKS.get(one.response_set.suite_version.suite.task)
    return task is not None and task.trains


def runner_document(submission: Submission, asked: Sequence[Asked], *, remote_code: bool = False) -> dict[str, Any]:
    """The runner's job: how to load the submission, with code of its own where allowed, and the suites in order."""
    manifest = SubmissionManifest.from_value(submission.manifest, file="submission.yaml")
    part: dict[str, Any] = {}
    if manifest.model is not None:
        part = {"path": manifest.model.path, "backend": manifest.model.backend, "bos": manifest.model.bos}
        part |= {"scoring": manifest.model.scoring} if manifest.model.backend == "encoder-decoder" else {}
        part |= {"remote_code": True} if remote_code else {}
    elif manifest.code is not None:
        part = {"entry": manifest.code.entry}
    more = {
        "checkpoints": folders(manifest, [one.folder.split("/")[0] for one in asked]),
        "finetuning": _finetuning(asked),
    }
    names = ("checkpoint", "suite", "seed")
    return {
        # A spot-check runs the model that stands beside predictions.
        "kind": "model" if manifest.model is not None else manifest.kind,
        **part,
        **{name: value for name, value in more.items() if value},
        "suites": [dict(zip(names, one.folder.split("/"), strict=True)) for one in asked],
    }


def _finetuning(asked: Sequence[Asked]) -> dict[str, Any]:
    """How the suites that train have the model trained, by the suite's folder; what is left out is the runner's."""
    return {
        one.suite: dict(options)
        for one in asked
        if _trains(one) and (options := one.response_set.suite_version.manifest.get("options", {}).get("finetuning"))
    }
