"""Which part of a BabyLM prediction file a suite is read from: one table for every year."""

from typing import Literal, NamedTuple

from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites.folder import Suite

# How a part is laid out: by subtask, by example, by measured word, by checkpoint, as matrices.
Form = Literal["subtasks", "examples", "words", "steps", "matrices"]
YEARS = ("babylm-2023", "babylm-2024", "babylm-2025")


class Part(NamedTuple):
    """The part's names in the three formats (several by `|`: the first that is there; empty: the format has none).

    `subtask` is what the items' ids begin with where the part has but one, whatever the file calls it.
    """

    in_2023: str
    in_2024: str
    in_2025: str
    form: Form = "subtasks"
    subtask: str = ""

    def names(self, format: str) -> list[str]:  # noqa: A002
        """The names that the part may have in this format."""
        return [name for name in self[YEARS.index(format)].split("|") if name]


# The longest matching beginning of a suite's key names its part of the file.
PARTS = {
    "blimp": Part("blimp", "blimp", "blimp"),
    "blimp-supplement": Part("supplement", "blimp_supplement", "blimp_supplement"),
    "glue": Part("glue", "glue", "glue"),
    "msgs": Part("msgs", "", ""),
    "ewok": Part("", "ewok", "ewok"),
    "vqa": Part("", "vqa", "vqa", subtask="vqa"),
    "winoground": Part("", "winoground", "winoground", subtask="winoground"),
    "devbench": Part("", "devbench", "devbench", "matrices"),
    "entity-tracking": Part("", "", "entity_tracking|entity_tracking_filtered"),
    "comps": Part("", "", "comps"),
    "wug-adj": Part("", "", "wug_adj", subtask="wug_adj"),
    "wug-past": Part("", "", "wug_past", subtask="wug_past"),
    "global-piqa-parallel": Part("", "", "global_piqa_parallel", "examples"),
    "global-piqa-nonparallel": Part("", "", "global_piqa_nonparallel", "examples"),
    "reading": Part("", "", "reading", "words"),
    # In 2026 the answers have a part of their own, and `aoa` is the score that the team computed.
    "aoa": Part("", "", "aoa_surprisals|aoa", "steps"),
}


# What the editions ask at every checkpoint: their files hold the scores that teams computed of it, and no answers.
FAST = "-fast"


def has_part(key: str, format: str) -> bool:  # noqa: A002
    """Whether files in this format hold answers to the suite of this key; every key has its place in other formats."""
    if format not in YEARS:
        return True
    part = _part(key)
    return part is not None and bool(part.names(format))


def _part(key: str) -> Part | None:
    matching = [name for name in PARTS if key == name or key.startswith(f"{name}-")]
    return PARTS[max(matching, key=len)] if matching and not key.endswith(FAST) else None


def part_of(suite: Suite, format: str) -> Part:  # noqa: A002
    """The suite's part of the file; raises ProblemsFound where the format has none for it."""
    part = _part(suite.manifest.key)
    if part is None or not part.names(format):
        sentence = f"the format {format} has no part for the suite {suite.name}"
        raise ProblemsFound([Problem("E-PRED-KIND", sentence, remedy="Use the format native.")])
    return part
