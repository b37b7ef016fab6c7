"""Factories for the platform's tests: people, teams, challenges, suites; everybody in them is invented."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Membership, Team, User
from challenges.models import Challenge, Phase, Role, Track
from challenges.services import grant_role
from evaluators.protocol.suite import SuiteManifest
from evaluators.suites import write_suite
from submissions.models import Registration
from suites import sealing, services
from suites.models import PhaseSuite, SuiteVersion

# Long enough for the validators; no account outside the tests has it.
PASSWORD = "correct horse battery staple"

_numbers = count(1)


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """A hash that is meant to be slow would be most of the tests' time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _nobody_has_tried_before() -> None:
    """Rate limits are counted in the cache."""
    cache.clear()


@pytest.fixture(autouse=True)
def _storages_apart(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """Every test has storages of its own, so that none sees another's files and none is left in var/."""
    changed: dict[str, dict[str, Any]] = {alias: {**storage} for alias, storage in settings.STORAGES.items()}
    for alias in ("default", "artifacts", "images", "sealed"):
        changed[alias]["OPTIONS"] = {"location": tmp_path / "storages" / alias}
    settings.STORAGES = changed
    sealing.open_sealed.cache_clear()
    yield
    sealing.open_sealed.cache_clear()


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """`make_user(email=…, name=…, **fields)`: a user with a confirmed address and PASSWORD."""

    def make(email: str = "", name: str = "", *, verified: bool = True, **fields: Any) -> User:
        number = next(_numbers)
        email = email or f"person{number}@example.org"
        user = User.objects.create_user(email, PASSWORD, name=name or f"Person {number}", **fields)
        EmailAddress.objects.create(user=user, email=user.email, verified=verified, primary=True)
        return user

    return make


@pytest.fixture
def make_team(make_user: Callable[..., User]) -> Callable[..., Team]:
    """`make_team(*members, name=…)`: the first member owns it; a new person where none is named."""

    def make(*members: User, name: str = "") -> Team:
        number = next(_numbers)
        team = Team.objects.create(name=name or f"Team {number}", slug=f"team-{number}")
        owner, *others = members or (make_user(),)
        Membership.objects.create(team=team, user=owner, role=Membership.Role.OWNER)
        for member in others:
            Membership.objects.create(team=team, user=member)
        return team

    return make


@pytest.fixture
def make_challenge(db: None) -> Callable[..., Challenge]:
    """`make_challenge(key=…, organizers=[…], reviewers=[…], **fields)`: published, without tracks."""

    def make(
        key: str = "", *, organizers: tuple[User, ...] = (), reviewers: tuple[User, ...] = (), **fields: Any
    ) -> Challenge:
        key = key or f"challenge-{next(_numbers)}"
        fields = {"title": f"The challenge {key}", "published": True, **fields}
        challenge = Challenge.objects.create(key=key, **fields)
        for kind, people in ((Role.Kind.ORGANIZER, organizers), (Role.Kind.REVIEWER, reviewers)):
            for person in people:
                grant_role(challenge=challenge, user=person, kind=kind)
        return challenge

    return make


@pytest.fixture
def make_track(make_challenge: Callable[..., Challenge]) -> Callable[..., Track]:
    """`make_track(challenge=None, key=…, **fields)`: takes models, code and predictions."""

    def make(challenge: Challenge | None = None, key: str = "", **fields: Any) -> Track:
        key = key or f"track-{next(_numbers)}"
        fields = {
            "title": f"The track {key}",
            "kinds": ["model", "code", "predictions"],
            "backends": ["causal", "masked"],
            **fields,
        }
        return Track.objects.create(challenge=challenge or make_challenge(), key=key, **fields)

    return make


@pytest.fixture
def make_phase(make_track: Callable[..., Track]) -> Callable[..., Phase]:
    """`make_phase(track=None, key=…, open=True, **fields)`: an open one by default, else one that has closed."""

    def make(track: Track | None = None, key: str = "", *, open: bool = True, **fields: Any) -> Phase:  # noqa: A002
        key = key or f"phase-{next(_numbers)}"
        now = timezone.now()
        fields = {
            "title": f"The phase {key}",
            "opens": now - timedelta(days=10),
            "closes": now + timedelta(days=10) if open else now - timedelta(days=1),
            "visibility": Phase.Visibility.PUBLIC,
            **fields,
        }
        return Phase.objects.create(track=track or make_track(), key=key, **fields)

    return make


@pytest.fixture
def make_suite_folder(tmp_path: Path) -> Callable[..., Path]:
    """`make_suite_folder(key=…, pairs=…)`: a choice suite; pair i is `good i` / `bad i`, gold alternates."""

    def make(
        key: str = "", *, version: str = "1", pairs: int = 8, splits: tuple[str, ...] = ("dev", "private"),
        groups: int = 2, **manifest: Any,
    ) -> Path:  # fmt: skip
        key = key or f"suite-{next(_numbers)}"
        folder = tmp_path / "suites" / f"{key}-{version}"
        values = {
            "schema": "suite/1", "key": key, "title": f"The suite {key}", "version": version, "task": "choice",
            "metric": "accuracy", "chance": 0.5, "range": [0, 1], "direction": "higher", "license": "CC0-1.0",
            **manifest,
        }  # fmt: skip
        items, gold = [], []
        for number in range(pairs):
            right = number % 2
            texts = [f"The bad bird {number} sing.", f"The good bird {number} sings."]
            items.append({
                "id": f"pair/{number}", "group": f"group-{number % groups}", "split": splits[number % len(splits)],
                "choices": [{"continuation": text} for text in (texts if right else texts[::-1])],
            })  # fmt: skip
            gold.append({"id": f"pair/{number}", "gold": right})
        write_suite(
            folder, SuiteManifest.from_value(values, file="suite.yaml"), items, gold, readme="Made for a test.\n"
        )
        return folder

    return make


@pytest.fixture
def make_suite_version(db: None, make_suite_folder: Callable[..., Path]) -> Callable[..., SuiteVersion]:
    """`make_suite_version(phase=None, frozen=True, splits=…, sample=…, **folder)`: sealed, and asked by the phase."""

    def make(
        phase: Phase | None = None, *, frozen: bool = True, ask: tuple[str, ...] = ("dev", "private"),
        sample: int | None = None, **folder: Any,
    ) -> SuiteVersion:  # fmt: skip
        version = services.add_version(folder=make_suite_folder(**folder))
        if frozen:
            version = services.freeze(version=version)
        if phase is not None:
            PhaseSuite.objects.create(
                phase=phase, suite_version=version, splits=list(ask), sample=sample,
                position=phase.phase_suites.count(),
            )  # fmt: skip
        return version

    return make


@pytest.fixture
def make_registration(
    make_team: Callable[..., Team], make_challenge: Callable[..., Challenge]
) -> Callable[..., Registration]:
    """`make_registration(team=None, challenge=None)`: the team takes part; its owner has registered it."""

    def make(team: Team | None = None, challenge: Challenge | None = None) -> Registration:
        team = team or make_team()
        owner = team.memberships.get(role=Membership.Role.OWNER).user
        return Registration.objects.create(team=team, challenge=challenge or make_challenge(), created_by=owner)

    return make


@pytest.fixture
def client_of(db: None) -> Callable[[User | None], Client]:
    """`client_of(user)`: a browser in which the user is logged in; `client_of(None)`: a stranger's."""

    def make(user: User | None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return make
