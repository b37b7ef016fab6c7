"""The mixed model finds what was put in, and says when it can't be used."""

import math

import numpy as np
import pytest
from statsmodels.api import OLS

from evaluators.statistics.mixed import Model, Observation, fit_scores

PER_DECADE, STRICT, BETWEEN = 0.02, 0.05, 0.05


def made(teams: int, each: int, between: float = BETWEEN, noise: float = 0.02) -> list[Observation]:
    random = np.random.default_rng(5)
    found = []
    for team in range(teams):
        own = between * float(random.normal())
        for number in range(each):
            flops = 10 ** float(random.uniform(16, 20))
            track, backbone = ("strict", "small")[number % 2], ("gpt", "bert", "other")[int(random.integers(3))]
            score = 0.3 + PER_DECADE * math.log10(flops) + STRICT * (track == "strict") + own
            found.append(Observation(score + noise * float(random.normal()), flops, track, backbone, f"t{team:02}"))
    return found


def model_of(observations: list[Observation]) -> Model:
    found = fit_scores(observations)
    assert found is not None
    return found


def test_the_model_finds_what_was_put_in() -> None:
    found = model_of(made(20, 6))
    assert (found.method, found.n, found.teams, found.left_out) == ("mixed model", 120, 20, ())
    terms = {term.name: term for term in found.terms}
    # The most frequent track is the reference, the first by name where two are as frequent.
    assert found.references["track"] == "small"
    for name, truth in (("log10(FLOPs)", PER_DECADE), ("track = strict", STRICT)):
        assert terms[name].low < truth < terms[name].high
        assert terms[name].p < 1e-6
        assert terms[name].high - terms[name].low == pytest.approx(2 * 1.959964 * terms[name].se)
    assert found.between == pytest.approx(BETWEEN, rel=0.4)
    assert all(term.p > 0.01 for name, term in terms.items() if name.startswith("backbone"))


def test_the_order_of_submissions_changes_nothing_and_the_unit_of_scores_only_the_unit() -> None:
    observations = made(8, 4)
    found = model_of(observations)
    assert model_of(observations[::-1]) == found
    hundred = model_of([one._replace(score=100 * one.score) for one in observations])
    for term, scaled in zip(found.terms, hundred.terms, strict=True):
        assert scaled[1:3] == pytest.approx([100 * value for value in term[1:3]], rel=1e-3)


def test_few_teams_get_least_squares_with_errors_by_team() -> None:
    observations = made(4, 8)
    found = model_of(observations)
    assert (found.method, found.between) == ("least squares", None)
    assert found.why.startswith("there are 4 teams, fewer than 5")
    rows = sorted(observations)
    logs = np.array([math.log10(row.flops) for row in rows])
    factors = [[row.track == "strict", *(row.backbone == term.name[11:] for term in found.terms[3:])] for row in rows]
    design = np.column_stack([np.ones(len(rows)), logs - logs.mean(), np.array(factors, dtype=float)])
    teams = np.unique([row.team for row in rows], return_inverse=True)[1]
    reference = OLS([row.score for row in rows], design).fit(
        cov_type="cluster", cov_kwds={"groups": teams}, use_t=True
    )  # fmt: skip
    assert [term.coefficient for term in found.terms] == pytest.approx(reference.params)
    assert [term.se for term in found.terms] == pytest.approx(reference.bse)
    assert [term.p for term in found.terms] == pytest.approx(reference.pvalues, rel=1e-4)
    assert [term.low for term in found.terms] == pytest.approx(reference.conf_int()[:, 0])
    assert [term.high for term in found.terms] == pytest.approx(reference.conf_int()[:, 1])


def test_teams_that_do_not_differ_make_the_mixed_model_singular() -> None:
    # Luck and bad luck, of a size that varies between teams, cancel out within each.
    observations = [
        one._replace(score=one.score + (0.02 if number % 4 < 2 else -0.02) * (1 + number // 4 % 3))
        for number, one in enumerate(made(12, 4, between=0, noise=1e-3))
    ]
    found = model_of(observations)
    assert found.method == "least squares"
    assert "teams differ no more" in found.why


def test_one_submission_a_team_or_one_team_gets_least_squares() -> None:
    apart = model_of([one._replace(team=f"t{n}") for n, one in enumerate(made(8, 4))])
    assert (apart.method, apart.teams) == ("least squares", 32)
    assert "every team has one submission" in apart.why
    one_team = model_of([one._replace(team="t") for one in made(8, 4)])
    assert one_team.why == "there is 1 team, fewer than 5"
    assert all(term.se > 0 for term in one_team.terms)


def test_as_many_coefficients_as_teams_are_warned_of() -> None:
    assert "too small" in model_of(made(3, 8)).why
    assert "too small" not in model_of([one._replace(backbone="gpt") for one in made(4, 8)]).why


def test_what_can_not_be_told_apart_is_left_out() -> None:
    together = [one._replace(backbone=f"of {one.track}") for one in made(8, 4)]
    found = model_of(together)
    assert found.left_out == ("backbone = of strict",)
    assert [term.name for term in found.terms] == ["intercept", "log10(FLOPs)", "track = strict"]
    same = model_of([one._replace(flops=1e18) for one in made(8, 4)])
    assert same.left_out == ("log10(FLOPs)",)


def test_nothing_is_fitted_to_too_little() -> None:
    assert fit_scores([]) is None
    assert fit_scores(made(1, 3)) is None
    assert fit_scores([one._replace(score=0.3) for one in made(8, 4)]) is None
    with pytest.raises(ValueError, match="FLOPs"):
        fit_scores([one._replace(flops=0) for one in made(8, 4)])
    with pytest.raises(ValueError, match="score"):
        fit_scores([one._replace(score=math.nan) for one in made(8, 4)])
