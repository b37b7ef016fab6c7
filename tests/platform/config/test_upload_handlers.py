"""A plain form brings only so many bytes."""

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User


@pytest.mark.django_db
def test_a_form_that_is_too_large_is_refused_before_it_is_written(client: Client, settings: LazySettings) -> None:
    settings.FORM_MAX_BYTES = 1000
    file = SimpleUploadedFile("x.zip", b"x" * 2000)
    assert client.post("/accounts/login/", {"file": file}).status_code == 400


class Body:
    """A body that says where it was read; none of it is there."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, size: int = -1) -> bytes:
        """Count, and give nothing."""
        self.asked += 1
        return b""

    readline = read


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/c/birds/small/submit", "/uploads/"])
def test_a_stranger_s_file_is_refused_before_a_byte_is_read(path: str) -> None:
    body, client = Body(), Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")  # leaves the cookie with which the form's token is compared
    response = client.generic(
        "POST", path, CONTENT_TYPE="multipart/form-data; boundary=x", CONTENT_LENGTH=str(300 * 1024**2),
        **{"wsgi.input": body},
    )  # fmt: skip
    assert response.status_code == 400
    assert body.asked == 0


@pytest.mark.django_db
def test_a_stranger_s_small_form_is_read(client: Client) -> None:
    file = SimpleUploadedFile("x.txt", b"x" * 1000)
    assert client.post("/accounts/login/", {"file": file, "login": "a@example.org"}).status_code == 200


def test_a_person_s_file_is_taken(make_user: Callable[..., User], client_of: Callable[..., Client]) -> None:
    file = SimpleUploadedFile("x.zip", b"x" * 200_000)
    assert client_of(make_user()).post("/teams/new", {"name": "Grey Owls", "file": file}).status_code == 302
