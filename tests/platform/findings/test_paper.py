"""A paper is held against the data: what disagrees is found, and what agrees is left in peace."""

from dataclasses import replace
from pathlib import Path

import pytest

from findings.bundle import build
from findings.material import Material
from findings.paper.check import Disagreement, disagreements
from findings.paper.reading import read_paper
from findings.paper.truth import NoTruthError, Truth, truth_in, truth_of
from tests.platform.findings import invented

CLEAN = r"""\documentclass{article}
\usepackage{siunitx}
\input{numbers}
\newcommand{\numOwnThing}{7}
\begin{document}
Of \numAllEntries{} entries, the winner reaches \numSmallWinnerScore, see \num{3.5} and \numOwnThing{}.
% A comment may say \numWrongThing, and 9.99 is no claim here.
It reaches 2.88 % proctor: small.winner.score
The lead is .10 points, or 0.1. % proctor: small.winner.margin
Between 2.85--2.90 and 2.85–2.90 it lies. % proctor: small.entry.method-0.low, small.entry.method-0.high
% proctor: small.teams, small.entries
In total 7 teams handed in 13 entries.
The correlation is clear (p < 0.001). % proctor: small.human.reading.p
It is clear ($p$ $<$ 0.001). % proctor: small.human.reading.p
We paid 100\% of 5.00 dollars.
\claim{winner small = Method 0}{Method 0 wins.}
\claim{rank small Method 2 = 3}{Method 2 is third.}
\claim{small: Method 0 > Method 1}{It beats Method 1.}
\claim{small: Method 0 ~ Method 1}{They are tied.}
\claim{all.teams >= 7}{At least seven teams.}
\claim{small.winner.score =
  2.88}{It is 2.88.}
\claim{small.winner.score > small.baseline.score}{It beats the baseline.}
\begin{verbatim}
\numNotThere and \claim{winner small = nobody}{x}
\end{verbatim}
\end{document}
"""


@pytest.fixture(scope="module")
def material() -> Material:
    return invented.material()


@pytest.fixture(scope="module")
def truth(material: Material) -> Truth:
    return truth_of(material)


@pytest.fixture(scope="module")
def written(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    build(material, folder)
    return folder


def found(folder: Path, text: str, truth: Truth, written: Path) -> list[Disagreement]:
    """The disagreements of a paper of this text beside the report's numbers.tex."""
    (folder / "numbers.tex").write_text((written / "numbers.tex").read_text())
    (folder / "paper.tex").write_text(text)
    return disagreements(read_paper(folder / "paper.tex"), truth)


def test_a_clean_paper_raises_no_alarm(tmp_path: Path, truth: Truth, written: Path) -> None:
    assert found(tmp_path, CLEAN, truth, written) == []


def test_the_report_itself_agrees_with_its_own_numbers(truth: Truth, written: Path) -> None:
    assert disagreements(read_paper(written / "report.tex"), truth) == []
    assert truth_in(written) == truth


@pytest.mark.parametrize(
    ("line", "says", "is_"),
    [
        (r"It uses \numSmallWinerScore{}.", r"it uses \numSmallWinerScore", "the data have no such number"),
        ("It reaches 2.89 % proctor: small.winner.score", "it says 2.89", "small.winner.score is 2.88"),
        ("It reaches −2.88 % proctor: small.winner.score", "it says −2.88", "small.winner.score is 2.88"),
        ("It is the best. % proctor: small.winner.score", "it holds no number", "small.winner.score is 2.88"),
        ("It has 3 teams. % proctor: small.teams", "it says 3", "small.teams is 7"),
        ("It has p = 0.001. % proctor: small.human.reading.p", "it says 0.001", "small.human.reading.p is <0.001"),
        ("It has 7 teams. % proctor: no.such", "it is annotated with no.such", "the data have no such number"),
        (r"\claim{winner small = Method 1}{x}", "it claims “winner small = Method 1”", "Method 0 leads"),
        (r"\claim{rank small Method 1 = 1}{x}", "it claims “rank small Method 1 = 1”", "its rank is 2"),
        (r"\claim{small: Method 2 > Method 1}{x}", "it claims “small: Method 2 > Method 1”", "Method 2 has 2.68"),
        (r"\claim{small: Method 0 ~ Method 5}{x}", "it claims “small: Method 0 ~ Method 5”", "not tied with the first"),
        (r"\claim{all.teams = 70}{x}", "it claims “all.teams = 70”", "it is 7"),
        (r"\claim{all.teams > small.winner.rank}{x}", "it claims", "'small.winner.rank' is neither a number"),
        (r"\claim{winner large = Method 1}{x}", "it claims", "there is no track 'large'"),
        (r"\claim{winner small = Nobody}{x}", "it claims", "the track's table has no entry 'Nobody'"),
        (r"\claim{everybody is happy}{x}", "it claims", "it is none of"),
    ],
)  # fmt: skip
def test_what_disagrees_is_found_where_it_stands(
    line: str, says: str, is_: str, tmp_path: Path, truth: Truth, written: Path
) -> None:
    text = "\\input{numbers}\n\\begin{document}\nA line.\n" + line + "\n\\end{document}\n"
    (one,) = found(tmp_path, text, truth, written)
    assert (one.file.name, one.line) == ("paper.tex", 4)
    assert one.says.startswith(says)
    assert one.is_.startswith(is_)
    assert one.remedy
    assert str(one).startswith(f"{tmp_path / 'paper.tex'}:4: ")


def test_a_near_macro_is_named(tmp_path: Path, truth: Truth, written: Path) -> None:
    (one,) = found(tmp_path, "\\input{numbers}\n\\numSmallWinerScore\n", truth, written)
    assert one.remedy == r"Did you mean \numSmallWinnerScore?"


def test_a_number_that_was_changed_in_numbers_tex_is_found(tmp_path: Path, truth: Truth, written: Path) -> None:
    text = (written / "numbers.tex").read_text().replace("Score}{2.88} % small.winner", "Score}{2.98} % small.winner")
    (tmp_path / "numbers.tex").write_text(text)
    (tmp_path / "paper.tex").write_text("\\input{numbers}\n")
    (one,) = disagreements(read_paper(tmp_path / "paper.tex"), truth)
    assert one.file.name == "numbers.tex"
    assert (one.says, one.is_) == (r"\numSmallWinnerScore says 2.98", "small.winner.score is 2.88")
    assert text.splitlines()[one.line - 1].startswith(r"\newcommand{\numSmallWinnerScore}")


def test_numbers_of_an_older_version_are_stale(tmp_path: Path, material: Material, written: Path) -> None:
    track = material.results.tracks[0]
    first, *others = track.results
    newer = replace(track, results=(replace(first, aggregate=2.95), *others))
    results = replace(material.results, tracks=(newer, *material.results.tracks[1:]))
    said = found(
        tmp_path, "\\input{numbers}\n\\numSmallWinnerScore\n", truth_of(replace(material, results=results)), written
    )
    assert said[0].says.startswith("its numbers are of version")
    assert any(one.says == r"\numSmallWinnerScore says 2.88" for one in said)


def test_numbers_of_another_challenge_are_named(tmp_path: Path, written: Path) -> None:
    said = found(tmp_path, "\\input{numbers}\n\\numAllTeams\n", truth_of(invented.bare()), written)
    assert [one.says for one in said] == ["its numbers are of the challenge invented"]


def test_macros_without_numbers_tex_can_not_compile(tmp_path: Path, truth: Truth) -> None:
    (tmp_path / "paper.tex").write_text("\\begin{document}\n\\numAllTeams\n")
    (one,) = disagreements(read_paper(tmp_path / "paper.tex"), truth)
    assert one.remedy == r"Put \input{numbers} before \begin{document}."


def test_files_that_the_paper_draws_in_are_read(tmp_path: Path, truth: Truth, written: Path) -> None:
    (tmp_path / "sections").mkdir()
    (tmp_path / "sections" / "results.tex").write_text("Fine.\nIt reaches 2.89 % proctor: small.winner.score\n")
    (one,) = found(tmp_path, "\\input{numbers}\n\\input{sections/results}\n", truth, written)
    assert (one.file.name, one.line) == ("results.tex", 2)


def test_a_tie_that_nobody_tested_can_not_be_claimed(tmp_path: Path, material: Material, written: Path) -> None:
    track = material.results.tracks[0]
    unknown = replace(track, results=tuple(replace(one, rank_low=None, rank_high=None) for one in track.results))
    truth = truth_of(replace(material, results=replace(material.results, tracks=(unknown,))))
    said = found(tmp_path, r"\claim{small: Method 0 ~ Method 1}{x}", truth, written)
    assert any("ties are not known" in one.is_ for one in said)


def test_names_with_underscores_are_claimed_as_latex_writes_them(
    tmp_path: Path, material: Material, written: Path
) -> None:
    track = material.results.tracks[0]
    first, *others = track.results
    named = replace(track, results=(replace(first, name="ELC_BERT"), *others))
    truth = truth_of(replace(material, results=replace(material.results, tracks=(named,))))
    for name in (r"ELC\_BERT", "ELC_BERT", "elc-bert"):
        said = found(tmp_path, rf"\claim{{winner small = {name}}}{{x}}", truth, written)
        assert [one for one in said if "claims" in one.says] == []


def test_a_folder_without_a_report_is_no_truth(tmp_path: Path) -> None:
    with pytest.raises(NoTruthError):
        truth_in(tmp_path)
    (tmp_path / "stats.json").write_text("[]")
    with pytest.raises(NoTruthError):
        truth_in(tmp_path)
