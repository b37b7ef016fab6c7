"""A tiny challenge, the teams in it and what they hand in; nobody in it is real."""

import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

from django.utils import timezone

from accounts.models import Membership, Team, User
from challenges.models import Challenge, Phase, Track
from evaluators.protocol.suite import SuiteManifest
from evaluators.suites import write_suite
from submissions.models import Registration, Submission
from submissions.services import register, submit
from submissions.uploads import store_whole
from suites import services as suites
from suites.models import PhaseSuite

MIB = 1024**2
SCORE = 0.75  # of a model that prefers the shorter sentence
QUICK = """class Model:
    def loglikelihood(self, requests):
        return [-float(len(request["context"] + request["continuation"])) for request in requests]
"""
_numbers = count(1)


def slow(seconds: float) -> str:
    """The same model, which thinks for so long once."""
    return f"import time\ntime.sleep({seconds})\n{QUICK}"


@dataclass
class Contest:
    """An open phase on public data, or on hidden data, and teams that hand in by turns."""

    folder: Path
    pairs: int = 12
    hidden: bool = False
    teams: int = 1
    suites: int = 1
    wall: int = 60
    phase: Phase = field(init=False)
    registrations: list[Registration] = field(init=False)

    def __post_init__(self) -> None:
        number = next(_numbers)
        challenge = Challenge.objects.create(key=f"contest-{number}", title=f"Contest {number}", published=True)
        self.track = Track.objects.create(
            challenge=challenge, key="small", title="Small", kinds=["code"], image="base", cpus=1, memory=256 * MIB,
            pids=64, wall=self.wall, disk=16 * MIB, rehearsals_hour=None,
        )  # fmt: skip
        now = timezone.now()
        self.phase = Phase.objects.create(
            track=self.track, key="open", title="Open", opens=now - timedelta(days=1), closes=now + timedelta(days=1),
            visibility=Phase.Visibility.PUBLIC,
        )  # fmt: skip
        for position in range(self.suites):
            version = suites.freeze(version=suites.add_version(folder=self._suite(f"birds-{number}-{position}")))
            PhaseSuite.objects.create(phase=self.phase, suite_version=version, splits=["private"], position=position)
        self.registrations = [self._team(f"{number}-{one}") for one in range(self.teams)]
        self._turn = count()

    def _suite(self, key: str) -> Path:
        access = "hidden" if self.hidden else "public"
        values = {
            "schema": "suite/1", "key": key, "title": f"The {key}", "version": "1", "task": "choice",
            "metric": "accuracy", "chance": 0.5, "range": [0, 1], "direction": "higher", "license": "CC0-1.0",
            "items": access, "gold": access,
        }  # fmt: skip
        items, gold = [], []
        for number in range(self.pairs * 2):
            # The same mix in both splits: a public one, from which rehearsals are drawn, and the one that counts.
            split, kind = ("dev", "private")[number % 2], number // 2
            right, short = kind % 2, kind % 4 < 3
            texts = [f"The bird {number} sing{'ing' if short else ''}.", f"The bird {number} sings."]
            choices = [{"continuation": text} for text in (texts if right else texts[::-1])]
            items.append({"id": f"pair/{number}", "group": "all", "split": split, "choices": choices})
            gold.append({"id": f"pair/{number}", "gold": right})
        folder = self.folder / "suites" / key
        write_suite(folder, SuiteManifest.from_value(values, file="suite.yaml"), items, gold, readme="Made up.\n")
        return folder

    def _team(self, name: str) -> Registration:
        user = User.objects.create_user(f"person{name}@example.org", None, name=f"Person {name}")
        team = Team.objects.create(name=f"Team {name}", slug=f"team-{name}")
        Membership.objects.create(team=team, user=user, role=Membership.Role.OWNER)
        return register(user=user, team=team, challenge=self.track.challenge)

    def submit(self, code: str = QUICK, *, more: dict[str, bytes] | None = None) -> Submission:
        """Hand in code, for the next team in turn; returns it as it was received."""
        number = next(_numbers)
        registration = self.registrations[next(self._turn) % len(self.registrations)]
        content = archive({"model.py": f"# {number}\n{code}".encode(), **(more or {})}, name=f"Method {number}")
        user = registration.created_by
        upload = store_whole(
            user=user, challenge=self.track.challenge, filename="it.zip", size=len(content), chunks=[content]
        )
        return submit(registration=registration, phases=[self.phase], upload=upload, manifest=None, user=user)


def archive(files: dict[str, bytes], *, name: str) -> bytes:
    """A zip with these files and a manifest of kind code."""
    manifest = {"schema": "submission/1", "kind": "code", "method": {"name": name}, "code": {"entry": "model.py:Model"}}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("submission.yaml", json.dumps(manifest))
        for path, content in files.items():
            packed.writestr(path, content)
    return out.getvalue()
