"""`submission/1`: what a team hands in. The web form, the client and the worker all read it with this model."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from evaluators.protocol.documents import Document

Kind = Literal["model", "code", "predictions"]
Backend = Literal["causal", "masked", "mntp", "encoder-decoder", "vision", "dual-encoder"]
Scoring = Literal["prefix", "fill-in", "babylm-prefix", "babylm-mask"]
CorpusRole = Literal["training", "tokenizer", "ancillary", "teacher"]
PredictionFormat = Literal["native", "babylm-2023", "babylm-2024", "babylm-2025", "babylm-2026-finetune"]
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
# What the checkpoints of a training are called in the field, by the words seen until then.
WORDS_IN_NAME = re.compile(r"^chck_(?P<millions>[1-9]\d{0,8})M\Z")
RESERVED_NAMES = ("main", "all")
# owner/repository@revision on a hub, a revision being a branch, a tag or a commit.
SOURCE = re.compile(
    r"^hf://(?P<repo>[A-Za-z0-9_][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95})@(?P<revision>[A-Za-z0-9_][\w./-]{0,119})\Z",
    re.ASCII,
)
ENTRY = re.compile(r"^(?P<file>[^:]+\.py):(?P<name>[A-Za-z_]\w*)\Z")


def _entry(value: str) -> str:
    match = ENTRY.match(value)
    if match is None:
        raise ValueError("write the entry as `file.py:ClassName`")
    return f"{_relative(match['file'])}:{match['name']}"


def _source(value: str) -> str:
    match = SOURCE.match(value)
    if match is None or any(part in ("", ".", "..") for part in match["revision"].split("/")):
        raise ValueError(
            "write the source as `hf://owner/repository@revision`, a revision being a branch, tag or commit"
        )
    return value


Source = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400), AfterValidator(_source)]


class ModelPart(Document):
    """A Hugging Face folder: config.json, *.safetensors, tokenizer files; in the archive, or on a hub (`source`)."""

    path: RelativePath = "."
    source: Annotated[str, StringConstraints(strip_whitespace=True, max_length=400), AfterValidator(_source)] | None = (
        None
    )
    backend: Backend
    # The first token given to a causal model moves BLiMP by several points, so it is declared, frozen and shown.
    bos: Annotated[str, StringConstraints(min_length=1, max_length=60)] = "tokenizer"
    # How an encoder-decoder shares a text between its two parts; for the same reason.
    scoring: Scoring = "prefix"

    @model_validator(mode="after")
    def _scoring_is_for_two_parts(self) -> Self:
        if self.scoring != "prefix" and self.backend != "encoder-decoder":
            raise ValueError(f"the backend is {self.backend!r}; only 'encoder-decoder' has a choice of scoring")
        return self

    @model_validator(mode="after")
    def _source_is_the_top(self) -> Self:
        if self.source is not None and self.path != ".":
            raise ValueError("a model on a hub lies at the top of its repository: leave `path` out")
        return self


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
    """A corpus that the model was made with, as the team declares it.

    `role`: what it was for. Text of the tokenizer and of ancillary models counts like training text; a teacher's own
    training text does not. `language`: ISO 639-3, with the script where that is not clear (`nld`, `zho_hans`).
    """

    name: Name
    role: CorpusRole = "training"
    words: int | None = Field(default=None, ge=0)
    bytes: int | None = Field(default=None, ge=0)
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}(_[a-z]{4})?$")] | None = None
    sha256: Sha256 | None = None
    license: Annotated[str, StringConstraints(max_length=120)] = ""


class Data(Document):
    """Declared training data.

    `manifest`: a file in the submission, one JSON line for each file of the corpora: path, sha256, words, bytes.
    `corpus`: a folder in the submission with the texts themselves, which the check counts.
    `teachers`: the models that another model learnt from, or that made or labelled text for it.
    """

    words_seen: int | None = Field(default=None, ge=0)
    corpora: tuple[Corpus, ...] = ()
    teachers: tuple[Name, ...] = ()
    manifest: RelativePath | None = None
    corpus: RelativePath | None = None


class Checkpoint(Document):
    """One checkpoint of the training; `words` seen until then may be left out where the name says it (`chck_10M`)."""

    name: CheckpointName
    words: int = Field(ge=0, le=10**15)
    path: RelativePath

    @model_validator(mode="before")
    @classmethod
    def _words_by_name(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "words" not in value and isinstance(value.get("name"), str):
            match = WORDS_IN_NAME.match(value["name"])
            return {**value, "words": int(match["millions"]) * 1_000_000} if match else value
        return value

    @model_validator(mode="after")
    def _words_as_the_name_says(self) -> Self:
        """Ages of acquisition are measured along these words: two tellings of them must agree."""
        match = WORDS_IN_NAME.match(self.name)
        if match and self.words != int(match["millions"]) * 1_000_000:
            raise ValueError(f"{self.name} says {match['millions']} million words, and `words` is {self.words:,}")
        return self


class TrainSeed(Document):
    """One replicate of the whole training; 0 is no seed here, since it stands for the model itself."""

    seed: int = Field(ge=1, lt=2**31)
    path: RelativePath


class SubmissionManifest(Document):
    """`submission.yaml`, or the same fields of the web form.

    `model` beside `predictions` is the model that made them: it is run in spot-checks alone.
    """

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
        """Exactly the part that the kind names is there; beside predictions also the model that made them."""
        for part in ("model", "code", "predictions"):
            given = getattr(self, part) is not None
            if part == self.kind and not given:
                raise ValueError(f"kind is {self.kind!r}, so the field {part!r} is required")
            if part != self.kind and given and (self.kind, part) != ("predictions", "model"):
                raise ValueError(f"kind is {self.kind!r}, so the field {part!r} must not be there")
        return self

    @model_validator(mode="after")
    def _model_of_predictions_is_in_the_archive(self) -> Self:
        if self.kind == "predictions" and self.model is not None and self.model.source is not None:
            raise ValueError("a model beside predictions comes in the archive with them, not from a hub")
        return self

    @model_validator(mode="after")
    def _hub_has_no_replicates(self) -> Self:
        if self.model is not None and self.model.source is not None and self.train_seeds:
            raise ValueError("train_seeds come in an archive, not from a hub")
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

    @model_validator(mode="after")
    def _checkpoints_rise(self) -> Self:
        """Checkpoints stand in the order of the training, and none has the name of the finished model."""
        for one in self.checkpoints:
            if one.name in RESERVED_NAMES:
                raise ValueError(f"a checkpoint can't have the name {one.name!r}, which stands for the model itself")
        for one, other in pairwise(self.checkpoints):
            if one.words >= other.words:
                raise ValueError(
                    f"the words of the checkpoints must rise: {one.name} has {one.words:,} and {other.name}, "
                    f"which follows, {other.words:,}"
                )
        return self
