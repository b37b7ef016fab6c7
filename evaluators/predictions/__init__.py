"""Prediction files: answers that were computed elsewhere, joined with a suite on id and scored here."""

import zlib
from collections.abc import Callable, Iterator, Sequence

from evaluators.predictions import babylm, babylm_2023, finetune_2026, native
from evaluators.predictions.answers import Answers
from evaluators.predictions.compatibility import dropping_last_batch
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.scoring import Scored, score_answers
from evaluators.suites.folder import Suite

GZIP = b"\x1f\x8b"
FORMATS: dict[str, Callable[[bytes, Suite, str], Answers]] = {
    "native": native.read,
    "babylm-2023": babylm_2023.read,
    "babylm-2024": babylm.reader("babylm-2024"),
    "babylm-2025": babylm.reader("babylm-2025"),
    "babylm-2026-finetune": finetune_2026.read,
}
MAX_UNPACKED_BYTES = 512 * 1024**2
STEP = 4096  # bytes of packed data looked at at a time
# Names of parts that were passed over are listed so many, and so long: a file may hold millions.
MAX_IGNORED, MAX_IGNORED_CHARACTERS = 50, 80
MAX_NAMED = 5


def unpacked(data: bytes, *, file: str) -> bytes:
    """The bytes behind gzip (all members), or the bytes themselves; raises ProblemsFound for a broken or huge one."""
    return b"".join(_pieces(data, file)) if data.startswith(GZIP) else data


def unpacked_size(data: bytes, *, file: str) -> int:
    """How many bytes `unpacked` gives, without keeping them; raises ProblemsFound as it does."""
    return sum(map(len, _pieces(data, file))) if data.startswith(GZIP) else len(data)


def _pieces(data: bytes, file: str) -> Iterator[bytes]:
    size = 0
    inflate = zlib.decompressobj(wbits=31)
    # In short steps: what lies behind a member is copied for each of them, and a file may hold a million empty ones.
    for start in range(0, len(data), STEP):
        rest = data[start : start + STEP]
        while rest:
            if inflate.eof:
                # Zeros may fill a block behind the last member; anything else must be a member of its own.
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                inflate = zlib.decompressobj(wbits=31)
            try:
                piece = inflate.decompress(rest, MAX_UNPACKED_BYTES + 1 - size)
            except zlib.error as error:
                raise _broken("the gzip archive is broken", file) from error
            size += len(piece)
            if size > MAX_UNPACKED_BYTES:
                sentence = f"it unpacks to more than {MAX_UNPACKED_BYTES:,} bytes"
                raise ProblemsFound(
                    [Problem("E-PRED-SIZE", sentence, file, remedy="Leave out what the suite does not ask.")]
                )
            yield piece
            rest = inflate.unused_data
    if not inflate.eof:
        raise _broken("the gzip archive ends too early", file)


def _broken(sentence: str, file: str) -> ProblemsFound:
    remedy = "Compress the file again, and check that it arrived whole."
    return ProblemsFound([Problem("E-PRED-FORMAT", sentence, file, remedy=remedy)])


def score_predictions(
    suite: Suite, data: bytes, *, format: str, file: str = "predictions", drop_last_batch: int | None = None,  # noqa: A002
    checkpoints: Sequence[str] = (),
) -> Scored:  # fmt: skip
    """Score a prediction file (plain or gzip); raises ProblemsFound for unknown or repeated ids and unreadable lines.

    Items without a prediction are reported as gaps and count as wrong; other suites' entries are listed as ignored.
    `drop_last_batch` leaves out what some published numbers left out: the result is flagged, and never ranked.
    `checkpoints` are those that the track takes: a file that goes over checkpoints must hold all of them and no other,
    since leaving some out would choose the curve that is scored.
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
    _check_steps([step.name for step in answers.steps], checkpoints, file)
    ignored = sorted({name[:MAX_IGNORED_CHARACTERS] for name in answers.ignored})[:MAX_IGNORED]
    scored = score_answers(suite, answers.by_item, ignored=ignored, steps=answers.steps)
    if answers.self_reported:
        document = scored.document.model_copy(update={"self_reported": answers.self_reported})
        scored = Scored(document=document, items=scored.items)
    if drop_last_batch is None:
        return scored
    return dropping_last_batch(suite, answers, size=drop_last_batch, honest=scored)


def _check_steps(found: Sequence[str], taken: Sequence[str], file: str) -> None:
    """Raises ProblemsFound where a file over checkpoints holds others than the track takes."""
    if not found or not taken:
        return
    strange = [name for name in found if name not in taken]
    lacking = [name for name in taken if name not in found]
    if strange or lacking:
        names = strange or lacking
        listed = ", ".join(names[:MAX_NAMED]) + (
            f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        )
        sentence = f"{'no checkpoint is called' if strange else 'these checkpoints have no answers:'} {listed}"
        remedy = f"Answer at each of the {len(taken)} checkpoints that the track takes, and at no other."
        raise ProblemsFound([Problem("E-PRED-CHECKPOINT", sentence, file, remedy=remedy)])


__all__ = ["FORMATS", "score_predictions", "unpacked", "unpacked_size"]
