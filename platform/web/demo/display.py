"""What the demo shows in the terminal: steps, live progress, leaderboards."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from leaderboards.presentation import table
from leaderboards.selectors import Board

COLOURS = {"done": "green", "failed": "red", "errored": "red", "rejected": "red", "cancelled": "red"}


@contextmanager
def step(console: Console, title: str) -> Iterator[None]:
    """A line that says what is done, and how long it took once it is."""
    began = time.monotonic()
    with console.status(title):
        yield
    console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - began:.1f} s[/]", highlight=False)


class Progress:
    """One line for each entry in a phase; redrawn in a terminal, printed when it changes elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()  # training reports from a thread of its own
        self._live = Live(self._table(), console=console, transient=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, name: str, state: str, detail: str = "") -> None:
        """Bring the line `name` up to date; `detail` is shown instead of the state where it is given."""
        with self._lock:
            before = self._lines.get(name)
            self._lines[name] = (state, detail)
            drawn = self._table()
        if self._live is not None:
            self._live.update(drawn)
        elif before is None or before[0] != state:
            self._console.print(f"  {name}: {detail or state}", highlight=False, markup=False, soft_wrap=True)

    def _table(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        for name, (state, detail) in self._lines.items():
            grid.add_row(f"  {name}", Text(detail or state, style=COLOURS.get(state, "cyan")))
        return grid


def leaderboard(board: Board) -> Table:
    """A phase's leaderboard as a table for the terminal."""
    phase = board.phase
    note = ", shown to organizers and reviewers only" if board.early else ""
    drawn = Table(title=f"{phase.track.title}: {phase.title}{note}", title_justify="left", title_style="bold")
    for heading in ("Rank", "Submission", "Team", "Kind"):
        drawn.add_column(heading)
    drawn.add_column("Score", justify="right")
    for column in board.columns:
        drawn.add_column(column["title"], justify="right")
    drawn.add_column("Answered", justify="right")
    for line in table(board):
        scores = line.row["scores"].values()
        asked, answered = (sum(score[field] for score in scores) for field in ("asked", "answered"))
        drawn.add_row(
            "baseline" if line.reference else line.rank,
            Text(line.row["name"]),
            Text(line.row["team"]),
            line.row["kind"],
            line.aggregate,
            *(f"{cell.text} ({cell.interval})" if cell.interval else cell.text for cell in line.cells),
            f"{answered:,} of {asked:,}",
        )
    return drawn
