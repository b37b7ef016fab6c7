"""What a submission declares to have been trained on, how much of each budget that is, and what follows from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.template.defaultfilters import filesizeformat

from challenges.models import Track
from evaluators.budgets import account_of, byte_premium
from evaluators.protocol.challenge import Budget
from evaluators.protocol.submission import Corpus, Data, SubmissionManifest
from evaluators.weights import training_flops
from submissions.answers import current_answers
from submissions.manifests import EPOCHS
from submissions.models import Submission, WeightFacts

ROLES = {
    "training": "training text",
    "tokenizer": "for the tokenizer",
    "ancillary": "for an ancillary model",
    "teacher": "of a teacher, not counted",
}


@dataclass(frozen=True)
class CorpusLine:
    """A declared corpus: its name, and what is said of it in words."""

    name: str
    facts: str
    license: str = ""


@dataclass(frozen=True)
class BudgetLine:
    """How much of one bound of a track is used, in words; `share` is in per cent, None where it is not declared."""

    track: str
    what: str
    used: str
    most: str
    share: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Declared:
    """Everything that the submission's page says of the training text."""

    corpora: tuple[CorpusLine, ...]
    lines: tuple[BudgetLine, ...]
    teachers: tuple[str, ...] = ()
    handed_in: str = ""


def declared(manifest: SubmissionManifest | None, tracks: Sequence[Track]) -> Declared | None:
    """The declared corpora and the account against each track's budget; None where there is neither."""
    if manifest is None:
        return None
    data = manifest.data or Data()
    lines = [line for track in tracks for line in _account(manifest, track)]
    if manifest.data is None and not lines:
        return None
    paths = [path for path in (data.manifest, data.corpus) if path is not None]
    corpora = tuple(CorpusLine(one.name, _facts(one), one.license) for one in data.corpora)
    return Declared(corpora, tuple(lines), tuple(data.teachers), " and ".join(paths))


def _facts(corpus: Corpus) -> str:
    parts = [ROLES[corpus.role]]
    if corpus.words is not None:
        parts.append(f"{corpus.words:,} words")
    if corpus.bytes is not None:
        parts.append(f"{corpus.bytes:,} bytes")
    if corpus.language is not None:
        premium = byte_premium(corpus.language)
        parts.append(corpus.language)
        if premium is not None and premium != 1:
            parts.append(f"byte premium {premium:.4f}")
    return ", ".join(parts)


def _account(manifest: SubmissionManifest, track: Track) -> list[BudgetLine]:
    budget = Budget.model_validate(track.budget)
    data = manifest.data
    account = account_of(data, budget)
    premium = "" if budget.byte_premium is None else "each language's bytes over its byte premium"
    told: list[tuple[str, object, int | None, str]] = [
        ("words of text", account.words, budget.words, ""),
        ("words seen", data.words_seen if data is not None else None, budget.words_seen, ""),
        ("epochs", manifest.answers.get(EPOCHS.key), budget.epochs, ""),
        ("bytes of text", account.english_bytes, budget.bytes, premium),
    ]
    return [_line(track, *one) for one in told if one[2] is not None]


def _line(track: Track, what: str, used: object, most: int | None, note: str) -> BudgetLine:
    bound = most or 1
    if not isinstance(used, int | float) or isinstance(used, bool):
        return BudgetLine(track.title, what, "not declared", f"{bound:,}", note=note)
    shown = f"{used:,g}" if what == "epochs" else f"{used:,.0f}"
    return BudgetLine(track.title, what, shown, f"{bound:,}", 100 * used / bound, note)


# What a track may ask the tokens of the training by; a manifest has words alone.
TOKENS = ("tokens_seen", "training_tokens", "tokens")
ESTIMATE = "estimate, derived by the platform"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SOURCE = "Kaplan et al. 2020, arXiv:2001.08361"


@dataclass(frozen=True)
class Seen:
    """How much text a training has seen, counted in which unit, and what says so."""

    number: float
    unit: str
    said_by: str


def derived_facts(submission: Submission) -> dict[str, Any]:
    """What the platform derives of a submission by itself; see `derived_facts_of`. Two queries."""
    return derived_facts_of([submission])[submission.pk]


def derived_facts_of(submissions: Iterable[Submission]) -> dict[UUID, dict[str, Any]]:
    """What the platform derives by itself of each submission, as plain values; two queries for each 5,000.

    `parameters`, `embeddings` (those in tables of embeddings), `weights_bytes`, `weights_files`, `dtypes` from the
    headers of the safetensors files; `flops` with `formula`, `label` and `source`, where the text seen is declared:
    6 times the parameters without embeddings times the tokens seen (words, where no tokens are declared). What can't be
    derived is not there.
    """
    rows = list(submissions)
    answers = current_answers(rows)
    facts = WeightFacts.objects.in_bulk([submission.pk for submission in rows], field_name="submission_id")
    return {
        submission.pk: _derived(submission, facts.get(submission.pk), answers[submission.pk]) for submission in rows
    }


def _derived(submission: Submission, weights: WeightFacts | None, answers: Mapping[str, Any]) -> dict[str, Any]:
    if weights is None:
        return {}
    found: dict[str, Any] = {
        "parameters": weights.parameters,
        "embeddings": weights.embeddings,
        "weights_bytes": weights.size,
        "weights_files": weights.files,
        "dtypes": weights.dtypes,
    }
    seen = text_seen(submission, answers)
    body = weights.parameters - weights.embeddings
    if seen is None or not body:
        return found
    return found | {
        "flops": training_flops(body, seen.number),
        "formula": f"6 · N · D = 6 · {body:,} parameters without embeddings · {seen.number:,.0f} {seen.unit} seen "
        f"({seen.said_by})",
        "label": ESTIMATE,
        "source": SOURCE,
        "seen_unit": seen.unit,
    }


def text_seen(submission: Submission, answers: Mapping[str, Any]) -> Seen | None:
    """The tokens that the training saw as the team answered, else the words as it declared them; None for neither."""
    for key in TOKENS:
        if _is_number(answers.get(key)):
            return Seen(answers[key], "tokens", "as declared")
    value = submission.manifest.get("data") or {}
    words_seen = value.get("words_seen") if value.get("words_seen") is not None else answers.get("words_seen")
    if words_seen is not None and _is_number(words_seen):
        return Seen(words_seen, "words", "as declared; a word has one token or more")
    words = [corpus.get("words") for corpus in value.get("corpora", []) if corpus.get("role", "training") == "training"]
    epochs = answers.get(EPOCHS.key)
    if words and all(_is_number(number) for number in words) and _is_number(epochs):
        return Seen(sum(words) * epochs, "words", "declared corpora times epochs; a word has one token or more")
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class DerivedLine:
    """A derived fact in words: what, how much, and how it was come by."""

    what: str
    text: str
    how: str = ""


def derived_in_words(facts: Mapping[str, Any], answers: Mapping[str, Any]) -> list[DerivedLine]:
    """What the page shows of `derived_facts`, beside what the team declared where that differs by more than 5 %."""
    if not facts:
        return []
    said = answers.get("parameters")
    apart = _is_number(said) and abs(said - facts["parameters"]) > 0.05 * max(facts["parameters"], 1)
    how = f"{facts['embeddings']:,} of them in tables of embeddings; read in the headers of the safetensors files."
    lines = [
        DerivedLine("Parameters", f"{facts['parameters']:,}", how + (f" The team says {said:,}." if apart else "")),
        DerivedLine("Weights", _size(facts), ", ".join(f"{kind}: {n:,}" for kind, n in facts["dtypes"].items())),
    ]
    if "flops" in facts:
        how = f"{facts['label'][:1].upper()}{facts['label'][1:]}: {facts['formula']}; {facts['source']}."
        lines.append(DerivedLine("Training compute", f"about {_power(facts['flops'])} FLOPs", how))
    return lines


def _power(value: float) -> str:
    """`5.1 × 10¹⁶`."""
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def _size(facts: Mapping[str, Any]) -> str:
    files = facts["weights_files"]
    return f"{filesizeformat(facts['weights_bytes'])} in {files} file{'' if files == 1 else 's'}"
