"""What a submission declares to have used, against a track's budget. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from evaluators.budgets.premiums import byte_premium
from evaluators.protocol.challenge import Budget
from evaluators.protocol.problems import Problem
from evaluators.protocol.submission import Corpus, Data

CORPORA = "data.corpora"


@dataclass(frozen=True)
class Account:
    """The sums of what counts: None where a corpus does not say; `english_bytes` as the budget takes bytes."""

    words: int | None
    bytes: int | None
    english_bytes: float | None


def counting(corpora: Iterable[Corpus]) -> list[Corpus]:
    """The corpora that a budget counts, each text once: what a teacher learnt from does not, all else does.

    A text that trained both the tokenizer and the model is one text: corpora with the same sha256, or without one with
    the same name, count once, by the larger figures.
    """
    found: dict[str, Corpus] = {}
    for corpus in corpora:
        if corpus.role == "teacher":
            continue
        text = corpus.sha256 or corpus.name
        other = found.get(text)
        if other is None:
            found[text] = corpus
        else:
            larger = {name: _larger(getattr(other, name), getattr(corpus, name)) for name in ("words", "bytes")}
            found[text] = other.model_copy(update=larger)
    return list(found.values())


def _larger(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)


def account_of(data: Data | None, budget: Budget) -> Account:
    """What the declared corpora come to; with none declared, nothing."""
    corpora = counting(data.corpora) if data else []
    words = [corpus.words for corpus in corpora]
    sizes = [corpus.bytes for corpus in corpora]
    english = [_english(corpus, budget) for corpus in corpora]
    return Account(
        words=None if None in words else sum(value for value in words if value is not None),
        bytes=None if None in sizes else sum(value for value in sizes if value is not None),
        english_bytes=None if None in english else sum(value for value in english if value is not None),
    )


def _english(corpus: Corpus, budget: Budget) -> float | None:
    """The corpus' bytes over its premium; None where either is not known."""
    premium = budget.byte_premium
    if premium == "table":
        premium = byte_premium(corpus.language) if corpus.language else None
    elif premium is None:
        premium = 1.0
    return None if corpus.bytes is None or premium is None else corpus.bytes / premium


def budget_problems(data: Data | None, epochs: object, budget: Budget) -> list[Problem]:
    """What is over the budget, with both numbers, and what it bounds that is not declared."""
    declared = data or Data()
    return [
        *_undeclared(declared, budget),
        *_over(data, epochs, budget),
        *_teachers(declared, budget),
    ]


def _over(data: Data | None, epochs: object, budget: Budget) -> list[Problem]:
    account = account_of(data, budget)
    figures: list[tuple[str, object, int | None, str]] = [
        ("words", account.words, budget.words, CORPORA),
        (_unit(budget), account.english_bytes, budget.bytes, CORPORA),
        ("words seen", data.words_seen if data else None, budget.words_seen, "data.words_seen"),
        ("epochs", epochs, budget.epochs, "answers.epochs"),
    ]
    problems = []
    for what, value, most, field in figures:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if most is None or not number or value <= most * (1 + budget.tolerance):  # type: ignore[operator]
            continue
        beside = f" (and {budget.tolerance:.3g} of it more)" if budget.tolerance else ""
        shown = f"{value:,}" if isinstance(value, int) or what == "epochs" else f"{value:,.0f}"
        message = f"{shown} {what} of {most:,} allowed{beside}"
        problems.append(Problem("E-SUB-BUDGET", message, field=field, remedy="Enter a track with a larger budget."))
    return problems


def _unit(budget: Budget) -> str:
    return "bytes" if budget.byte_premium is None else "bytes of English, each language over its byte premium,"


def _undeclared(data: Data, budget: Budget) -> list[Problem]:
    """What the budget bounds and the manifest does not declare; epochs are a question, which must be answered.

    Who saw no words, a hand-written rule say, has no corpus to name.
    """
    problems = []
    if data.words_seen != 0:
        bounds: list[tuple[str, str, int | None]] = [("words", "words", budget.words), ("bytes", "bytes", budget.bytes)]
        for name, what, most in bounds:
            if most is not None and (fault := _uncounted(data, name, what)):
                sentence, remedy = fault
                sentence = f"{sentence}, and the track's budget is {most:,} {what}"
                problems.append(Problem("E-SUB-BUDGET", sentence, field=CORPORA, remedy=remedy))
        if budget.bytes is not None and budget.byte_premium == "table":
            problems += _languages(data)
    if budget.words_seen is not None and data.words_seen is None:
        fault_seen = (
            f"the words seen in training are not declared, and the track's budget is {budget.words_seen:,} of them"
        )
        remedy = "Declare them; a corpus that is read twice counts twice."
        problems.append(Problem("E-SUB-BUDGET", fault_seen, field="data.words_seen", remedy=remedy))
    return problems


def _uncounted(data: Data, name: str, what: str) -> tuple[str, str] | None:
    """The fault and its remedy where no corpus is declared, or one without its count."""
    corpora = counting(data.corpora)
    if not corpora:
        remedy = f"Name each with its number of {what}; without any training, declare 0 words seen."
        return "no training corpus is declared", remedy
    missing = next((corpus.name for corpus in corpora if getattr(corpus, name) is None), None)
    if missing is None:
        return None
    return f"the {what} of the corpus {missing} are not declared", "Declare how many they are."


def _languages(data: Data) -> list[Problem]:
    problems = []
    for corpus in counting(data.corpora):
        if corpus.language is None:
            fault = f"the language of the corpus {corpus.name} is not declared, and the budget counts by it"
            remedy = "Declare it as ISO 639-3, such as nld."
        elif byte_premium(corpus.language) is None:
            fault = f"no byte premium is known for the language {corpus.language} of the corpus {corpus.name}"
            remedy = "Ask the organizers; the table holds the 45 languages of BabyBabelLM."
        else:
            continue
        problems.append(Problem("E-SUB-BUDGET", fault, field=CORPORA, remedy=remedy))
    return problems


def _teachers(data: Data, budget: Budget) -> list[Problem]:
    """Teachers that the track does not allow, and a teacher's text without the teacher's name."""
    problems = []
    if any(corpus.role == "teacher" for corpus in data.corpora) and not data.teachers:
        fault = "a corpus has the role teacher, and no teacher is named"
        problems.append(Problem("E-SUB-TEACHER", fault, field="data.teachers", remedy="Name the teacher model."))
    if budget.teachers is None:
        return problems
    allowed = {name.casefold() for name in budget.teachers}
    listed = ", ".join(budget.teachers) or "none"
    for name in data.teachers:
        if name.casefold() not in allowed:
            fault = f"the teacher {name} is not among those that the track allows"
            problems.append(Problem("E-SUB-TEACHER", fault, field="data.teachers", remedy=f"It allows: {listed}."))
    return problems
