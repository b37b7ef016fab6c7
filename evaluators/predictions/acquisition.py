"""The part `aoa`: {"results": [{"step", "target_word", "context_id", "context", "surprisal"}]}, surprisals in nats."""

from collections.abc import Mapping
from typing import Any

from evaluators.predictions.answers import Answers
from evaluators.predictions.taking import finite
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.submission import WORDS_IN_NAME
from evaluators.suites.folder import Suite
from evaluators.tasks.acquisition import candidate_of
from evaluators.tasks.interface import Step

MAX_STEPS = 1000
SHOWN = 80
Found = dict[tuple[str, str, int], float]


def words_of(step: Any) -> int | None:
    """The words seen at a checkpoint, by its name: chck_10M is ten million; None where the name says nothing."""
    match = WORDS_IN_NAME.match(step) if isinstance(step, str) else None
    return int(match["millions"]) * 1_000_000 if match else None


def read(part: Mapping[str, Any], suite: Suite, file: str, name: str) -> Answers:
    """The answers to the suite's words at every checkpoint that the file has; contexts by their number, from 0."""
    if suite.manifest.task != "acquisition":
        sentence = f"the part {name!r} holds no answers to a suite of the task {suite.manifest.task!r}"
        raise ProblemsFound([Problem("E-PRED-KIND", sentence, file, field=name, remedy="Use the format native.")])
    results = part.get("results")
    if not isinstance(results, list):
        sentence = "a list of results is required"
        raise ProblemsFound([Problem("E-PRED-FORMAT", sentence, file, field=f"{name}.results")])
    answers = Answers()
    contexts = {item.id: len(item.contexts) for item in suite.items}
    every = frozenset(suite.all_ids)
    found: Found = {}
    seen: dict[str, int] = {}
    for index, result in enumerate(results):
        problem = _take(result, contexts, every, found, seen, suite.name)
        if problem is not None:
            code, message, remedy = problem
            step = str(result.get("step"))[:SHOWN] if isinstance(result, dict) else name
            answers.count(f"{name}, {step}", Problem(code, message, file, field=f"{name}.results[{index}]",
                                                     remedy=remedy))  # fmt: skip
    answers.steps = tuple(Step(step, words) for step, words in sorted(seen.items(), key=lambda one: one[1]))
    answers.by_item = by_item(suite, found, answers.steps)
    return answers.finish()


def _take(
    result: Any, contexts: Mapping[str, int], every: frozenset[str], found: Found, seen: dict[str, int], suite: str
) -> tuple[str, str, str] | None:
    """Read one result into `found`; code, sentence and remedy of what is wrong with it."""
    value = result if isinstance(result, dict) else {}
    step, word, context, surprisal = (value.get(one) for one in ("step", "target_word", "context_id", "surprisal"))
    words = words_of(step)
    if words is None or (step not in seen and len(seen) >= MAX_STEPS):
        return "E-PRED-CHECKPOINT", f"{str(step)[:SHOWN]!r} is no checkpoint", "Name it as in chck_10M."
    if not isinstance(word, str) or word not in every:
        return "E-PRED-UNKNOWN-ID", f"{suite} does not ask the word {str(word)[:SHOWN]!r}", "Leave it out."
    if isinstance(context, bool) or not isinstance(context, int) or context < 0:
        return "E-PRED-UNKNOWN-ID", f"{str(context)[:SHOWN]!r} is no context", "`context_id` counts from 0."
    seen.setdefault(str(step), words)
    if word not in contexts:
        return None  # a word of another split than the one that is asked
    if context >= contexts[word]:
        sentence = f"the word {word!r} has {contexts[word]} contexts, and none of the number {context}"
        return "E-PRED-UNKNOWN-ID", sentence, "`context_id` counts from 0."
    key = (str(step), word, context)
    if key in found:
        return "E-PRED-DUPLICATE", f"{word!r} stands twice in context {context} at {step}", "Keep one result for each."
    if not finite(surprisal) or surprisal < 0:
        return "E-PRED-VALUE", f"the result for {word!r} is no surprisal", "Give a number of nats from 0."
    found[key] = float(surprisal)
    return None


def by_item(suite: Suite, found: Mapping[tuple[str, str, int], float], steps: tuple[Step, ...]) -> dict[str, Any]:
    """Surprisals by checkpoint, word and context as the answers to what the task asks."""
    number = {step.name: place for place, step in enumerate(steps)}
    contexts = {item.id: len(item.contexts) for item in suite.items}
    answers: dict[str, dict[int, Mapping[str, Any]]] = {}
    # By what was found, not by what is asked: a file with one answer at each of a million checkpoints is soon read.
    for (step, word, context), surprisal in found.items():
        candidate = candidate_of(number[step], context, contexts=contexts[word])
        answers.setdefault(word, {})[candidate] = {"logprob": -surprisal}
    return answers
