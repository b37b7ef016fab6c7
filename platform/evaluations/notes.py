"""What a run is for, what it asks of which models, and what it costs, in sentences."""

from evaluations.checkpoints import ALL, MAIN, goes_over_checkpoints
from evaluations.models import Run


def note_of(run: Run) -> str:
    """The sentences above a run's scores; empty where it asks the finished model alone and is no rehearsal."""
    return _of_rehearsal(run) if run.purpose == Run.Purpose.REHEARSAL else f"{_asked(run)} {_not_asked(run)}".strip()


def _of_rehearsal(run: Run) -> str:
    """What a rehearsal is, what it asked and what it costs."""
    asked = [one.response_set.suite_version.suite for one in run.run_response_sets.all()]
    rehearsed = {suite.pk for suite in asked}
    left_out = {one.suite_version.suite for one in run.phase.phase_suites.all()}
    titles = sorted(suite.title for suite in left_out if suite.pk not in rehearsed)
    skipped = f" No items of {', '.join(titles)} are public, so it is not rehearsed." if titles else ""
    texts = {
        Run.State.DONE: "Passed: the submission goes on to the hidden data, which is charged.",
        Run.State.FAILED: "Nothing was charged, and no hidden data was touched: mend it and hand in again.",
        Run.State.ERRORED: "Nothing was charged, and no hidden data was touched.",
        Run.State.CANCELLED: "Nothing was charged.",
    }
    what = "A free run on public items, in the same image and with the same limits."
    until = "Only what passes goes on to the hidden data; nothing is charged before."
    return f"{what} {texts.get(Run.State(run.state), until)}{skipped}"


def _asked(run: Run) -> str:
    """How many suites are asked of how many models: what a run over checkpoints costs."""
    sets = [one.response_set for one in run.run_response_sets.all()]
    models = {(name, one.train_seed) for one in sets for name in _names(one.checkpoint, one.steps)}
    if models <= {(MAIN, 0)}:
        return ""
    folders = sum(len(_names(one.checkpoint, one.steps)) for one in sets)
    checkpoints = len({name for name, _ in models} - {MAIN})
    seeds = len({seed for _, seed in models} - {0})
    parts = [f"{len({one.suite_version_id for one in sets})} suites"]
    parts += [f"{checkpoints} checkpoint{'' if checkpoints == 1 else 's'}"] if checkpoints else []
    parts += [f"{seeds} further training{'' if seeds == 1 else 's'}"] if seeds else []
    return f"Asks {', '.join(parts)}: {folders} times a suite is asked of a model, and each model is loaded once."


def _names(checkpoint: str, steps: list[list[object]]) -> list[str]:
    return [str(name) for name, _ in steps] if checkpoint == ALL else [checkpoint]


def _not_asked(run: Run) -> str:
    """Suites over checkpoints, where the submission has none."""
    asked = {one.response_set.suite_version_id for one in run.run_response_sets.all()}
    titles = [
        one.suite_version.suite.title
        for one in run.phase.phase_suites.all()
        if one.suite_version_id not in asked and goes_over_checkpoints(one.suite_version)
    ]
    if not titles:
        return ""
    names = ", ".join(titles)
    return f"Not asked: {names}, which is asked over checkpoints, and the submission has none that the track takes."
