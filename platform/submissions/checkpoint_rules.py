"""The checkpoints and replicates of a manifest against what tracks take. Pure, as submissions.manifests is."""

from collections.abc import Collection, Sequence

from challenges.models import Track
from evaluators.protocol.challenge import CheckpointRule
from evaluators.protocol.problems import Problem
from evaluators.protocol.submission import SubmissionManifest

CODE = "E-SUB-CHECKPOINTS"
# Each replicate of the training costs as much as the finished model does.
MOST_SEEDS = 10


def rule_of(track: Track) -> CheckpointRule | None:
    """The track's rule on checkpoints; None where it takes none."""
    return CheckpointRule.model_validate(track.checkpoints) if track.checkpoints else None


def expected(track: Track) -> tuple[str, ...]:
    """The checkpoints that the track takes, in the order of training; none where it takes none."""
    rule = rule_of(track)
    return rule.expected if rule is not None else ()


def check(manifest: SubmissionManifest, track: Track, *, beside: Sequence[Track]) -> list[Problem]:
    """What the track does not take in the manifest's checkpoints and replicates.

    A checkpoint may be there for another of the tracks that the submission enters; one that none takes is refused.
    """
    if manifest.kind == "predictions":
        return _of_predictions(manifest)
    problems = []
    if len(manifest.train_seeds) > MOST_SEEDS:
        sentence = f"{len(manifest.train_seeds)} replicates of the training are more than the {MOST_SEEDS} that are run"
        problems.append(Problem(CODE, sentence, field="train_seeds", remedy="Leave some out."))
    taken = dict.fromkeys(name for one in (track, *beside) for name in expected(one))
    unknown = [one.name for one in manifest.checkpoints if one.name not in taken]
    if unknown and not taken:
        sentence = f"the track {track.title} scores the finished model, not its checkpoints"
        problems.append(Problem(CODE, sentence, field="checkpoints", remedy="Leave checkpoints out."))
    elif unknown:
        sentence = f"no checkpoint {_listed(unknown)} is taken"
        problems.append(Problem(CODE, sentence, field="checkpoints", remedy=f"Taken are: {', '.join(taken)}."))
    if manifest.model is not None and manifest.model.source is not None and not manifest.checkpoints:
        # The branches of the repository are looked up once it is fetched.
        return problems
    return problems + missing({one.name for one in manifest.checkpoints}, track)


def missing(there: Collection[str], track: Track) -> list[Problem]:
    """Those of the checkpoints which the track requires that are not there."""
    rule = rule_of(track)
    lacking = [name for name in expected(track) if name not in there]
    if rule is None or not rule.required or not lacking:
        return []
    sentence = (
        f"the track {track.title} asks for {len(rule.expected)} checkpoints, and {len(lacking)} are missing: "
        f"{_listed(lacking)}"
    )
    remedy = "Add their folders, and name them under `checkpoints`; on a hub, push a branch for each."
    return [Problem(CODE, sentence, field="checkpoints", remedy=remedy)]


def named_missing(named: Sequence[str], there: Collection[str]) -> list[Problem]:
    """Those of the checkpoints which the manifest names that the repository on a hub has no branch for."""
    lacking = [name for name in named if name not in there]
    if not lacking:
        return []
    sentence = f"the repository has no branch for the checkpoints {_listed(lacking)}"
    return [
        Problem(CODE, sentence, field="checkpoints", remedy="Push a branch of that name for each, or leave it out.")
    ]


def _of_predictions(manifest: SubmissionManifest) -> list[Problem]:
    sentence = "a prediction file holds its checkpoints itself, and is of one training"
    return [
        Problem(CODE, sentence, field=field, remedy=f"Leave {field} out.")
        for field in ("checkpoints", "train_seeds")
        if getattr(manifest, field)
    ]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
