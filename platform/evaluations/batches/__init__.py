"""Batches: re-scores, added suites and new suite versions, prepared beside the scores that count."""
