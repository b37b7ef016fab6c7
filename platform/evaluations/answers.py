"""Response sets and what is computed from them: answers sealed, scores in rows, item scores in Parquet."""

import gzip
import hashlib
import io
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone

from evaluations.batch_models import Batch
from evaluations.checkpoints import Place, steps_asked
from evaluations.faults import storable
from evaluations.models import Evaluation, ResponseSet, Score
from evaluators import __version__
from evaluators.protocol.documents import canonical_json
from evaluators.protocol.scores import Measure, ScoresDocument
from evaluators.scoring import Scored
from evaluators.tasks.interface import ItemScore
from suites import sealing
from suites import services as suites
from suites.models import PhaseSuite
from suites.services import Selection

FINISHED = Place()


def key_of(
    *, registration_id: int, digest: str, phase_suite: PhaseSuite, image_id: str, backend: str, place: Place = FINISHED
) -> str:
    """The key under which answers are reused: everything that could change them, and the team that they belong to."""
    parts: list[Any] = [
        registration_id, digest, phase_suite.suite_version.digest, phase_suite.selection, place.checkpoint,
        place.train_seed, image_id, backend,
    ]  # fmt: skip
    if place.steps:
        # Tracks may take different checkpoints of one submission, and what is asked over them differs then.
        parts.append([list(step) for step in place.steps])
    return hashlib.sha256(canonical_json(parts)).hexdigest()


def selection_of(response_set: ResponseSet) -> Selection:
    """What was asked of the suite."""
    name = response_set.chosen_name
    items = tuple(json.loads(sealing.read_bytes(name))) if name else None
    return Selection(splits=tuple(response_set.splits), sample=response_set.sample, items=items)


def keep(response_set: ResponseSet, responses: Iterable[Mapping[str, Any]]) -> None:
    """Seal the canonical responses and make the set complete; where another run was first, its answers stay."""
    lines = _lines(responses)
    packed, gated = gzip.compress(lines, mtime=0), response_set.suite_version.gated
    name = sealing.write_bytes(f"responses/{response_set.key}.jsonl.gz", packed, gated=gated)
    if not _complete(response_set, sealed_name=name, digest=hashlib.sha256(lines).hexdigest()):
        sealing.forget(name)
    for part in response_set.parts.values():
        sealing.forget(part)
    if response_set.parts:
        ResponseSet.objects.filter(pk=response_set.pk).update(parts={})
        response_set.parts = {}


def keep_part(response_set: ResponseSet, checkpoint: str, responses: Iterable[Mapping[str, Any]]) -> None:
    """Seal what a set that goes over checkpoints is answered at one of them; what was there first stays."""
    packed = gzip.compress(_lines(responses), mtime=0)
    gated = response_set.suite_version.gated
    name = sealing.write_bytes(f"responses/{response_set.key}-{checkpoint}.jsonl.gz", packed, gated=gated)
    with transaction.atomic():
        current = ResponseSet.objects.select_for_update().get(pk=response_set.pk)
        kept = not current.complete and checkpoint not in current.parts
        if kept:
            current.parts[checkpoint] = name
            current.save(update_fields=["parts"])
    response_set.refresh_from_db()
    if not kept:
        sealing.forget(name)


def read_parts(response_set: ResponseSet) -> list[dict[str, Any]]:
    """What the set is answered so far, at the checkpoints that are finished."""
    return [response for name in response_set.parts.values() for response in _unpacked(name)]


def settle(response_set: ResponseSet) -> None:
    """Complete a set that goes over checkpoints once it is answered at all of them."""
    steps = {step.name for step in steps_asked(response_set)}
    if response_set.parts and not response_set.complete and steps <= response_set.parts.keys():
        keep(response_set, read_parts(response_set))


def _lines(responses: Iterable[Mapping[str, Any]]) -> bytes:
    ordered = sorted(responses, key=lambda response: str(response["id"]))
    return b"".join(canonical_json(response) + b"\n" for response in ordered)


def _unpacked(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(sealing.read_bytes(name)).splitlines()]


def keep_predictions(response_set: ResponseSet) -> None:
    """Make a set complete whose answers are the hand-in itself, which is stored under its digest."""
    _complete(response_set, sealed_name="", digest=response_set.submission.artifact.digest)


def _complete(response_set: ResponseSet, *, sealed_name: str, digest: str) -> bool:
    """Compare and set; says whether these are the answers that count from now on."""
    changed = ResponseSet.objects.filter(pk=response_set.pk, complete=False).update(
        complete=True, sealed_name=sealed_name, digest=digest, completed_at=timezone.now()
    )
    response_set.refresh_from_db()
    return bool(changed)


def read(response_set: ResponseSet) -> list[dict[str, Any]]:
    """The sealed responses."""
    return _unpacked(response_set.sealed_name)


def current_evaluation(response_set: ResponseSet) -> Evaluation | None:
    """The set's evaluation that counts by this version of the evaluators, if there is one."""
    return response_set.evaluations.counting().filter(evaluator=__version__).first()


def size_of(response_set: ResponseSet) -> int:
    """Bytes that the sealed responses take before they are packed."""
    with storages["sealed"].open(response_set.sealed_name) as file, gzip.open(file) as lines:
        return lines.seek(0, io.SEEK_END)


def score(
    response_set: ResponseSet, responses: Iterable[Mapping[str, Any]], *, reason: str, within: suites.Within
) -> Evaluation:
    """Score the responses against the gold and record it; raises ProblemsFound."""
    return record(response_set, scored(response_set, responses, reason=reason, within=within))


def scored(
    response_set: ResponseSet, responses: Iterable[Mapping[str, Any]], *, reason: str, within: suites.Within
) -> Scored:
    """Score the responses against the gold, and record nothing but that it was opened; raises ProblemsFound."""
    return suites.score_responses(
        version=response_set.suite_version,
        selection=selection_of(response_set),
        draw_key=bytes(response_set.draw_key),
        responses=responses,
        checkpoint=response_set.checkpoint,
        train_seed=response_set.train_seed or None,
        steps=steps_asked(response_set),
        reason=reason,
        within=within,
    )


def record(
    response_set: ResponseSet, scored: Scored, *, provenance: str = Evaluation.Provenance.RUN_HERE
) -> Evaluation:
    """Write an evaluation with its scores; scoring the same set twice changes nothing."""
    document, items = scored.document, _parquet(scored)
    with transaction.atomic():
        there = response_set.evaluations.counting().filter(evaluator=document.evaluator).first()
        if there is not None:
            return there
        name = f"items/{response_set.key}-{document.evaluator}.parquet"
        evaluation = _create(response_set, document, name, items, provenance=_kept(response_set, provenance))
        _count(response_set, evaluation, document)
    return evaluation


def record_draft(response_set: ResponseSet, scored: Scored, *, batch: Batch, provenance: str) -> Evaluation:
    """Write a batch's evaluation beside the one that counts: no score of it is told before `let_count`."""
    document, items = scored.document, _parquet(scored)
    with transaction.atomic():
        there = response_set.evaluations.filter(batch=batch).first()
        if there is not None:
            return there
        name = f"items/{response_set.key}-{document.evaluator}-batch-{batch.pk}.parquet"
        return _create(response_set, document, name, items, provenance=provenance, batch=batch, counts=False)


def let_count(evaluation: Evaluation, *, provenance: str) -> None:
    """Let a draft count from now on, as trustworthy as what it follows; must run inside a transaction."""
    evaluation.counts, evaluation.provenance = True, provenance
    evaluation.save(update_fields=["counts", "provenance"])
    _count(evaluation.response_set, evaluation, ScoresDocument.model_validate(evaluation.document))


def _parquet(scored: Scored) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.parquet"
        scored.write_items(path)
        return path.read_bytes()


def _create(
    response_set: ResponseSet, document: ScoresDocument, name: str, items: bytes, **fields: Any
) -> Evaluation:  # fmt: skip
    return Evaluation.objects.create(
        response_set=response_set,
        evaluator=document.evaluator,
        suite_digest=document.suite_digest,
        document=told_as(document),
        items_name=sealing.write_bytes(name, items, gated=response_set.suite_version.gated),
        complete=document.complete,
        **fields,
    )


def told_as(document: ScoresDocument) -> dict[str, Any]:
    """The document as an evaluation holds it."""
    value: dict[str, Any] = storable(document.model_dump(mode="json", by_alias=True))
    return value


def _count(response_set: ResponseSet, evaluation: Evaluation, document: ScoresDocument) -> None:
    Score.objects.bulk_create(_rows(evaluation, document), batch_size=500)
    response_set.asked, response_set.answered = document.coverage.asked, document.coverage.answered
    response_set.save(update_fields=["asked", "answered"])


def _kept(response_set: ResponseSet, provenance: str) -> str:
    """Predictions whose answers were spot-checked stay so when they are scored anew."""
    checked = Evaluation.Provenance.SPOT_CHECKED
    again = provenance == Evaluation.Provenance.PREDICTIONS
    return checked if again and response_set.evaluations.filter(provenance=checked).exists() else provenance


def item_scores(name: str) -> dict[str, tuple[str, float]]:
    """Group and score of each item, by its id, as they were sealed under this name; they reveal gold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["item_id", "group", "score"]
    table = pq.read_table(pa.BufferReader(sealing.read_bytes(name)), columns=columns)
    ids, groups, scores = (table.column(column).to_pylist() for column in columns)
    return dict(zip(ids, zip(groups, scores, strict=True), strict=True))


def item_rows(evaluation: Evaluation) -> list[ItemScore]:
    """The evaluation's item scores as they were sealed; they reveal gold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(sealing.read_bytes(evaluation.items_name)))
    missing = [None] * table.num_rows
    columns = {
        name: table.column(name).to_pylist() if name in table.column_names else missing for name in ItemScore._fields
    }
    columns["values"] = [None if numbers is None else tuple(numbers) for numbers in columns["values"]]
    return list(map(ItemScore._make, zip(*columns.values(), strict=True)))


def _rows(evaluation: Evaluation, document: ScoresDocument) -> list[Score]:
    def row(metric: str, measure: Measure, group: str = "", tag: str = "") -> Score:
        return Score(
            evaluation=evaluation, metric=metric, group=group, tag=tag,
            value=measure.value, low=measure.low, high=measure.high, n=measure.n,
        )  # fmt: skip

    rows = [row(metric, measure) for metric, measure in document.metrics.items()]
    rows += [row(m, measure, group=name) for name, values in document.groups.items() for m, measure in values.items()]
    rows += [row(m, measure, tag=name) for name, values in document.tags.items() for m, measure in values.items()]
    return rows
