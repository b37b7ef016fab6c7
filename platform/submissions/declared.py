"""What a submission declares to have been trained on, and how much of each track's budget that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from challenges.models import Track
from evaluators.budgets import account_of, byte_premium
from evaluators.protocol.challenge import Budget
from evaluators.protocol.submission import Corpus, Data, SubmissionManifest
from submissions.manifests import EPOCHS

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
