"""The findings page: who sees it, who builds, and what is downloaded."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from challenges.models import Challenge
from findings import services, tasks
from findings.models import ReportVersion

ClientOf = Callable[[User | None], Client]


@pytest.fixture
def people(make_user: Callable[..., User]) -> dict[str, User]:
    return {name: make_user(name=name.title()) for name in ("organizer", "reviewer", "stranger")}


@pytest.fixture
def challenge(make_challenge: Callable[..., Challenge], people: dict[str, User]) -> Challenge:
    return make_challenge("open", organizers=(people["organizer"],), reviewers=(people["reviewer"],))


@pytest.fixture
def built(challenge: Challenge, people: dict[str, User]) -> ReportVersion:
    version = services.request_report(challenge=challenge, user=people["organizer"])
    tasks.build(version.pk)
    version.refresh_from_db()
    return version


@pytest.mark.parametrize(("who", "status"), [("organizer", 200), ("reviewer", 200), ("stranger", 404)])
def test_only_reviewers_and_organizers_see_the_page_and_the_archive(
    who: str, status: int, client_of: ClientOf, people: dict[str, User], built: ReportVersion
) -> None:
    client = client_of(people[who])
    assert client.get("/c/open/findings").status_code == status
    archive = client.get(f"/c/open/findings/{built.number}.zip")
    assert archive.status_code == status
    archive.close()


def test_who_is_not_logged_in_is_asked_to(client_of: ClientOf, built: ReportVersion) -> None:
    for path in ("/c/open/findings", f"/c/open/findings/{built.number}.zip"):
        response = client_of(None).get(path)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/accounts/login")


@pytest.mark.parametrize(("who", "status"), [("organizer", 302), ("reviewer", 404), ("stranger", 404)])
def test_only_organizers_build(
    who: str, status: int, client_of: ClientOf, people: dict[str, User], challenge: Challenge
) -> None:
    assert client_of(people[who]).post("/c/open/findings/build").status_code == status
    assert challenge.report_versions.count() == (status == 302)
    assert client_of(people["organizer"]).get("/c/open/findings/build").status_code == 405


def test_a_build_that_waits_is_woken_and_not_asked_for_twice(
    challenge: Challenge,
    people: dict[str, User],
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks() as first:
        one = services.request_report(challenge=challenge, user=people["organizer"])
    with django_capture_on_commit_callbacks() as second:
        same = services.request_report(challenge=challenge, user=people["organizer"])
    assert one == same
    assert (len(first), len(second)) == (1, 1)


def test_the_archive_is_the_bundle_with_its_manifest(
    client_of: ClientOf, people: dict[str, User], built: ReportVersion
) -> None:
    response = client_of(people["reviewer"]).get(f"/c/open/findings/{built.number}.zip")
    data = b"".join(response.streaming_content)
    response.close()
    assert 'filename="findings-open-1.zip"' in response.headers["Content-Disposition"]
    assert hashlib.sha256(data).hexdigest() == built.digest
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert {"findings-open/report.html", "findings-open/stats.json", "findings-open/MANIFEST.json"} <= set(names)


def test_the_same_data_give_the_same_archive(
    challenge: Challenge, people: dict[str, User], built: ReportVersion
) -> None:
    again = services.request_report(challenge=challenge, user=people["organizer"])
    tasks.build(again.pk)
    again.refresh_from_db()
    assert (again.number, again.version, again.digest) == (2, built.version, built.digest)


def test_building_twice_changes_nothing(built: ReportVersion) -> None:
    before = ReportVersion.objects.values().get()
    tasks.build(built.pk)
    assert ReportVersion.objects.values().get() == before
    assert storages["artifacts"].listdir("findings/open")[1] == ["1.zip"]


def test_the_page_shows_what_waits_and_what_is_there(
    client_of: ClientOf, people: dict[str, User], built: ReportVersion, challenge: Challenge
) -> None:
    services.request_report(challenge=challenge, user=people["organizer"])
    text = client_of(people["organizer"]).get("/c/open/findings").content.decode()
    assert "being built" in text
    assert built.version in text
    assert "Ask again for the report" in text
    assert "<button" not in client_of(people["reviewer"]).get("/c/open/findings").content.decode().split("<main")[1]


def test_the_page_takes_as_many_queries_for_three_versions_as_for_one(
    client_of: ClientOf,
    people: dict[str, User],
    built: ReportVersion,
    django_assert_num_queries: Any,
    challenge: Challenge,
) -> None:
    client = client_of(people["reviewer"])
    with CaptureQueriesContext(connection) as one:
        client.get("/c/open/findings")
    for number in (2, 3):
        ReportVersion.objects.create(challenge=challenge, number=number, requested_by=people["organizer"])
    with django_assert_num_queries(len(one)):
        client.get("/c/open/findings")


def test_a_version_that_is_not_built_has_no_archive(
    client_of: ClientOf, people: dict[str, User], challenge: Challenge
) -> None:
    services.request_report(challenge=challenge, user=people["organizer"])
    assert client_of(people["organizer"]).get("/c/open/findings/1.zip").status_code == 404
    assert client_of(people["organizer"]).get("/c/open/findings/7.zip").status_code == 404
