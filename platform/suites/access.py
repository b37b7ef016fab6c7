"""Which items of a suite version anybody may read, and so what a phase asks that nobody may."""

from collections.abc import Collection, Iterable

from challenges.models import Phase, Track
from suites.models import PhaseSuite, SuiteVersion
from suites.selectors import split_counts

# Items of these splits are given out with their gold; those of `private` are what a hidden suite hides.
PUBLIC_SPLITS = ("dev", "public")


def public_splits(version: SuiteVersion) -> tuple[str, ...]:
    """The splits whose items count as given out: all of a version that hides nothing, none of a gated one."""
    there = [split for split, count in split_counts(version).items() if count]
    if not version.hidden:
        return tuple(sorted(there))
    if version.manifest.get("gated"):
        return ()
    return tuple(split for split in PUBLIC_SPLITS if split in there)


def hides(version: SuiteVersion, splits: Collection[str]) -> bool:
    """Whether these splits of the version are hidden data; where nothing is known of a split it is."""
    return version.hidden and not set(splits) <= set(public_splits(version))


def asks_hidden(asked: Iterable[PhaseSuite]) -> bool:
    """Whether one of these suites of a phase asks hidden data."""
    return any(hides(one.suite_version, one.splits) for one in asked)


def public_sample(phase: Phase) -> list[PhaseSuite]:
    """What a rehearsal for the phase asks: a fixed stratified sample of the public items of each of its suites.

    The rows are never saved. A version without public items is stood in for by another version of its suite that the
    same person added, or that hides nothing; a suite without any is left out.
    """
    asked: list[PhaseSuite] = []
    for phase_suite in phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk"):
        version = _with_public_items(phase_suite.suite_version)
        if version is None or any(one.suite_version == version for one in asked):
            continue
        splits = list(public_splits(version))
        sample, checkpoints = phase.track.rehearsal_items, phase_suite.checkpoints
        asked.append(
            PhaseSuite(phase=phase, suite_version=version, splits=splits, sample=sample, checkpoints=checkpoints)
        )
    return asked


def _with_public_items(version: SuiteVersion) -> SuiteVersion | None:
    if public_splits(version):
        return version
    others = version.suite.versions.filter(state=SuiteVersion.State.FROZEN).exclude(pk=version.pk)
    for other in others.select_related("suite").order_by("-created_at", "-pk"):
        ours = not other.hidden or other.uploaded_by_id == version.uploaded_by_id
        if ours and public_splits(other):
            return other
    return None


def asked_before(track: Track) -> list[str]:
    """Hidden items that a phase tells scores of before another, later phase asks them: sentences for organizers.

    A development phase, sampled or not, takes items of its own split, so that the final ones stay unseen.
    """
    phases = list(track.phases.prefetch_related("phase_suites__suite_version__suite").order_by("closes", "pk"))
    found = []
    for number, early in enumerate(phases):
        for late in phases[number + 1 :]:
            told_early = early.visibility == Phase.Visibility.PUBLIC and late.visibility != Phase.Visibility.PUBLIC
            if told_early:
                found += [
                    f"{early.title} tells scores of items of {one.suite_version} ({', '.join(common)}) that "
                    f"{late.title} hides: give {early.title} a split of its own."
                    for one in early.phase_suites.all()
                    if (common := _hidden_in_both(one, late))
                ]
    return found


def _hidden_in_both(one: PhaseSuite, late: Phase) -> list[str]:
    others = [other for other in late.phase_suites.all() if other.suite_version_id == one.suite_version_id]
    common = {split for other in others for split in other.splits} & set(one.splits)
    return sorted(split for split in common if hides(one.suite_version, [split]))
