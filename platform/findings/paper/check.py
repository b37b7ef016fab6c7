"""Every place at which a paper and the data disagree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from findings.numbers import MINUS
from findings.paper.claims import Unclear, disagreement
from findings.paper.reading import USE, Line, Numbers, Paper
from findings.paper.truth import Known, Truth
from findings.writers.latex import escape

AGAIN = "Run `manage.py findings CHALLENGE --out DIR` again and put its numbers.tex beside the paper."
LITERAL = re.compile(
    r"(?<![A-Za-z\d.])((?<![-–−])[-+−–]|\$-\$|\\ensuremath\{-\})?\$?(\d{1,3}(?:,\d{3})+|\d*\.\d+|\d+)(\s*\\?,?\s*\\%)?"
)


# What stands before a number that is a bound.
BOUNDS = {"<": re.compile(r"(<|\\textless(\{\})?)\$?\s*\$?$"), ">": re.compile(r"(>|\\textgreater(\{\})?)\$?\s*\$?$")}


@dataclass(frozen=True)
class Disagreement:
    """What a paper says somewhere, what it is, and what to do."""

    file: Path
    line: int
    says: str
    is_: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.says}; {self.is_}. {self.remedy}"


def disagreements(paper: Paper, truth: Truth) -> list[Disagreement]:
    """All of them, in the order of files and lines."""
    found = [*_versions(paper, truth), *_macros(paper, truth), *_literals(paper, truth), *_claims(paper, truth)]
    return sorted(found, key=lambda one: (str(one.file), one.line))


def _versions(paper: Paper, truth: Truth) -> Iterator[Disagreement]:
    for numbers in paper.numbers:
        if numbers.challenge != truth.challenge:
            yield Disagreement(
                numbers.file,
                2,
                f"its numbers are of the challenge {numbers.challenge}",
                f"the data are of {truth.challenge}",
                "Check against the challenge that it is about.",
            )
        elif numbers.version != truth.version:
            yield Disagreement(
                numbers.file,
                2,
                f"its numbers are of version {numbers.version}",
                f"the data are at version {truth.version}",
                AGAIN,
            )


def _macros(paper: Paper, truth: Truth) -> Iterator[Disagreement]:
    of = [numbers for numbers in paper.numbers if numbers.challenge == truth.challenge]
    for one in (one for numbers in of for one in numbers.defined):
        known = truth.macros.get(one.macro)
        if known is not None and escape(known.text) != one.text:
            yield Disagreement(
                one.file, one.number, f"\\{one.macro} says {one.text}", f"{known.key} is {known.text}", AGAIN
            )
    elsewhere = {
        one.macro for numbers in paper.numbers if numbers.challenge != truth.challenge for one in numbers.defined
    }
    for line in paper.lines:
        for macro in dict.fromkeys(USE.findall(line.code)):
            if macro not in truth.macros and macro not in paper.own | elsewhere:
                yield Disagreement(
                    line.file, line.number, f"it uses \\{macro}", "the data have no such number", _nearest(macro, truth)
                )
    if not paper.numbers:
        yield from _undrawn(paper, truth)


def _undrawn(paper: Paper, truth: Truth) -> Iterator[Disagreement]:
    """Macros that nothing defines: the paper can't compile."""
    for line in paper.lines:
        used = [macro for macro in USE.findall(line.code) if macro in truth.macros and macro not in paper.own]
        if used:
            yield Disagreement(
                line.file,
                line.number,
                f"it uses \\{used[0]}",
                "no numbers.tex is drawn in",
                "Put \\input{numbers} before \\begin{document}.",
            )
            return


def _nearest(macro: str, truth: Truth) -> str:
    from difflib import get_close_matches

    near = get_close_matches(macro, truth.macros, n=1)
    return f"Did you mean \\{near[0]}?" if near else "Look its name up in numbers.tex."


def _literals(paper: Paper, truth: Truth) -> Iterator[Disagreement]:
    for line in paper.lines:
        for key in line.keys:
            known = truth.numbers.get(key)
            if known is None:
                yield Disagreement(
                    line.file,
                    line.number,
                    f"it is annotated with {key}",
                    "the data have no such number",
                    "Look the key up in stats.json.",
                )
            elif not _printed(line, known):
                shown = [found[0].strip() for found in LITERAL.finditer(line.code)]
                says = f"it says {', '.join(shown)}" if shown else "it holds no number"
                yield Disagreement(
                    line.file, line.number, says, f"{key} is {known.text}", f"Write {known.text}, or \\{known.macro}."
                )


def _printed(line: Line, known: Known) -> bool:
    """Whether the line holds the number: by its macro, as printed, or rounded to the decimals that stand there."""
    if known.macro in USE.findall(line.code):
        return True
    return any(_same(found, known) for found in LITERAL.finditer(line.code))


def _same(found: re.Match[str], known: Known) -> bool:
    sign, digits, percent = found[1] or "", found[2].replace(",", ""), bool(found[3])
    negative = any(minus in sign for minus in ("-", MINUS, "–"))
    value = -float(digits) if negative else float(digits)
    decimals = len(digits.partition(".")[2])
    wanted = known.value * 100 if percent else known.value
    if known.text[0] in BOUNDS:
        # A bound, such as <0.001: the paper must print the same one.
        before = found.string[: found.start()]
        return known.text.strip("<> %") == digits and BOUNDS[known.text[0]].search(before) is not None
    exact = decimals > 0 or isinstance(known.value, int) or percent
    return exact and abs(round(wanted, decimals) - value) < 10 ** -(decimals + 6)


def _claims(paper: Paper, truth: Truth) -> Iterator[Disagreement]:
    for claim in paper.claims:
        try:
            instead = disagreement(claim.expression, truth)
        except Unclear as error:
            yield Disagreement(
                claim.file,
                claim.number,
                f"it claims “{claim.expression}”",
                str(error),
                "Correct the first argument of \\claim.",
            )
            continue
        if instead:
            yield Disagreement(
                claim.file,
                claim.number,
                f"it claims “{claim.expression}”",
                instead,
                "Correct the sentence and its claim.",
            )


def numbers_beside(paper: Paper) -> Numbers | None:
    """The numbers.tex that the paper draws in, where there is one."""
    return paper.numbers[0] if paper.numbers else None
