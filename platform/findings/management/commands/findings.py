"""`manage.py findings CHALLENGE --out DIR`, `… build CHALLENGE --out DIR` and `… check paper.tex`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from challenges.models import Challenge
from findings.bundle import build
from findings.paper.check import disagreements, numbers_beside
from findings.paper.reading import Paper, read_paper
from findings.paper.truth import NoTruthError, Truth, truth_in, truth_of
from findings.selectors import material_of


class Command(BaseCommand):
    """The findings report."""

    help = "Build a challenge's findings report into a folder, or check a paper against the data."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the words; `build` may be left out."""
        parser.add_argument("words", nargs="+", metavar="[build] CHALLENGE | check PAPER")
        parser.add_argument("--out", type=Path, metavar="DIR", help="where the report is written; for build")
        parser.add_argument(
            "--against",
            metavar="DIR|CHALLENGE",
            help="for check: a folder with a report, or a challenge; else the paper's numbers.tex says",
        )

    def handle(self, *, words: list[str], **options: Any) -> None:
        """Run one of them."""
        action, *rest = words if len(words) > 1 else ["build", *words]
        if action not in ("build", "check") or len(rest) != 1:
            raise CommandError("Say `findings CHALLENGE --out DIR`, or `findings check PAPER`.")
        if action == "build":
            self._build(rest[0], options["out"])
        else:
            self._check(Path(rest[0]), options["against"])

    def _build(self, key: str, out: Path | None) -> None:
        if out is None:
            raise CommandError("Say where to with --out DIR.")
        material = material_of(_challenge(key))
        try:
            placed = build(material, out)
        except UnicodeDecodeError as error:
            raise CommandError(f"{out / 'prose'}: a file is not UTF-8 text") from error
        except OSError as error:
            raise CommandError(f"{error.filename or out}: {error.strerror}") from error
        self.stdout.write(f"{out}: {len(placed.written)} files, version {placed.version}")
        for kept in placed.kept:
            beside = f"; the new one is {kept.beside}" if kept.beside else ""
            self.stdout.write(f"kept {kept.name}: {kept.why}{beside}")

    def _check(self, path: Path, against: str | None) -> None:
        try:
            paper = read_paper(path)
            truth = _truth(paper, path, against)
        except UnicodeDecodeError as error:
            raise CommandError(f"{path}: the paper, or a file that it draws in, is not UTF-8 text") from error
        except OSError as error:
            raise CommandError(f"{error.filename or path}: {error.strerror}") from error
        except NoTruthError as error:
            raise CommandError(str(error)) from error
        found = disagreements(paper, truth)
        for one in found:
            self.stdout.write(str(one))
        if found:
            raise CommandError(
                f"{len(found)} {'place disagrees' if len(found) == 1 else 'places disagree'} with the data."
            )
        self.stdout.write(f"{path}: agrees with {truth.challenge}, version {truth.version}")


def _truth(paper: Paper, path: Path, against: str | None) -> Truth:
    """What the paper is held against: what --against names, else the report beside its numbers.tex."""
    if against is not None:
        return truth_in(Path(against)) if Path(against).is_dir() else truth_of(material_of(_challenge(against)))
    numbers = numbers_beside(paper)
    return truth_in(numbers.file.parent if numbers is not None else path.parent)


def _challenge(key: str) -> Challenge:
    try:
        return Challenge.objects.get(key=key)
    except Challenge.DoesNotExist as error:
        raise CommandError(f"There is no challenge {key!r}.") from error
