"""What a report says, and that it says no more than the data do."""

from dataclasses import replace

import pytest

from findings.composing import Composed, compose
from findings.document import Paragraph, Section, cell_parts, plain
from findings.material import Material
from leaderboards.results import Results
from tests.platform.findings import invented


@pytest.fixture(scope="module")
def composed() -> Composed:
    return compose(invented.material())


def section_of(composed: Composed, key: str) -> Section:
    return next(section for _, section in composed.report.walk() if section.key == key)


def text_of(composed: Composed, key: str) -> str:
    """The sentences of a section and of those inside it."""
    section = section_of(composed, key)
    inside = " ".join(text_of(composed, inner.key) for inner in section.inside)
    own = [said.plain for block in section.blocks if isinstance(block, Paragraph) for said in block.sentences]
    return " ".join([*own, inside]).strip()


def rows_of(composed: Composed, key: str) -> list[list[str]]:
    table = next(table for table in composed.report.tables if table.key == key)
    return [["".join(plain(part) for part in cell_parts(cell)) for cell in row.cells] for row in table.rows]


def test_the_winner_its_interval_and_its_margin_are_named(composed: Composed) -> None:
    said = text_of(composed, "ranking-small")
    assert said.startswith(
        "Method 0 by Team 0 leads the track Small with 2.88 (95 % interval 2.85 to 2.90), 0.10 ahead of Method 1."
    )
    assert "Its best baseline, n-gram, reaches 2.00. 9 of 12 ranked entries are better than it." in said
    assert "The best skyline, A large model, reaches 3.00; the first place is worse than that." in said
    assert "1 other entry is tied with it (α = 0.05, Holm): Method 1." in said


def test_equal_winners_share_the_first_place() -> None:
    material = invented.material()
    track = material.results.tracks[0]
    first, second, *others = track.results
    equal = replace(track, results=(first, replace(second, rank=1, aggregate=first.aggregate), *others))
    shared = replace(material, results=replace(material.results, tracks=(equal,)), items={}, curves=())
    assert "Method 0 and Method 1 share the first place of the track Small with 2.88." in text_of(
        compose(shared), "ranking-small"
    )


def test_one_is_said_in_the_singular(composed: Composed) -> None:
    said = text_of(composed, "ranking-tiny")
    assert "1 of 1 ranked entry is better than it." in said
    assert "ahead of" not in said


def test_references_stand_in_the_table_without_a_rank(composed: Composed) -> None:
    rows = rows_of(composed, "ranking-small")
    assert [row[0] for row in rows if row[1] in ("n-gram", "A large model")] == ["skyline", "baseline"]
    assert [row[1] for row in rows][:2] == ["A large model", "Method 0"]
    assert rows[1][:6] == ["1", "Method 0", "Team 0", "2.88", "2.85 to 2.90", "1–2"]


def test_what_is_not_ranked_stands_aside_with_its_reason(composed: Composed) -> None:
    assert "2 scored entries of teams stand without a rank." in text_of(composed, "exclusions")
    assert rows_of(composed, "exclusions-reasons") == [["its budget is exceeded", "2"]]


def test_failures_are_counted_by_code_and_partial_runs_apart(composed: Composed) -> None:
    assert text_of(composed, "failures") == "2 runs ended without a score, and 2 left items without an answer."
    assert rows_of(composed, "failures") == [["Small", "E-RUN-OOM", "run", "1"], ["Tiny", "E-RUN-OOM", "run", "1"]]


def test_contamination_that_nobody_recorded_is_said_to_be_that(composed: Composed) -> None:
    said = text_of(composed, "contamination")
    assert "No contamination record is attached" in said
    assert "does not say that nothing is contaminated" in said


def test_forms_say_how_many_answered(composed: Composed) -> None:
    said = text_of(composed, "forms")
    assert said.startswith("12 of 19 entries gave epochs as one number; 12 gave training FLOPs.")
    assert "Required and yet not answered by all: epochs." in said
    assert rows_of(composed, "forms")[0] == ["Epochs", "yes", "19", "12", "12"]


def test_an_approach_is_held_against_those_without_within_tracks(composed: Composed) -> None:
    rows = {row[0]: row for row in rows_of(composed, "approach")}
    assert rows["curriculum"][1:3] == ["8", "6"]
    assert rows["architecture"][1] == "4"
    # All who name an approach name this one, so that there is nobody to compare with.
    assert rows["curriculum"][5:] == ["–", "–", "–"]
    assert rows["architecture"][6] == "+0.58"
    # Three teams have it: too few for an interval.
    assert rows["architecture"][2:5] == ["3", "2.58", "–"]
    assert rows["architecture"][7] == "–"
    assert "so no difference between approaches can be told" in text_of(composed, "approach")


def test_scale_and_the_mixed_model_are_fitted_where_flops_are_given(composed: Composed) -> None:
    assert "12 eligible entries give training FLOPs as one number." in text_of(composed, "scale-flops")
    said = text_of(composed, "mixed-model")
    assert "12 entries by 6 teams was fitted" in said
    assert rows_of(composed, "mixed-model")[1][0] == "log10(FLOPs)"


def test_learning_curves_count_who_improved(composed: Composed) -> None:
    assert text_of(composed, "learning") == (
        "On Pairs of the track Small, 4 of 4 entries are better at the last checkpoint than at the first."
    )


def test_human_likeness_is_held_against_the_other_tasks(composed: Composed) -> None:
    assert rows_of(composed, "human-likeness") == [["Small", "Reading times", "12", "1.00", "<0.001"]]
    assert "Reading times rises with the mean of the other tasks." in text_of(composed, "human-likeness")


def test_a_suite_with_items_has_its_page(composed: Composed) -> None:
    said = text_of(composed, "suite-small-pairs")
    assert "Its split-half reliability is that over items:" in said
    assert "It agrees with the other suites at τ = 1.00" in said
    assert "Saturation is" in said
    assert "it detects a difference of" in said
    assert "of 300 items no ranked entry is right, and on" in said


def test_a_suite_without_items_says_what_is_missing(composed: Composed) -> None:
    said = text_of(composed, "suite-small-tracking")
    assert said.startswith("As item scores are not kept, its split-half reliability is that over groups:")
    assert "The smallest difference that it detects is not known" in said


def test_a_ranking_that_is_a_mean_does_not_depend_on_who_entered(composed: Composed) -> None:
    said = text_of(composed, "robustness-small")
    assert "The aggregate does not depend on who else entered" in said
    assert "Method 0 stays first in 100 %." in said


def test_a_track_that_ranks_one_entry_is_too_small_for_robustness(composed: Composed) -> None:
    assert "too few to ask how robust" in text_of(composed, "robustness-tiny")


def test_an_aggregate_that_the_columns_do_not_give_is_not_played_with() -> None:
    material = invented.material()
    track = material.results.tracks[0]
    odd = replace(track, results=tuple(replace(one, aggregate=(one.aggregate or 0) ** 2) for one in track.results))
    composed = compose(replace(material, results=replace(material.results, tracks=(odd,))))
    assert "can't be computed again from the columns" in text_of(composed, "robustness-small")


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("participation", "0 teams took part in 0 tracks, with 0 scored entries."),
        ("ranking", "No track has a scored entry, so there is no table."),
        ("tasks", "No track has ranked entries, so tasks can't be compared."),
        ("approach", "No entry names its approach, so scores can't be compared by it."),
        ("scale-flops", "No eligible entry gives training FLOPs as one number, so scores can't be related to it."),
        ("learning", "No entry was scored at more than one checkpoint, so there are no learning curves."),
        ("failures", "No failed or partial run is recorded."),
        ("exclusions", "Every scored entry of a team is ranked."),
        ("forms", "The tracks ask no questions of their own, so there is no form to be complete."),
    ],
)
def test_a_section_without_data_says_so_in_a_sentence(key: str, sentence: str) -> None:
    assert text_of(compose(invented.bare()), key) == sentence


def test_every_table_has_a_cell_for_each_heading_and_a_key_of_its_own(composed: Composed) -> None:
    for blocks in (composed.report.tables, composed.report.figures):
        keys = [block.key for block in blocks]
        assert len(set(keys)) == len(keys)
    for table in composed.report.tables:
        assert {len(row.cells) for row in table.rows} <= {len(table.headings)}


def test_the_version_follows_from_the_material_alone() -> None:
    one, same = compose(invented.material()), compose(invented.material())
    other = compose(invented.material(entries=11))
    assert one.version == same.version != other.version
    assert compose(Material(Results("bare", "Bare", ()))).version != compose(Material(Results("b", "Bare", ()))).version
