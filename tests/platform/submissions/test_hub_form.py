"""Handing in from a hub on the form, and what the submission's page says meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from challenges.models import Phase, Track
from submissions import checks
from submissions.models import HubFetch, Registration, Submission, UploadSession

from .conftest import code_archive, tensors
from .hub_server import Handler, HubServer

pytestmark = pytest.mark.django_db
REPO = "owls/tiny"
SOURCE = f"hf://{REPO}@main"
FORM = {"source": "form", "kind": "model", "name": "Owl", "backend": "causal", "bos": "tokenizer", "path": "."}


@pytest.fixture
def phase(make_phase: Callable[..., Phase], hub: HubServer) -> Phase:
    hub.push(REPO, {"config.json": b"{}", "tokenizer.json": b"[]", "model.safetensors": tensors()})
    return make_phase()


@pytest.fixture
def registration(phase: Phase, make_registration: Callable[..., Registration]) -> Registration:
    return make_registration(challenge=phase.track.challenge)


@pytest.fixture
def client(registration: Registration, client_of: Callable[..., Client]) -> Client:
    return client_of(registration.created_by)


def page_of(track: Track) -> str:
    return f"/c/{track.challenge.key}/{track.key}/submit"


def post(client: Client, phase: Phase, **fields: Any) -> Any:
    return client.post(page_of(phase.track), {**FORM, "phases": [phase.pk], "hub": SOURCE, **fields})


def test_an_address_stands_in_place_of_a_file(client: Client, phase: Phase) -> None:
    assert post(client, phase).status_code == 302
    submission = Submission.objects.get()
    assert submission.upload is None
    assert submission.manifest["model"]["source"] == SOURCE
    assert HubFetch.objects.get().submission == submission


@pytest.mark.parametrize(
    "address",
    ["owls/tiny", "https://huggingface.co/owls/tiny", "hf://owls/tiny", "hf://tiny@main", "hf://owls/../x@main",
     "hf://owls/tiny@a/../b", "hf://owls/tiny@a?b", "hf://owls/tiny@a b", "hf://o:p@h/tiny@x", "hf://owls/tiny@/main"],
)  # fmt: skip
def test_an_address_that_is_none_is_said_where_it_was_typed(client: Client, phase: Phase, address: str) -> None:
    form = post(client, phase, hub=address).context["form"]
    assert "hf://owner/repository@revision" in str(form.errors["hub"])
    assert not Submission.objects.exists()


@pytest.mark.parametrize("changes", [{"source": "archive"}, {"kind": "code"}])
def test_what_comes_from_a_hub_is_a_model_and_described_on_the_form(
    client: Client, phase: Phase, changes: dict[str, str]
) -> None:
    assert "hub" in post(client, phase, **changes).context["form"].errors
    assert not Submission.objects.exists()


def test_a_file_beside_an_address_is_one_too_many(client: Client, phase: Phase) -> None:
    file = SimpleUploadedFile("parrot.zip", code_archive())
    assert "choose one" in str(post(client, phase, file=file).context["form"].errors["hub"])
    assert not Submission.objects.exists()


def test_an_upload_that_lies_there_is_left_aside(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    upload = make_upload(registration)
    assert post(client, phase, upload=str(upload.pk)).status_code == 302
    upload.refresh_from_db()
    assert upload.state == UploadSession.State.COMPLETE


def test_the_field_is_there_only_where_it_is_of_use(
    client: Client, phase: Phase, make_track: Callable[..., Track], settings: Settings
) -> None:
    assert "From a hub" in client.get(page_of(phase.track)).content.decode()
    settings.HUB_HOSTS = []
    assert "From a hub" not in client.get(page_of(phase.track)).content.decode()
    assert "Choose a file first" in str(post(client, phase).context["form"].errors)


def test_the_page_says_how_far_it_is_and_what_it_was_frozen_to(client: Client, phase: Phase, hub: HubServer) -> None:
    post(client, phase)
    submission = Submission.objects.get()
    page = reverse("submission", args=[submission.pk])
    assert "looking up what there is" in client.get(page).content.decode()

    def away(handler: Handler) -> bool:
        handler.plain(503, b"")
        return True

    hub.fail("resolve/.*/tokenizer.json", away, times=1)
    checks.fetch(submission=submission)
    shown = client.get(page).content.decode()
    assert "The hub answers with an error (503). We try again at" in shown
    assert f"hf://{REPO}@{hub.repos[REPO]['main']}" in shown


def test_the_page_says_why_it_was_rejected(client: Client, phase: Phase) -> None:
    post(client, phase, hub="hf://owls/none@main")
    submission = checks.fetch(submission=Submission.objects.get())
    shown = client.get(reverse("submission", args=[submission.pk])).content.decode()
    assert "E-HUB-NOT-FOUND" in shown
    assert "no such repository" in shown
