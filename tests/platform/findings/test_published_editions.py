"""The reports on two past editions, from their published tables."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

from evaluators.results import babylm_2023, efficiency_2023
from findings.bundle import build
from findings.composing import Composed, compose
from findings.document import Paragraph, Section, cell_parts, plain
from findings.selectors import material_of
from leaderboards.published_importing import import_results

pytestmark = [pytest.mark.data, pytest.mark.django_db]


@pytest.fixture
def babylm(data: Path) -> Composed:
    return compose(material_of(import_results(document=babylm_2023(data / "babylm2023")).challenge))


@pytest.fixture
def efficiency(data: Path) -> Composed:
    document = efficiency_2023(data / "efficiency2023" / "metrics_4090.json")
    return compose(material_of(import_results(document=document).challenge))


def said(composed: Composed, key: str) -> str:
    """The sentences of a section and of those inside it."""
    section = next(section for _, section in composed.report.walk() if section.key == key)
    return _said(section)


def _said(section: Section) -> str:
    own = [one.plain for block in section.blocks if isinstance(block, Paragraph) for one in block.sentences]
    return " ".join([*own, *map(_said, section.inside)])


def rows(composed: Composed, key: str) -> list[list[str]]:
    table = next(table for table in composed.report.tables if table.key == key)
    return [["".join(plain(part) for part in cell_parts(cell)) for cell in row.cells] for row in table.rows]


def test_babylm_2023_names_the_winners_of_its_three_tracks(babylm: Composed) -> None:
    summary = said(babylm, "summary")
    assert "ELC_BERT by team-00e39b leads the track Strict with 0.743" in summary
    assert "ELC_BERT by team-00e39b leads the track Strict-Small with 0.659" in summary
    assert "contextualizer-roberta-base-100M by team-03ca67 leads the track Loose with 0.730" in summary


def test_babylm_2023_holds_winners_against_baselines_and_skylines(babylm: Composed) -> None:
    strict = said(babylm, "ranking-strict")
    assert "Its best baseline, opt-125m-baseline, reaches 0.603." in strict
    assert "The best skyline, llamav2_70B_corrected, reaches 0.709; the first place is better than that." in strict
    assert "so it can't be said who is tied with whom" in strict
    assert "the first place is worse than that" in said(babylm, "ranking-strict-small")


def test_babylm_2023_has_the_table_of_its_nine_approaches(babylm: Composed) -> None:
    found = {row[0]: row for row in rows(babylm, "approach")}
    assert set(found) == {
        "curriculum", "teacher or auxiliary model", "data processing", "hyper-parameters", "linguistic bias",
        "architecture", "data augmentation", "training objective", "multimodal",
    }  # fmt: skip
    assert found["curriculum"][1] == "16"
    assert all(row[3].startswith("0.") for row in found.values())


def test_babylm_2023_says_how_complete_its_forms_are(babylm: Composed) -> None:
    forms = said(babylm, "forms")
    assert forms.startswith("44 of 205 entries gave epochs of training as one number; 60 gave parameters;")
    assert (
        "A paper is known of 141 entries; counting these alone, 44 of 205 wrote something on epochs of training;"
        in forms
    )
    assert "52 wrote something on parameters" in forms


def test_babylm_2023_asks_how_far_its_rankings_hold(babylm: Composed) -> None:
    block = said(babylm, "robustness-strict")
    assert "With the groups of each suite drawn anew, τ stays above 0.7" in block
    assert "Leaving one column out changes the winner in 0 of 3 cases" in block


def test_efficiency_2023_ranks_the_eight_finalists(efficiency: Composed) -> None:
    found = rows(efficiency, "ranking-4090")
    assert [row[1] for row in found] == [f"submission-{number}" for number in (2, 5, 6, 1, 8, 3, 4, 7)]
    assert [row[0] for row in found] == [str(rank) for rank in range(1, 9)]


def test_efficiency_2023_shows_how_little_its_ranking_holds(efficiency: Composed) -> None:
    block = said(efficiency, "robustness")
    assert "Dropping one submission reorders the others in 6 of 8 cases." in block
    assert "Entering one submission twice reorders the others in 6 of 8 cases." in block
    assert "Another floor of the geometric mean reorders entries in 4 of 5 cases" in block
    rules = {row[0] for row in rows(efficiency, "other-rules-4090")}
    assert {"macro mean", "mean win rate (HELM)", "its own formula over HELM's win rates"} <= rules
    assert len(rows(efficiency, "leave-one-suite-out-4090")) == 31


def test_the_command_writes_the_report_of_a_past_edition(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], make_challenge: Callable[..., object]
) -> None:
    make_challenge("another")
    import_results(document=efficiency_2023(data / "efficiency2023" / "metrics_4090.json"))
    call_command("findings", "efficiency-2023", out=tmp_path / "report")
    assert "files, version" in capsys.readouterr().out
    assert "submission-2" in (tmp_path / "report" / "report.md").read_text()
    (tmp_path / "report" / "paper.tex").write_text(
        "\\input{numbers}\n\\claim{winner 4090 = submission-2}{It wins.}\n\\numFourZeroNineZeroWinnerScore\n"
    )
    call_command("findings", "check", str(tmp_path / "report" / "paper.tex"), against="efficiency-2023")
    assert "agrees with efficiency-2023" in capsys.readouterr().out


def test_the_bundle_of_babylm_2023_is_whole(data: Path, tmp_path: Path) -> None:
    challenge = import_results(document=babylm_2023(data / "babylm2023")).challenge
    placed = build(material_of(challenge), tmp_path)
    assert placed.kept == ()
    assert {"report.html", "report.md", "report.tex", "stats.json", "numbers.tex"} <= set(placed.written)
    assert build(material_of(challenge), tmp_path) == placed
