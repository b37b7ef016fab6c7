"""`submission/1`: what a team hands in. The web form, the client and the worker all read it with this model."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from evaluators.protocol.documents import Document

Kind = Literal["model", "code", "predictions"]
Backend = Literal["causal", "masked"]
PredictionFormat = Literal["native", "babylm-2024"]
MANIFEST_NAME = "submission.yaml"


def _relative(value: str) -> str:
    """A path inside the submission, in its one normal form."""
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or any(ord(char) < 32 for char in value):
        raise ValueError("the path must stay inside the submission: no leading slash, no `..`, no backslash")
    return str(path)


def _readable(value: str) -> str:
    """A name as everybody can read it: on one line, without characters that hide or turn others around."""
    name = " ".join(value.split())
    if not name.isprintable():
        raise ValueError("a name is made of characters that everybody can see")
    return name


RelativePath = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_relative)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_readable)]
Text = Annotated[str, StringConstraints(max_length=10_000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
CheckpointName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")]
ENTRY = re.compile(r"^(?P<file>[^:]+\.py):(?P<name>[A-Za-z_]\w*)\Z")


def _entry(value: str) -> str:
    match = ENTRY.match(value)
    if match is None:
        raise ValueError("write the entry as `file.py:ClassName`")
    return f"{_relative(match['file'])}:{match['name']}"


class ModelPart(Document):
    """A Hugging Face folder: config.json, *.safetensors, tokenizer files."""

    path: RelativePath = "."
    backend: Backend
    # The first token given to a causal model moves BLiMP by several points, so it is declared, frozen and shown.
    bos: Annotated[str, StringConstraints(min_length=1, max_length=60)] = "tokenizer"


class CodePart(Document):
    """A Python class with `loglikelihood(requests)`; `entry` is `file.py:ClassName`."""

    entry: Annotated[str, StringConstraints(max_length=200), AfterValidator(_entry)] = "model.py:Model"


class PredictionsPart(Document):
    """A file of answers that were computed elsewhere."""

    file: RelativePath
    format: PredictionFormat = "native"


class Method(Document):
    """What the method is called on leaderboards, and what it is."""

    name: Name
    description: Text = ""
    backbone: Annotated[str, StringConstraints(max_length=200)] = ""
    approaches: tuple[Name, ...] = ()


class Corpus(Document):
    """A corpus that the model was trained on, as the team declares it."""

    name: Name
    words: int | None = Field(default=None, ge=0)
    sha256: Sha256 | None = None
    license: Annotated[str, StringConstraints(max_length=120)] = ""


class Data(Document):
    """Declared training data."""

    words_seen: int | None = Field(default=None, ge=0)
    corpora: tuple[Corpus, ...] = ()


class Checkpoint(Document):
    """One checkpoint of the training."""

    name: CheckpointName
    words: int = Field(ge=0)
    path: RelativePath


class TrainSeed(Document):
    """One replicate of the whole training."""

    seed: int = Field(ge=0, lt=2**31)
    path: RelativePath


class SubmissionManifest(Document):
    """`submission.yaml`, or the same fields of the web form."""

    schema_: Literal["submission/1"] = Field(alias="schema")
    kind: Kind
    method: Method
    model: ModelPart | None = None
    code: CodePart | None = None
    predictions: PredictionsPart | None = None
    answers: dict[str, Any] = Field(default_factory=dict)
    data: Data | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    train_seeds: tuple[TrainSeed, ...] = ()

    @model_validator(mode="after")
    def _one_part(self) -> Self:
        """Exactly the part that the kind names is there."""
        for part in ("model", "code", "predictions"):
            given = getattr(self, part) is not None
            if part == self.kind and not given:
                raise ValueError(f"kind is {self.kind!r}, so the field {part!r} is required")
            if part != self.kind and given:
                raise ValueError(f"kind is {self.kind!r}, so the field {part!r} must not be there")
        return self

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        for field, names in (
            ("checkpoints", [str(checkpoint.name) for checkpoint in self.checkpoints]),
            ("train_seeds", [str(seed.seed) for seed in self.train_seeds]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two of the {field} have the same name")
        return self
