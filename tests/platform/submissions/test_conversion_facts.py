"""Organizers see what a conversion of weights was made from, to what, and by what."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from challenges.models import Phase, Role
from submissions.models import Submission

pytestmark = pytest.mark.django_db
CONVERSION = {
    "sources": [{"path": "pytorch_model.bin", "size": 2000, "sha256": "a" * 64}],
    "results": [{"path": "model.safetensors", "size": 1000, "sha256": "b" * 64}],
    "left_out": [{"path": "<b>optimizer</b>.pt", "size": 10, "sha256": "c" * 64}],
    "torch": "2.1.0",
    "image_id": "sha256:" + "d" * 64,
}
FACTS = [
    f"from: pytorch_model.bin (2,000 bytes, sha256 {'a' * 64})",
    f"to: model.safetensors (1,000 bytes, sha256 {'b' * 64})",
    f"left out: &lt;b&gt;optimizer&lt;/b&gt;.pt (10 bytes, sha256 {'c' * 64})",
    f"by: PyTorch 2.1.0 in the image sha256:{'d' * 64}",
]


@pytest.mark.parametrize(("conversion", "shown"), [(CONVERSION, FACTS), ({}, ["None."])], ids=["converted", "not"])
def test_a_conversion_is_shown_as_facts(
    conversion: dict[str, object],
    shown: list[str],
    hand_in: Callable[..., Submission],
    make_phase: Callable[..., Phase],
    make_user: Callable[..., User],
    client_of: Callable[..., Client],
) -> None:
    submission = hand_in(make_phase())
    Submission.objects.filter(pk=submission.pk).update(conversion=conversion)
    organizer = make_user(is_staff=True)
    Role.objects.create(challenge=submission.registration.challenge, user=organizer, kind=Role.Kind.ORGANIZER)
    page = client_of(organizer).get(f"/admin/submissions/submission/{submission.pk}/change/").content.decode()
    assert [fact for fact in shown if fact not in page] == []
