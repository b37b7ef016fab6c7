"""Adding, freezing and opening suite versions. No other app opens gold."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from evaluators.predictions import score_predictions
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.requests import Draw, draw_requests, seed_key
from evaluators.scoring import Scored, score
from evaluators.selftest import Expectation, selftest
from evaluators.suites import CheckReport, Suite, check_suite, select
from suites import sealing, selectors
from suites.models import Suite as SuiteRecord
from suites.models import SuiteVersion, Unsealing

PREVIEW_REQUESTS = 12

# How a computation on answers is carried out: here, or in a process that is bounded. It touches no database.
Within = Callable[[Callable[[], Scored]], Scored]


def _here(compute: Callable[[], Scored]) -> Scored:
    return compute()


@dataclass(frozen=True)
class Selection:
    """What is asked of a suite version: splits, and of how many items a fixed sample (None: all)."""

    splits: tuple[str, ...]
    sample: int | None = None


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
    return Prepared(report, report.suite, expectations, sealing.seal(folder, name=f"suites/{report.suite.digest}.tar"))


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
            hidden="hidden" in (manifest.items, manifest.gold),
            check_report=_check_report(report),
            selftest_report={"checks": [asdict(expectation) for expectation in prepared.expectations]},
            uploaded_by=user,
        )
        Unsealing.objects.create(suite_version=version, reason="check and self-test before it was sealed", user=user)
        return version


def add_archive(*, archive: IO[bytes], filename: str, user: User | None = None) -> SuiteVersion:
    """`add_version` for a zip or tar of the folder."""
    with sealing.unpacked(archive, file=filename) as folder:
        return add_version(folder=folder, user=user)


def _check_report(report: CheckReport) -> dict[str, Any]:
    return {"warnings": [asdict(warning) for warning in report.warnings], "counts": report.counts}


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


def requests_for(*, version: SuiteVersion, selection: Selection, draw_key: bytes) -> Draw:
    """The requests of a response set, drawn without opening gold."""
    suite = sealing.open_sealed(version.sealed_name, with_gold=False)
    return draw_requests(select(suite, splits=selection.splits, sample=selection.sample), key=draw_key)


def preview(*, version: SuiteVersion, splits: Collection[str] = ("dev", "public", "private")) -> list[dict[str, Any]]:
    """The first requests exactly as a submission's model would see them, under ids that no run uses."""
    suite = sealing.open_sealed(version.sealed_name, with_gold=False)
    drawn = draw_requests(select(suite, splits=splits), key=seed_key(0))
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
) -> Scored:
    """Score a response set against the gold; raises ProblemsFound for responses that can't be scored."""
    suite = _with_gold(version, selection, reason)
    draw = draw_requests(suite, key=draw_key)
    return within(lambda: score(suite, responses, draw=draw, checkpoint=checkpoint, train_seed=train_seed))


def score_prediction_file(
    *, version: SuiteVersion, selection: Selection, data: bytes, format: str, file: str, reason: str,  # noqa: A002
    within: Within = _here,
) -> Scored:  # fmt: skip
    """Score a prediction file against the gold; raises ProblemsFound where it can't be read or joined."""
    suite = _with_gold(version, selection, reason)
    return within(lambda: score_predictions(suite, data, format=format, file=file))


def _with_gold(version: SuiteVersion, selection: Selection, reason: str) -> Suite:
    """The selected items with their gold; every opening leaves a row that says why."""
    Unsealing.objects.create(suite_version=version, reason=reason[:200])
    suite = sealing.open_sealed(version.sealed_name, with_gold=True)
    if suite.digest != version.digest:
        raise RuntimeError(f"The sealed content of {version} does not have the digest that was frozen.")
    return select(suite, splits=selection.splits, sample=selection.sample)
