"""A platform of real processes for each module, with short leases, over the tests' own database."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.images.build import build
from submissions import engine
from tests.faults import rules
from tests.faults.contest import Contest
from tests.faults.running import RunningPlatform, wait_for


@pytest.fixture(scope="module", autouse=True)
def _base_image() -> None:
    build(["base"], say=lambda _: None)


@pytest.fixture(scope="module")
def platform(django_db_setup: None, django_db_blocker: Any, _base_image: None) -> Iterator[RunningPlatform]:
    """Broker and sweeper; each test starts the workers that it needs."""
    with django_db_blocker.unblock():
        running = RunningPlatform()
    with running:
        yield running
    remove_volumes()


@pytest.fixture
def contest(tmp_path: Path, transactional_db: None) -> Contest:
    """A challenge of one team, with one small suite of public data."""
    return Contest(tmp_path)


@pytest.fixture
def large(tmp_path: Path, transactional_db: None) -> Contest:
    """One whose scoring takes a while."""
    return Contest(tmp_path, pairs=8000)


@pytest.fixture
def hidden(tmp_path: Path, transactional_db: None) -> Contest:
    """One on hidden data."""
    return Contest(tmp_path, hidden=True)


@pytest.fixture(autouse=True)
def _workers_end(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[None]:
    """Each test starts its own workers: those that still run end with it."""
    yield
    if "platform" in request.fixturenames:
        platform: RunningPlatform = request.getfixturevalue("platform")
        for child in platform.workers():
            platform.end(child)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed shows what the processes said."""
    report = yield
    platform = getattr(item, "funcargs", {}).get("platform")
    if report.failed and call.when == "call" and isinstance(platform, RunningPlatform):
        report.sections.append(("logs of the processes", platform.logs()[-20_000:]))
    return report


def remove_volumes(host: str | None = None) -> None:
    """Remove what submissions keep on the engine."""
    client = rules.client_of(host)
    try:
        mine = {"label": f"proctor.deployment={engine.deployment()}"}
        for volume in client.volumes(filters=mine)["Volumes"] or []:
            client.remove_volume(volume["Name"])
    finally:
        client.close()


def assert_settled(submission: Any, *, host: str | None = None, **ends: Any) -> None:
    """Scored exactly once within two minutes, charged rightly, and nothing left over."""
    rules.wait_until_settled([submission])
    assert rules.broken(submission, **ends) == [], rules.story(submission)
    wait_for(lambda: not rules.leftovers(host), seconds=30, what=f"tidying up of {rules.leftovers(host)}")
