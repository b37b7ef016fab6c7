"""A forged prediction file is caught by as many items as the tool recommends, and an honest one never accused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import comb

from evaluators.spotcheck import (
    Tolerance,
    Verdict,
    allowance_of,
    changed_answers,
    compare,
    detection,
    draw_sample,
    frame_of,
    recommended_size,
    size_for,
    smallest_caught,
    tolerance_of,
)
from evaluators.tasks.interface import ItemScore

TRIALS = 100
NOISE = 1e-3  # nats by which two machines differ in each candidate


def choice(identifier: str, group: str, margin: float) -> ItemScore:
    """An answer whose gold candidate leads by so many nats."""
    right = margin > 0
    return ItemScore(identifier, group, identifier, 1.0, "0" if right else "1", float(right), 2 - right, margin)


def label(identifier: str, value: str, gold: str = "1") -> ItemScore:
    return ItemScore(identifier, "g", identifier, 1.0, value, float(value == gold))


def number(identifier: str, *values: float) -> ItemScore:
    return ItemScore(identifier, "g", identifier, 1.0, "", 0.0, values=values)


@pytest.fixture(scope="module")
def blimp(data: Path) -> list[ItemScore]:
    """A simulated model's answers to the ids of the filtered BLiMP, about two thirds of them right."""
    index: dict[str, list[int]] = json.loads((data / "babylm2024" / "blimp_filtered_index.json").read_text())
    random = np.random.default_rng(20_240)
    items = []
    for group, places in index.items():
        margins = random.normal(1.5 + 1.5 * random.normal(), 3.0, len(places))
        items += [
            choice(f"{group}/{place}", group, float(margin)) for place, margin in zip(places, margins, strict=True)
        ]
    return items


def on_another_machine(items: list[ItemScore], random: np.random.Generator) -> list[ItemScore]:
    noise = random.normal(0, NOISE, (len(items), 2))
    return [
        choice(item.item_id, item.group, (item.margin or 0.0) + float(here - there))
        for item, (here, there) in zip(items, noise, strict=True)
    ]


def test_a_forged_file_is_caught_by_a_check_of_the_recommended_size_and_an_honest_one_never_accused(
    blimp: list[ItemScore],
) -> None:
    assert len(blimp) == 59_875
    by_id = {item.item_id: item for item in blimp}
    wrong = [place for place, item in enumerate(blimp) if not item.score]
    honest = (blimp, size_for(blimp, task="choice"), frame_of(blimp, numbers=False))
    caught = accused = 0
    for trial in range(TRIALS):
        random = np.random.default_rng(trial)
        forged = list(blimp)
        for place in random.choice(wrong, round(0.05 * len(wrong)), replace=False):
            one = forged[place]
            # As a file says it: the gold candidate is chosen, by a nat.
            forged[place] = choice(one.item_id, one.group, 1.0)
        forgery = (forged, size_for(forged, task="choice"), frame_of(forged, numbers=False))
        for (handed, size, frame), is_forged in ((forgery, True), (honest, False)):
            assert size.items < 250, "of 59,875"
            sample = draw_sample(frame, size=size.items, key=trial.to_bytes(4, "big"))
            own = on_another_machine([by_id[name] for name in sample], random)
            found = compare(handed, own, frame=len(frame))
            assert found.verdict is not Verdict.INCONCLUSIVE
            caught += is_forged and found.verdict is Verdict.INCONSISTENT
            accused += not is_forged and found.verdict is Verdict.INCONSISTENT
    assert caught >= 95, f"{caught} of {TRIALS} were caught"
    assert accused == 0


@given(frame=st.integers(1, 400), changed=st.integers(0, 400), size=st.integers(0, 400))
def test_seeing_none_is_as_likely_as_drawing_from_what_was_not_changed(frame: int, changed: int, size: int) -> None:
    changed, size = min(changed, frame), min(size, frame)
    none = comb(frame - changed, size, exact=True) / comb(frame, size, exact=True)
    assert detection(frame=frame, changed=changed, size=size) == pytest.approx(1 - none, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    frame=st.integers(1, 3000), changed=st.integers(0, 3000), power=st.floats(0.5, 0.999),
    honest=st.sampled_from([0.0, 0.001, 0.02]),
)  # fmt: skip
def test_the_recommended_size_is_enough_and_one_item_less_is_not(
    frame: int, changed: int, power: float, honest: float
) -> None:
    changed = min(changed, frame)
    size = recommended_size(frame=frame, changed=changed, power=power, honest=honest)
    assert size.allowance == allowance_of(size=size.items, honest=honest)
    assert size.power == detection(frame=frame, changed=changed, size=size.items, allowance=size.allowance)
    if size.power < power:
        assert size.items == frame, "where even all items show it too rarely, all are recommended"
    elif honest == 0 and size.items > 1:
        assert detection(frame=frame, changed=changed, size=size.items - 1) < power


@settings(max_examples=60, deadline=None)
@given(frame=st.integers(1, 3000), size=st.integers(0, 3000), allowance=st.integers(0, 5))
def test_the_smallest_forgery_caught_is_caught_and_a_smaller_one_is_not(frame: int, size: int, allowance: int) -> None:
    smallest = smallest_caught(frame=frame, size=size, allowance=allowance)
    if smallest is None:
        assert detection(frame=frame, changed=frame, size=size, allowance=allowance) < 0.95
        return
    assert detection(frame=frame, changed=smallest, size=size, allowance=allowance) >= 0.95
    assert detection(frame=frame, changed=smallest - 1, size=size, allowance=allowance) < 0.95


def test_the_forged_are_counted_from_what_the_file_still_has_wrong() -> None:
    # 1,000 wrong answers, 50 of them turned right: the file has 950 wrong, and 5 % of 50 can't be seen.
    assert changed_answers(wrong=950, flipped=0.05, unclear=0.0) == 50
    assert changed_answers(wrong=950, flipped=0.05, unclear=0.05) == 47


def test_an_honest_file_is_accused_less_often_than_said() -> None:
    for size in (50, 200, 1000):
        allowed = allowance_of(size=size, honest=0.02, false_alarm=1e-4)
        at_least = 1 - sum(math.comb(size, k) * 0.02**k * 0.98 ** (size - k) for k in range(allowed + 1))
        one_less = 1 - sum(math.comb(size, k) * 0.02**k * 0.98 ** (size - k) for k in range(allowed))
        assert at_least <= 1e-4 < one_less


def test_a_sample_has_its_size_comes_from_its_key_and_gives_each_group_its_share() -> None:
    frame = [
        choice(f"{group}/{place}", group, 1.0) for group, n in (("a", 300), ("b", 90), ("c", 10)) for place in range(n)
    ]
    one, again, other = (draw_sample(frame, size=40, key=key) for key in (b"one", b"one", b"other"))
    assert one == again != other
    assert len(set(one)) == 40
    counts = [sum(name.startswith(f"{group}/") for name in one) for group in "abc"]
    assert all(abs(count - share) <= 1 for count, share in zip(counts, (30, 9, 1), strict=True))
    assert draw_sample(frame, size=1000, key=b"one") == sorted(item.item_id for item in frame)


def test_each_item_is_drawn_as_often_as_any_other() -> None:
    frame = [
        choice(f"{group}/{place}", group, 1.0) for group, n in (("a", 13), ("b", 5), ("c", 2)) for place in range(n)
    ]
    drawn = [name for key in range(2000) for name in draw_sample(frame, size=7, key=key.to_bytes(4, "big"))]
    # 700 times each on average, give or take five standard deviations.
    assert {name: drawn.count(name) for name in set(drawn)}.keys() == {item.item_id for item in frame}
    assert all(abs(drawn.count(item.item_id) - 700) < 5 * math.sqrt(2000 * 0.35 * 0.65) for item in frame)


def test_a_model_in_two_minds_excuses_nothing() -> None:
    file = [choice(str(place), "g", 1.0) for place in range(50)]
    constant = [choice(str(place), "g", 0.0) for place in range(50)]
    assert compare(file, constant, frame=50).verdict is Verdict.INCONCLUSIVE
    assert compare(file, [], frame=50).verdict is Verdict.INCONCLUSIVE


def test_only_a_margin_beyond_the_tolerance_counts_as_a_difference() -> None:
    file = [choice(str(place), "g", 1.0) for place in range(100)]
    own = [choice(str(place), "g", 1.0) for place in range(99)]
    near, far = (compare(file, [*own, choice("99", "g", margin)], frame=100) for margin in (-0.009, -0.011))
    assert (near.verdict, near.unclear, near.disagreements) == (Verdict.CONSISTENT, 1, 0)
    assert (far.verdict, far.unclear, far.disagreements) == (Verdict.INCONSISTENT, 0, 1)
    assert far.groups == {"g": (100, 1)}


def test_labels_may_differ_as_often_as_training_anew_makes_them() -> None:
    file = [label(str(place), "1") for place in range(200)]
    tolerance = tolerance_of("classification")

    def checked(differing: int) -> Verdict:
        own = [label(str(place), "0" if place < differing else "1") for place in range(200)]
        return compare(file, own, frame=200, tolerance=tolerance).verdict

    assert tolerance.honest == 0.02
    allowed = allowance_of(size=200, honest=0.02)
    assert [checked(0), checked(4), checked(allowed), checked(allowed + 1)] == [
        Verdict.CONSISTENT, Verdict.CONSISTENT, Verdict.CONSISTENT, Verdict.INCONSISTENT,
    ]  # fmt: skip


def test_where_honest_files_differ_a_check_is_sized_for_what_it_can_see() -> None:
    file = [label(str(place), "1" if place < 3500 else "0") for place in range(5000)]
    size = size_for(file, task="classification")
    # 5 % of 1,500 wrong answers hide in the 2 % of 3,500 that may differ; 10 % don't.
    assert size.changed == changed_answers(wrong=1500, flipped=0.1)
    assert size.power >= 0.99
    assert size.items < size.frame


def test_numbers_agree_within_nats_or_a_share() -> None:
    file = [number(str(place), 4.0, 0.5, 1000.0) for place in range(20)]

    def checked(*values: float) -> Verdict:
        own = [number("0", *values), *(number(str(place), 4.0, 0.5, 1000.0) for place in range(1, 20))]
        return compare(file, own, frame=20).verdict

    assert checked(4.009, 0.491, 1000.9) is Verdict.CONSISTENT
    assert checked(4.02, 0.5, 1000.0) is Verdict.INCONSISTENT
    assert checked(4.0, 0.5, 1002.0) is Verdict.INCONSISTENT
    assert checked(4.0, 0.5) is Verdict.INCONSISTENT, "another number of words"


def test_a_check_of_numbers_is_sized_and_caught_over_all_answers() -> None:
    file = [number(str(place), place / 1000) for place in range(1000)]
    size = size_for(file, task="surprisal")
    assert (size.frame, size.changed) == (1000, 50)
    own = [number(str(place), place / 1000) for place in range(1000)]
    caught = 0
    for trial in range(TRIALS):
        random = np.random.default_rng(trial)
        forged = list(file)
        for place in random.choice(1000, 50, replace=False):
            forged[place] = number(str(place), place / 1000 + 1)
        names = set(draw_sample(frame_of(forged, numbers=True), size=size.items, key=trial.to_bytes(4, "big")))
        sample = [item for item in own if item.item_id in names]
        caught += compare(forged, sample, frame=1000).verdict is Verdict.INCONSISTENT
        assert compare(file, sample, frame=1000).verdict is Verdict.CONSISTENT
    assert caught >= 95


def test_a_check_says_how_small_a_forgery_it_would_have_caught() -> None:
    file = [choice(str(place), "g", 1.0 if place < 800 else -1.0) for place in range(1000)]
    found = compare(file, [choice(str(place), "g", 1.0) for place in range(100)], frame=800)
    assert found.verdict is Verdict.CONSISTENT
    assert found.smallest == smallest_caught(frame=800, size=100) == 23
    assert found.smallest_share == pytest.approx(23 / 800)
    assert found.smallest_of_wrong == pytest.approx(23 / 223)
    assert found.smallest_gain == pytest.approx(0.023)


def test_an_answer_that_the_file_lacks_is_a_difference() -> None:
    assert compare([label("0", "1")], [label("1", "1")], frame=1, tolerance=Tolerance()).disagreements == 1
