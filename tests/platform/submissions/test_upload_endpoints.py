"""The upload's endpoints: JSON with a code, a sentence and a remedy, and nobody reaches another person's upload."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from submissions.models import Registration, UploadSession

from .conftest import code_archive

pytestmark = pytest.mark.django_db


@pytest.fixture
def registration(make_registration: Callable[..., Registration]) -> Registration:
    return make_registration()


@pytest.fixture
def client(registration: Registration, client_of: Callable[..., Client]) -> Client:
    return client_of(registration.created_by)


def create(client: Client, registration: Registration, size: Any, **more: Any) -> Any:
    value = {"challenge": registration.challenge.key, "filename": "a.zip", "size": size, **more}
    return client.post("/uploads/", json.dumps(value), content_type="application/json")


def send(client: Client, url: str, offset: int, chunk: bytes) -> Any:
    headers = {"Upload-Offset": str(offset)}
    return client.patch(url, chunk, content_type="application/offset+octet-stream", headers=headers)


def test_a_file_arrives_in_chunks_and_its_digest_is_told(
    client: Client, registration: Registration, settings: Settings
) -> None:
    settings.UPLOAD_CHUNK_BYTES = 100
    content = code_archive()
    told = create(client, registration, len(content), sha256=hashlib.sha256(content).hexdigest())
    assert (told.status_code, told.json()["received"], told.json()["chunk_bytes"]) == (201, 0, 100)
    url = told.json()["url"]
    for offset in range(0, len(content), 100):
        told = send(client, url, offset, content[offset : offset + 100])
    assert (told.status_code, told.json()["state"]) == (200, "complete")
    assert told.json()["digest"] == hashlib.sha256(content).hexdigest()


def test_an_interrupted_upload_says_where_to_go_on(client: Client, registration: Registration) -> None:
    url = create(client, registration, 1000).json()["url"]
    send(client, url, 0, b"PK\x03\x04")
    again = send(client, url, 0, b"PK\x03\x04")
    assert (again.status_code, again.json()["code"], again.json()["received"]) == (409, "E-UP-OFFSET", 4)
    assert client.get(url).json()["received"] == 4
    assert client.head(url)["Upload-Offset"] == "4"


def test_an_upload_can_be_given_up(client: Client, registration: Registration) -> None:
    url = create(client, registration, 1000).json()["url"]
    assert client.delete(url).status_code == 204
    assert client.get(url).json()["state"] == "abandoned"
    assert send(client, url, 0, b"x").json()["code"] == "E-UP-CLOSED"


def test_a_chunk_larger_than_told_is_refused(client: Client, registration: Registration, settings: Settings) -> None:
    settings.UPLOAD_CHUNK_BYTES = 10
    url = create(client, registration, 1000).json()["url"]
    assert send(client, url, 0, b"x" * 11).json()["code"] == "E-UP-CHUNK"


@pytest.mark.parametrize("size", [True, "5", 5.0, None, [5]])
def test_a_size_that_is_no_whole_number_is_refused(client: Client, registration: Registration, size: Any) -> None:
    response = create(client, registration, size)
    assert (response.status_code, response.json()["code"]) == (400, "E-UP-REQUEST")


@pytest.mark.parametrize("body", ["", "[]", "null", "{}", "\x00"])
def test_a_body_without_the_fields_is_refused(client: Client, body: str) -> None:
    response = client.post("/uploads/", body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (400, "E-UP-REQUEST")


def test_a_chunk_without_its_offset_is_refused(client: Client, registration: Registration) -> None:
    url = create(client, registration, 1000).json()["url"]
    assert client.patch(url, b"x").json()["code"] == "E-UP-REQUEST"


def test_an_upload_of_somebody_else_is_not_there(
    client: Client, registration: Registration, client_of: Callable[..., Client], make_user: Callable[..., User]
) -> None:
    url = create(client, registration, 1000).json()["url"]
    stranger = client_of(make_user())
    assert [
        stranger.get(url).status_code,
        send(stranger, url, 0, b"x").status_code,
        stranger.delete(url).status_code,
    ] == [404] * 3
    assert client.get(f"/uploads/{uuid.uuid4()}").status_code == 404


def test_who_is_not_logged_in_is_told_so(client_of: Callable[..., Client], registration: Registration) -> None:
    response = create(client_of(None), registration, 10)
    assert (response.status_code, response.json()["code"]) == (401, "E-UP-LOGIN")


def test_who_takes_no_part_uploads_nothing(
    client_of: Callable[..., Client], registration: Registration, make_user: Callable[..., User]
) -> None:
    response = create(client_of(make_user()), registration, 10)
    assert (response.status_code, response.json()["code"]) == (403, "E-REG-MEMBER")
    assert not UploadSession.objects.exists()


def test_another_site_can_not_upload_in_my_name(registration: Registration) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(registration.created_by)
    assert create(browser, registration, 10).status_code == 403
