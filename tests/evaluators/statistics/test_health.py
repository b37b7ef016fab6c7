"""Whether a suite is any good, against values that follow by hand or from another implementation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, pointbiserialr
from statsmodels.api import OLS, add_constant

from evaluators.statistics.health import (
    discordance_of,
    items_needed,
    pairwise_ceiling,
    public_against_hidden,
    saturation,
    smallest_difference,
    suite_agreement,
)
from evaluators.statistics.reliability import composite_reliability, correlation, item_health, split_half


def answers(abilities: np.ndarray, items: int, noise: float, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return abilities + noise * random.normal(size=(items, len(abilities)))


ABILITIES = np.random.default_rng(1).normal(size=40)


def test_the_sign_test_needs_the_published_number_of_items() -> None:
    assert items_needed(0.55) == 617
    assert items_needed(0.6) == 153
    assert items_needed(1.0) == 3
    with pytest.raises(ValueError, match="half"):
        items_needed(0.5)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.51, 1), st.floats(0.05, 1))
def test_the_smallest_difference_is_that_of_the_items_there_are(q: float, discordance: float) -> None:
    n = math.ceil(items_needed(q) / discordance)
    found = smallest_difference(n, discordance)
    assert found is not None
    # One item more than needed detects a little less than what was asked.
    assert found <= discordance * (2 * q - 1) + 1e-9
    assert found == pytest.approx(discordance * (2 * q - 1), rel=0.2)


def test_too_few_items_detect_nothing() -> None:
    assert smallest_difference(10, 0.2) is None
    assert smallest_difference(1000, 0.0) is None
    with pytest.raises(ValueError, match="share"):
        smallest_difference(10, 1.2)


def test_discordance_is_the_median_share_of_items_that_tell_two_apart() -> None:
    scores = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0.0]])
    assert discordance_of(scores) == pytest.approx(np.median([0.25, 0.5, 0.25]))
    assert discordance_of(scores[:, :1]) is None


@pytest.mark.parametrize("noise", [0.5, 2.0, 5.0])
def test_split_halves_find_the_reliability_that_the_noise_leaves(noise: float) -> None:
    items = 50
    found = split_half(answers(ABILITIES, items, noise), seed=1)
    truth = ABILITIES.var() / (ABILITIES.var() + noise**2 / items)
    assert found is not None
    assert found.value == pytest.approx(truth, abs=0.1)
    assert found.low <= found.value <= found.high
    assert found == split_half(answers(ABILITIES, items, noise), seed=1)


def test_halves_have_half_of_every_group() -> None:
    # Within a group all items are the same, so balanced halves of the two groups are equal.
    by_group = np.stack([ABILITIES, -3 * ABILITIES[::-1]])
    strata = np.repeat([0, 1], 20)
    found = split_half(by_group[strata], strata=strata, seed=1)
    assert found is not None
    assert found.low == pytest.approx(1)
    unbalanced = split_half(by_group[strata], seed=1)
    assert unbalanced is not None
    assert unbalanced.low < 0.99


def test_few_submissions_or_equal_ones_have_no_reliability() -> None:
    assert split_half(np.ones((10, 2)), seed=1) is None
    assert split_half(np.ones((10, 5)), seed=1) is None
    assert split_half(np.ones((1, 5)), seed=1) is None
    assert correlation(np.ones(3), np.arange(3.0)) is None


def test_items_are_discriminating_as_scipy_has_it() -> None:
    scores = (answers(ABILITIES, 30, 1.0) > 0).astype(float)
    scores[3], scores[4] = 0, 1
    scores[5] = scores[6] * 0.5
    health = item_health(scores)
    for place in (0, 1, 2, 6, 29):
        rest = np.delete(scores, place, axis=0).sum(axis=0)
        assert health.discrimination[place] == pytest.approx(pointbiserialr(scores[place], rest).statistic)
    assert np.isnan(health.discrimination[[3, 4]]).all()
    assert np.flatnonzero(health.nobody).tolist() == [3]
    assert np.flatnonzero(health.everybody).tolist() == [4]
    assert health.difficulty == pytest.approx(scores.mean(axis=1))


def table_of(columns: dict[str, np.ndarray]) -> dict[str, dict[str, float | None]]:
    count = len(next(iter(columns.values())))
    return {f"m{n}": {suite: float(values[n]) for suite, values in columns.items()} for n in range(count)}


def suites_of(noise: float = 0.3) -> dict[str, np.ndarray]:
    return {f"s{n}": answers(ABILITIES, 1, noise, seed=n)[0] for n in range(5)}


def test_a_suite_that_measures_something_else_is_off_construct() -> None:
    odd = np.random.default_rng(99).normal(size=40)
    found = suite_agreement(table_of({**suites_of(), "odd": odd}), seed=1)
    assert [suite for suite, agreement in found.items() if agreement.off_construct] == ["odd"]
    assert found["odd"].z is not None
    assert found["odd"].z < -3
    assert found["s0"].tau > 0.6
    assert found["s0"].r > 0.8
    assert found == suite_agreement(table_of({**suites_of(), "odd": odd}), seed=1)


def test_agreement_uses_scores_of_which_less_is_better_as_such() -> None:
    turned = {**suites_of(), "s0": -suites_of()["s0"]}
    straight = suite_agreement(table_of(suites_of()), seed=1)
    assert suite_agreement(table_of(turned), seed=1, lower=frozenset({"s0"})) == straight
    assert suite_agreement(table_of(turned), seed=1)["s0"].r < 0


def test_agreement_of_few_models_or_suites_says_nothing() -> None:
    table = table_of(suites_of())
    few = dict(list(table.items())[:9])
    assert suite_agreement(few, seed=1) == {}
    assert suite_agreement({**few, "lacking": {"s0": 1.0, "s1": None}}, seed=1) == {}
    assert suite_agreement(table_of(dict(list(suites_of().items())[:2])), seed=1) == {}
    flat = suite_agreement(table_of({**suites_of(), "flat": np.full(40, 0.5)}), seed=1)
    assert "flat" not in flat
    assert len(flat) == 5


def test_no_suite_agrees_beyond_what_its_reliability_allows() -> None:
    noise = 0.6
    suites = suites_of(noise)
    reliability = ABILITIES.var() / (ABILITIES.var() + noise**2)
    found = suite_agreement(table_of(suites), seed=1, reliabilities=dict.fromkeys(suites, reliability))
    # Suites that measure the same thing reach the ceiling, and four are more reliable together than one.
    ceilings = [agreement.ceiling for agreement in found.values()]
    assert all(one is not None and reliability < one < 1 for one in ceilings)
    assert np.mean([agreement.r for agreement in found.values()]) == pytest.approx(
        np.mean([one for one in ceilings if one is not None]), abs=0.05
    )
    assert suite_agreement(table_of(suites), seed=1, reliabilities={"s0": 0.9})["s0"].ceiling is None
    assert pairwise_ceiling(0.81, 0.64) == pytest.approx(0.72)
    assert pairwise_ceiling(-0.1, 0.64) == 0


def test_a_sum_is_more_reliable_than_its_parts() -> None:
    # Two parallel parts of reliability ½: 2·½ / (1 + ½), as Spearman and Brown have it.
    variance_of_sum = 1 + 1 + 2 * 0.5
    assert composite_reliability(np.ones(2), np.array([0.5, 0.5]), variance_of_sum) == pytest.approx(2 / 3)


def test_saturation_has_its_published_form_and_ours() -> None:
    scores = [0.9, 0.895, 0.89, 0.885, 0.88, 0.3]
    found = saturation(scores[::-1], 10_000, standard_error=0.01)
    assert found is not None
    assert (found.first, found.fifth) == (0.9, 0.88)
    squared = (0.9 * 0.1 + 0.88 * 0.12) / 100
    assert found.published == pytest.approx(math.exp(-(0.02**2) / squared))
    assert found.ours == pytest.approx(math.exp(-4))
    assert (found.published_bin, found.bin) == ("high", "low")
    assert saturation(scores[:4], 100, standard_error=0.1) is None
    equal = saturation([0.9] * 5, 100, standard_error=0.0)
    assert equal is not None
    assert (equal.ours, equal.bin) == (1, "saturated")
    sure = saturation([0.9, 0.8, 0.8, 0.8, 0.8], 100, standard_error=0.0)
    assert sure is not None
    assert (sure.ours, sure.bin) == (0, "none")


def test_who_does_worse_on_hidden_items_than_on_public_ones_stands_apart() -> None:
    random = np.random.default_rng(3)
    public = {f"m{n}": float(value) for n, value in enumerate(ABILITIES)}
    hidden = {name: 0.9 * value + 0.1 + 0.05 * float(random.normal()) for name, value in public.items()}
    honest = public_against_hidden(public, hidden)
    assert honest is not None
    assert honest.r == pytest.approx(pearsonr(list(public.values()), list(hidden.values()), alternative="two-sided")[0])
    assert honest.outliers == ()
    tuned = public_against_hidden({**public, "m7": public["m7"] + 1}, hidden)
    assert tuned is not None
    assert tuned.outliers == ("m7",)
    assert tuned.z["m7"] < -3


def test_residuals_are_studentised_as_statsmodels_does() -> None:
    random = np.random.default_rng(4)
    x, y = random.normal(size=(2, 30))
    found = public_against_hidden(
        {f"{n:02}": float(one) for n, one in enumerate(x)}, {f"{n:02}": float(one) for n, one in enumerate(y)}
    )
    reference = OLS(y, add_constant(x)).fit().get_influence().resid_studentized_external
    assert found is not None
    z = np.array(list(found.z.values()))
    assert np.sign(z).tolist() == np.sign(reference).tolist()
    assert np.argsort(z).tolist() == np.argsort(reference).tolist()
    # As normal deviates they are a little smaller.
    assert (np.abs(z) <= np.abs(reference)).all()
    assert z == pytest.approx(reference, rel=0.12)


def test_points_on_a_line_have_no_outlier_and_few_say_nothing() -> None:
    line = {f"m{n}": float(n) for n in range(8)}
    found = public_against_hidden(line, {name: 2 * value for name, value in line.items()})
    assert found is not None
    assert (found.r, found.tau, found.outliers) == (pytest.approx(1), 1, ())
    assert public_against_hidden(dict(list(line.items())[:4]), line) is None
    flat = public_against_hidden(dict.fromkeys(line, 0.5), line)
    assert flat is not None
    assert (flat.r, flat.tau, flat.outliers) == (None, None, ())
