"""A team that attacks, the platform that it attacks, and a watch over everything around them; nobody here is real."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from challenges.models import Challenge, Phase, Track
from evaluations.models import Run
from evaluators.protocol.suite import SuiteManifest
from evaluators.suites import write_suite
from sandbox.images.build import build
from submissions import engine
from submissions.models import Registration, Submission
from suites import services as suites
from suites.models import PhaseSuite, SuiteVersion
from tests.attacks.attacker import Attacker, assert_canary_unseen
from tests.attacks.hostile import CANARY, HIDDEN_WORD
from tests.attacks.surroundings import Surroundings
from tests.platform.conftest import (  # noqa: F401 - fixtures
    _nobody_has_tried_before,
    _quick_passwords,
    _storages_apart,
    client_of,
    make_challenge,
    make_phase,
    make_registration,
    make_team,
    make_track,
    make_user,
)
from tests.platform.evaluations.conftest import LENGTH, _broker_in_memory  # noqa: F401 - a fixture

HONEST_SCORE = 0.75
MIB = 1024**2


@pytest.fixture(scope="session", autouse=True)
def _base_image() -> None:
    build(["base"], say=lambda _: None)


@pytest.fixture(scope="module", autouse=True)
def surroundings(_base_image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    """What is around the sandbox, compared after the group of attacks with what was there before."""
    watched = Surroundings(tmp_path_factory.mktemp("temporary"))
    with watched:
        yield watched
    assert watched.changes() == []


@pytest.fixture
def make_suite(db: None, tmp_path: Path) -> Callable[..., SuiteVersion]:
    """`make_suite(phase, hidden=…)`: 24 balanced pairs; its ids and README hold the canary, its hidden texts a word.

    A scorer that prefers the shorter sentence gets HONEST_SCORE of the hidden ones, and of the public ones.
    """

    def make(phase: Phase, *, hidden: bool = False, key: str = "birds", pairs: int = 24) -> SuiteVersion:
        folder = tmp_path / "suites" / key
        access = "hidden" if hidden else "public"
        manifest = {
            "schema": "suite/1", "key": key, "title": f"The {key}", "version": "1", "task": "choice",
            "metric": "accuracy", "chance": 0.5, "range": [0, 1], "direction": "higher", "license": "CC0-1.0",
            "items": access, "gold": access,
        }  # fmt: skip
        items, gold = [], []
        for number in range(2 * pairs):
            split = "dev" if number < pairs else "private"
            word = HIDDEN_WORD if hidden and split == "private" else "Plain"
            right, short = number % 2, number % 8 < 6  # six of eight: the right sentence is the shorter one
            texts = [f"{word} bird {number} sing{'s' * 3 if short else ''}.", f"{word} bird {number} sings."]
            items.append({
                "id": f"{CANARY}/{number}", "group": f"group-{number % 4 // 2}", "split": split,
                "choices": [{"continuation": text} for text in (texts if right else texts[::-1])],
            })  # fmt: skip
            gold.append({"id": f"{CANARY}/{number}", "gold": right})
        write_suite(
            folder, SuiteManifest.from_value(manifest, file="suite.yaml"), items, gold, readme=f"{CANARY} is here.\n"
        )
        version = suites.freeze(version=suites.add_version(folder=folder))
        PhaseSuite.objects.create(phase=phase, suite_version=version, splits=["private"], position=0)
        return version

    return make


@pytest.fixture
def track(make_track: Callable[..., Track], make_challenge: Callable[..., Challenge]) -> Track:  # noqa: F811
    """A small track, which takes every kind."""
    challenge = make_challenge(key="birds")
    return make_track(challenge, key="small", image="base", memory=256 * MIB, pids=64, wall=60, disk=16 * MIB)


@pytest.fixture
def phase(track: Track, make_phase: Callable[..., Phase], make_suite: Callable[..., SuiteVersion]) -> Phase:  # noqa: F811
    """An open phase over public data: teams see everything."""
    phase = make_phase(track, key="dev")
    make_suite(phase, key="birds")
    return phase


@pytest.fixture
def hidden(track: Track, make_phase: Callable[..., Phase], make_suite: Callable[..., SuiteVersion]) -> Phase:  # noqa: F811
    """An open phase over hidden data, which publishes its scores at once."""
    phase = make_phase(track, key="test")
    make_suite(phase, hidden=True, key="hidden-birds")
    return phase


@pytest.fixture
def make_attacker(
    track: Track,
    make_registration: Callable[..., Registration],  # noqa: F811
    client_of: Callable[[User | None], Client],  # noqa: F811
) -> Iterator[Callable[[], Attacker]]:
    """`make_attacker()`: a team of one that takes part; what its submissions keep is removed again."""
    made: list[Attacker] = []

    def make() -> Attacker:
        registration = make_registration(challenge=track.challenge)
        attacker = Attacker(registration, client_of(registration.created_by), client_of(None))
        made.append(attacker)
        return attacker

    yield make
    for submission in Submission.objects.filter(registration__in=[one.registration for one in made]):
        engine.sandbox().remove_volume(engine.volume_of(submission))


@pytest.fixture
def attacker(make_attacker: Callable[[], Attacker]) -> Attacker:
    """The team that attacks."""
    return make_attacker()


@pytest.fixture
def honest_run_is_scored(make_attacker: Callable[[], Attacker]) -> Callable[[Phase], None]:
    """`honest_run_is_scored(phase)`: another team hands in an honest scorer, and gets what it deserves.

    It looks around everywhere, and finds nothing of the gold.
    """

    def check(phase: Phase) -> None:
        team = make_attacker()
        run = team.run_code(LENGTH, phase)
        assert_canary_unseen(team, run.entry.submission, everywhere=True)
        assert (run.state, run.code) == (Run.State.DONE, "")
        assert Attacker.score(run) == HONEST_SCORE

    return check


@pytest.fixture(scope="module")
def once() -> dict[str, Any]:
    """What the module's tests learn from one run that all of them look at."""
    return {}
