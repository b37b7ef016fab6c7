"""Prediction files: answers that were computed elsewhere, joined with a suite on id and scored here."""

import zlib
from collections.abc import Callable

from evaluators.predictions import babylm_2024, native
from evaluators.predictions.answers import Answers
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.scoring import Scored, score_answers
from evaluators.suites.folder import Suite

FORMATS: dict[str, Callable[[bytes, Suite, str], Answers]] = {
    "native": native.read,
    "babylm-2024": babylm_2024.read,
}
MAX_UNPACKED_BYTES = 1_000_000_000


def unpacked(data: bytes, *, file: str) -> bytes:
    """The bytes behind gzip, or the bytes themselves; raises ProblemsFound where the archive is broken or a bomb."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    inflate = zlib.decompressobj(wbits=31)
    try:
        plain = inflate.decompress(data, MAX_UNPACKED_BYTES)
    except zlib.error as error:
        raise ProblemsFound(
            [
                Problem(
                    "E-PRED-FORMAT",
                    "the gzip archive is broken",
                    file,
                    remedy="Compress the file again, and check that the upload is whole.",
                )
            ]
        ) from error
    if inflate.unconsumed_tail:
        raise ProblemsFound([Problem("E-PRED-SIZE", f"it unpacks to more than {MAX_UNPACKED_BYTES:,} bytes", file)])
    if not inflate.eof:
        raise ProblemsFound(
            [
                Problem(
                    "E-PRED-FORMAT",
                    "the gzip archive ends too early",
                    file,
                    remedy="The file was cut off: hand it in again.",
                )
            ]
        )
    return plain


def score_predictions(suite: Suite, data: bytes, *, format: str, file: str = "predictions") -> Scored:  # noqa: A002
    """Score a prediction file (plain or gzip); raises ProblemsFound for unknown or repeated ids and unreadable lines.

    Items without a prediction are reported as gaps and count as wrong; other suites' entries are listed as ignored.
    """
    read = FORMATS.get(format)
    if read is None:
        raise ProblemsFound(
            [
                Problem(
                    "E-PRED-KIND",
                    f"there is no prediction format {format!r}",
                    file,
                    remedy=f"Use one of: {', '.join(FORMATS)}.",
                )
            ]
        )
    answers = read(unpacked(data, file=file), suite, file)
    return score_answers(suite, answers.by_item, ignored=sorted(answers.ignored))


__all__ = ["FORMATS", "score_predictions", "unpacked"]
