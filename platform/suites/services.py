"""Adding, freezing and opening suite versions. No other app opens gold."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from evaluators.drawing import Draws, draws_of_metric
from evaluators.predictions import score_predictions
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.requests import Draw, draw_requests, seed_key
from evaluators.scoring import Scored, score
from evaluators.selftest import Expectation, selftest
from evaluators.suites import CheckReport, Suite, check_suite, select
from evaluators.suites.folder import MEDIA
from evaluators.suites.selection import only
from evaluators.tasks import task_of
from evaluators.tasks.interface import ItemScore, Step
from suites import sealing, selectors
from suites.models import Suite as SuiteRecord
from suites.models import SuiteVersion, Unsealing

PREVIEW_REQUESTS = 12
# A task that goes over checkpoints is previewed at one.
PREVIEW_STEPS = (Step("chck_1M", 1_000_000),)
# Of the media that are staged at a time.
MEDIA_BYTES = 64 * 1024**2

# How a computation on answers is carried out: here, or in a process that is bounded. It touches no database.
Within = Callable[[Callable[[], Scored]], Scored]


def _here(compute: Callable[[], Scored]) -> Scored:
    return compute()


@dataclass(frozen=True)
class Selection:
    """What is asked of a suite version: splits, of them a fixed sample (None: all), or these `items` alone."""

    splits: tuple[str, ...]
    sample: int | None = None
    items: tuple[str, ...] | None = None

    def of(self, suite: Suite) -> Suite:
        """The suite with what is asked."""
        selected = select(suite, splits=self.splits, sample=self.sample)
        return selected if self.items is None else only(selected, self.items)


@dataclass(frozen=True)
class Prepared:
    """A suite folder that was checked, self-tested and sealed, and is in no table yet: `record` it, or `forget` it."""

    report: CheckReport
    opened: Suite
    expectations: Sequence[Expectation]
    sealed_name: str

    def forget(self) -> None:
        """Remove what was sealed."""
        sealing.forget(self.sealed_name)


def prepare(folder: Path) -> Prepared:
    """Check, self-test and seal a suite folder; raises ProblemsFound where it is not valid.

    It takes its time, so it has no place in a transaction: on SQLite that would keep every other writer waiting.
    """
    report = check_suite(folder)
    if not report.ok or report.suite is None:
        raise ProblemsFound(report.problems)
    expectations = selftest(report.suite)
    gated = report.suite.manifest.gated
    sealed_name = sealing.seal(folder, name=f"suites/{report.suite.digest}.tar", gated=gated)
    return Prepared(report, report.suite, expectations, sealed_name)


def add_version(*, folder: Path, user: User | None = None) -> SuiteVersion:
    """Prepare a suite folder and record it; raises ProblemsFound where it is not valid or can't be added."""
    prepared = prepare(folder)
    try:
        return record(prepared, user=user)
    except BaseException:
        prepared.forget()
        raise


def record(prepared: Prepared, *, user: User | None = None) -> SuiteVersion:
    """Make a version of what was prepared; raises ProblemsFound where the version exists or the suite is another's."""
    report, opened = prepared.report, prepared.opened
    manifest = opened.manifest
    with transaction.atomic():
        suite, new = SuiteRecord.objects.get_or_create(
            key=manifest.key, defaults={"title": manifest.title, "task": manifest.task}
        )
        if not new and user is not None and not selectors.may_extend(user, suite):
            message = f"the suite {suite.key} belongs to somebody else"
            remedy = "Give yours another key, or ask whoever added it to add this version."
            raise ProblemsFound([Problem("E-SUITE-OTHERS", message, "suite.yaml", field="key", remedy=remedy)])
        if suite.versions.filter(version=manifest.version).exists():
            remedy = "A version never changes: give the new content a new version."
            message = f"{suite.key}@{manifest.version} is there already"
            raise ProblemsFound([Problem("E-SUITE-VERSION", message, "suite.yaml", field="version", remedy=remedy)])
        version = SuiteVersion.objects.create(
            suite=suite,
            version=manifest.version,
            state=SuiteVersion.State.CHECKED,
            digest=opened.digest,
            manifest=manifest.model_dump(mode="json", by_alias=True),
            sealed_name=prepared.sealed_name,
            items=len(opened.items),
            groups=len(report.counts["groups"]),
            # What is gated is given out nowhere, whatever its manifest says of items and gold.
            hidden=manifest.gated or "hidden" in (manifest.items, manifest.gold),
            check_report=_check_report(report, gated=manifest.gated),
            selftest_report={"checks": [asdict(expectation) for expectation in prepared.expectations]},
            uploaded_by=user,
        )
        Unsealing.objects.create(suite_version=version, reason="check and self-test before it was sealed", user=user)
        return version


def add_archive(*, archive: IO[bytes], filename: str, user: User | None = None) -> SuiteVersion:
    """`add_version` for a zip or tar of the folder."""
    with sealing.unpacked(archive, file=filename) as folder:
        return add_version(folder=folder, user=user)


def _check_report(report: CheckReport, *, gated: bool) -> dict[str, Any]:
    """What is kept of the check; of a gated suite only how often each warning was given, since they name items."""
    warnings = list(report.warnings)
    if gated:
        given = Counter(warning.code for warning in warnings)
        warnings = [
            Problem(code, f"given {times} times; no item of a gated suite is named") for code, times in given.items()
        ]
    return {"warnings": [asdict(warning) for warning in warnings], "counts": report.counts}


def require_itemisable(version: SuiteVersion) -> None:
    """Raises ProblemsFound for a gated version: whatever shows or exports single items has to ask this first."""
    if version.gated:
        sentence = f"{version} is gated: its items are shown and exported nowhere"
        remedy = "Leave it out; its scores by group and tag are to be had."
        raise ProblemsFound([Problem("E-SUITE-GATED", sentence, remedy=remedy)])


def freeze(*, version: SuiteVersion) -> SuiteVersion:
    """Make the version usable by phases, for good; raises ProblemsFound where its self-test has not passed."""
    failed = [check["name"] for check in version.selftest_report.get("checks", []) if not check["ok"]]
    if version.state == SuiteVersion.State.FROZEN:
        return version
    if version.state != SuiteVersion.State.CHECKED or failed:
        raise ProblemsFound([Problem("E-SUITE-SELFTEST", f"the self-test failed: {', '.join(failed) or 'not run'}",
                                     remedy="Mend the suite and upload it as a new version.")])  # fmt: skip
    now = timezone.now()
    SuiteVersion.objects.filter(pk=version.pk, state=SuiteVersion.State.CHECKED).update(
        state=SuiteVersion.State.FROZEN, frozen_at=now
    )
    version.refresh_from_db()
    return version


def requests_for(*, version: SuiteVersion, selection: Selection, draw_key: bytes, steps: Sequence[Step] = ()) -> Draw:
    """The requests of a response set, drawn without opening gold; `steps` for a task that goes over checkpoints."""
    return draw_requests(_without_gold(version, selection), key=draw_key, steps=steps)


def training_for(*, version: SuiteVersion, selection: Selection) -> list[dict[str, Any]]:
    """What the model may learn from before it answers: the lines of train.jsonl whose task is asked, without gold."""
    suite = _without_gold(version, selection)
    asked = {item.group for item in suite.items}
    return [
        {"id": line.id, "task": line.group, "inputs": line.texts, "label": line.label}
        for line in suite.train
        if line.group in asked
    ]


def media_for(*, version: SuiteVersion, digests: Collection[str]) -> Iterator[dict[str, bytes]]:
    """The files that requests name by digest, so many at a time as are held in memory well; raises ProblemsFound."""
    with sealing.unsealed(version.sealed_name) as folder:
        batch: dict[str, bytes] = {}
        for digest in sorted(digests):
            path = folder / MEDIA / digest
            if not path.is_file():
                raise ProblemsFound([Problem("E-SUITE-MEDIA", f"the suite has no file {digest}", f"{MEDIA}/{digest}")])
            batch[digest] = path.read_bytes()
            if sum(map(len, batch.values())) > MEDIA_BYTES:
                yield batch
                batch = {}
        if batch:
            yield batch


def _without_gold(version: SuiteVersion, selection: Selection) -> Suite:
    suite = sealing.open_sealed(version.sealed_name, with_gold=False)
    return selection.of(suite)


def preview(*, version: SuiteVersion, splits: Collection[str] = ("dev", "public", "private")) -> list[dict[str, Any]]:
    """The first requests exactly as a submission's model would see them, under ids that no run uses.

    Raises ProblemsFound for a gated version.
    """
    require_itemisable(version)
    suite = sealing.open_sealed(version.sealed_name, with_gold=False)
    steps = PREVIEW_STEPS if task_of(suite.manifest).over_checkpoints else ()
    drawn = draw_requests(select(suite, splits=splits), key=seed_key(0), steps=steps)
    return list(drawn.requests[:PREVIEW_REQUESTS])


def score_responses(
    *,
    version: SuiteVersion,
    selection: Selection,
    draw_key: bytes,
    responses: Iterable[Mapping[str, Any]],
    checkpoint: str,
    train_seed: int | None,
    reason: str,
    within: Within = _here,
    steps: Sequence[Step] = (),
) -> Scored:
    """Score a response set against the gold; raises ProblemsFound for responses that can't be scored."""
    suite = _with_gold(version, selection, reason)
    draw = draw_requests(suite, key=draw_key, steps=steps)
    return within(lambda: score(suite, responses, draw=draw, checkpoint=checkpoint, train_seed=train_seed))


def score_prediction_file(
    *, version: SuiteVersion, selection: Selection, data: bytes, format: str, file: str, reason: str,  # noqa: A002
    checkpoints: Sequence[str] = (), within: Within = _here,
) -> Scored:  # fmt: skip
    """Score a prediction file against the gold; raises ProblemsFound where it can't be read or joined.

    `checkpoints` are those of the track: a file that goes over checkpoints must hold them all.
    """
    suite = _with_gold(version, selection, reason)
    return within(lambda: score_predictions(suite, data, format=format, file=file, checkpoints=checkpoints))


def splits_of(*, version: SuiteVersion, selection: Selection) -> dict[str, str]:
    """The split of each item that is asked, by its id."""
    return {item.id: item.split for item in _without_gold(version, selection).items}


def metric_draws(
    *, version: SuiteVersion, selection: Selection, scores: Mapping[str, ItemScore], steps: Sequence[Step], reason: str
) -> Draws | None:
    """The paired draws of a metric that takes gold to compute, from item scores by id; None where it has none."""
    return draws_of_metric(_with_gold(version, selection, reason), scores, steps=steps)


def _with_gold(version: SuiteVersion, selection: Selection, reason: str) -> Suite:
    """The selected items with their gold; every opening leaves a row that says why."""
    Unsealing.objects.create(suite_version=version, reason=reason[:200])
    suite = sealing.open_sealed(version.sealed_name, with_gold=True)
    if suite.digest != version.digest:
        raise RuntimeError(f"The sealed content of {version} does not have the digest that was frozen.")
    return selection.of(suite)
