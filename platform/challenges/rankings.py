"""How a track ranks, as the part `ranking` of its document and as the track's fields."""

from typing import Any

from challenges.models import Track
from evaluators.protocol.ranking import Ranking, ladder_text, ladder_value


def ranking_of(track: Track) -> Ranking:
    """The track's ranking as its document."""
    return Ranking.from_value(ranking_value(track), file="")


def ranking_value(track: Track) -> dict[str, Any]:
    """The track's ranking as the document's value."""
    return {
        "counts": track.counts,
        "aggregate": track.aggregate,
        "missing": track.missing,
        "least_provenance": track.least_provenance,
        "ties": track.ties,
        "alpha": track.alpha,
        "round": track.round_digits,
        "ladder": ladder_value(track.ladder),
    }


def ranking_fields(ranking: Ranking) -> dict[str, Any]:
    """The fields of a track that ranks so."""
    return {
        "counts": ranking.counts,
        "aggregate": ranking.aggregate.to_value(),
        "missing": ranking.missing,
        "least_provenance": ranking.least_provenance,
        "ties": ranking.ties,
        "alpha": ranking.alpha,
        "round_digits": ranking.round,
        "ladder": ladder_text(ranking.ladder),
    }
