"""The demo: a challenge of the project's own with three baselines, from nothing to a scored leaderboard."""
