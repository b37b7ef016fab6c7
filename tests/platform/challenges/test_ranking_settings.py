"""How a track ranks and when a phase is revealed, in a document and in the database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from challenges.models import Phase
from evaluators.aggregates import METHODS, RELATIVE_METHODS
from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.ranking import RELATIVE, AggregateMethod
from suites import configuration, exporting

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]

DOCUMENT = """
schema: challenge/1
key: pairs
title: Pairs
timezone: Europe/Berlin
tracks:
  - key: small
    kinds: [code]
    ranking: {{{ranking}}}
    phases:
      - {{key: test, opens: 2026-01-01T00:00:00, closes: 2026-02-01T00:00:00, {phase}}}
baselines:
  - {{key: best, track: small, source: baselines/best, role: skyline}}
"""


def document(ranking: str = "", phase: str = "") -> ChallengeDocument:
    return ChallengeDocument.from_yaml(DOCUMENT.format(ranking=ranking, phase=phase), file="challenge.yaml")


@pytest.mark.parametrize("method", get_args(AggregateMethod))
def test_every_method_goes_in_and_out_unchanged(method: str) -> None:
    floor = ", floor: 0.01" if method == "geometric-mean" else ""
    given = document(f"aggregate: {{method: {method}{floor}}}, ties: clusters, alpha: 0.01, missing: worst")
    challenge = configuration.apply(given).challenge
    track = challenge.tracks.get()
    assert (track.aggregate.get("method", "macro"), track.ties, track.alpha) == (method, "clusters", 0.01)
    assert exporting.export(challenge) == given
    assert configuration.apply(given).changes == []


def test_the_methods_of_a_track_are_those_of_the_evaluators() -> None:
    assert set(get_args(AggregateMethod)) == METHODS.keys()
    assert RELATIVE == RELATIVE_METHODS


def test_a_reveal_and_made_up_names_go_in_and_out_unchanged() -> None:
    given = document(phase="reveal: 2026-02-03T12:00:00, blind: true, visibility: after_close")
    challenge = configuration.apply(given).challenge
    phase = challenge.tracks.get().phases.get()
    assert (phase.reveal_at, phase.blind) == (datetime(2026, 2, 3, 11, tzinfo=UTC), True)
    assert exporting.export(challenge) == given
    assert given.baselines[0].role == "skyline"


@pytest.mark.parametrize(
    ("ranking", "phase"),
    [
        ("", "reveal: 2026-01-31T00:00:00"),
        ("aggregate: {method: none}", ""),
        ("aggregate: {floor: 0.1}", ""),
        ("aggregate: {method: babylm-2023, weights: {blimp: 2}}", ""),
        ("aggregate: {method: borda}, ladder: standard-error", ""),
        ("ties: none", ""),
    ],
)
def test_what_makes_no_sense_is_refused(ranking: str, phase: str) -> None:
    with pytest.raises(ProblemsFound):
        document(ranking, phase)


def test_a_phase_is_revealed_when_it_closes_or_later(make_phase: Make) -> None:
    now = timezone.now()
    phase: Phase = make_phase(open=False)
    assert phase.is_revealed
    phase.reveal_at = now + timedelta(hours=1)
    assert not phase.is_revealed
    phase.reveal_at = now - timedelta(minutes=1)
    phase.save()
    assert phase.is_revealed
    phase.reveal_at = phase.closes - timedelta(minutes=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        phase.save()
