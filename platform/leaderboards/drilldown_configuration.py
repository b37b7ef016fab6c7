"""What a team declares of an entry, as lines that can be read side by side, and the digests of what was run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from challenges.models import Track
from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Run
from evaluations.score_lines import newest
from evaluators.protocol.questions import in_words
from sandbox.images import recipe
from submissions.answers import current_answers
from submissions.declared import derived_facts
from submissions.models import Submission

# Of each part of the manifest what says how the model was made and is asked; never where files lie.
MODEL = {"source": "Source", "backend": "Backend", "bos": "First token", "scoring": "Scoring"}
CORPUS = {
    "role": "role", "words": "words", "bytes": "bytes", "language": "language", "license": "license",
    "sha256": "digest",
}  # fmt: skip
METHOD = {"backbone": "Backbone", "approaches": "Approaches"}
LONGEST = 2_000  # characters of a declared text that are shown


class Fact(NamedTuple):
    """A named line of text."""

    name: str
    text: str


def configuration(submission: Submission, track: Track, *, answers: bool) -> list[Fact]:
    """What the submission declares, by name; with `answers` also those to the track's own questions. Three queries.

    What the platform derives of it follows, and says so.
    """
    manifest = submission.manifest
    told = current_answers([submission])[submission.pk]
    found = list(_declared(manifest, told))
    if answers:
        found += _answers(told, track.questions)
    found += _derived(submission)
    return [Fact(fact.name, fact.text[:LONGEST]) for fact in found if fact.text]


def _declared(manifest: Mapping[str, Any], answers: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact("Kind", in_words(manifest.get("kind")))
    yield Fact("Description", in_words((manifest.get("method") or {}).get("description")))
    yield from _named(answers, METHOD)
    yield from _named(manifest.get("model") or {}, MODEL)
    data = manifest.get("data") or {}
    yield Fact("Words seen", in_words(data.get("words_seen")))
    for corpus in data.get("corpora") or ():
        told = [f"{word} {in_words(corpus.get(key))}" for key, word in CORPUS.items() if corpus.get(key)]
        yield Fact(f"Corpus {corpus.get('name', '')}", ", ".join(told))
    yield Fact("Teachers", in_words(data.get("teachers")))
    checkpoints = manifest.get("checkpoints") or ()
    if checkpoints:
        yield Fact("Checkpoints", f"{len(checkpoints)}, {checkpoints[0]['name']} to {checkpoints[-1]['name']}")
    seeds = manifest.get("train_seeds") or ()
    yield Fact("Trainings", f"{len(seeds) + 1}" if seeds else "")


def _named(part: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Fact]:
    for key, name in names.items():
        yield Fact(name, in_words(part.get(key)))


def _answers(answers: Mapping[str, Any], questions: Sequence[Mapping[str, Any]]) -> list[Fact]:
    """The answers under the titles of their questions, in the questions' order, then those to no known question."""
    titles = {str(one["key"]): str(one.get("title") or one["key"].replace("_", " ")) for one in questions}
    order = [*(key for key in titles if key in answers), *sorted(key for key in answers if key not in titles)]
    return [Fact(titles.get(key, key), in_words(answers[key])) for key in order if key not in METHOD]


def _derived(submission: Submission) -> Iterator[Fact]:
    found = derived_facts(submission)
    if "parameters" in found:
        yield Fact("Parameters", f"{found['parameters']:,} (counted by the platform)")
    if "flops" in found:
        yield Fact("Training FLOPs", f"{found['flops']:.2e} ({found['label']}: {found['formula']})")


def digests_of(run: Run) -> list[Fact]:
    """What the scores rest on: the submission, the image, and of each suite its content, the answers and the scorer."""
    submission, track = run.entry.submission, run.entry.track
    held = f" ({recipe.in_words(track.image_versions)})" if run.image_id and run.image_id == track.image_id else ""
    found = [Fact("Submission", submission.digest), Fact("Image", f"{run.image_id}{held}" if run.image_id else "")]
    for asked in run.run_response_sets.all():
        answers = asked.response_set
        evaluation = newest(answers)
        if evaluation is None or answers.checkpoint not in (MAIN, ALL) or answers.train_seed:
            continue
        text = f"suite {evaluation.suite_digest}\nanswers {answers.digest}\nevaluator {evaluation.evaluator}"
        found.append(Fact(f"{answers.suite_version.suite.title} {answers.suite_version.version}", text))
    return [fact for fact in found if fact.text]
