"""A plain form brings only so many bytes."""

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


@pytest.mark.django_db
def test_a_form_that_is_too_large_is_refused_before_it_is_written(client: Client, settings: LazySettings) -> None:
    settings.FORM_MAX_BYTES = 1000
    file = SimpleUploadedFile("x.zip", b"x" * 2000)
    assert client.post("/accounts/login/", {"file": file}).status_code == 400
