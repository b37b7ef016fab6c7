"""Scored runs, as the leaderboards' tests write them."""

from tests.platform.leaderboards.conftest import make_scored

__all__ = ["make_scored"]
