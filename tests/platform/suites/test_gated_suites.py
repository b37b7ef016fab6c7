"""Gated suites lie encrypted, open only under their key, and are shown to nobody."""

import hashlib
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.models import User
from challenges.models import Phase
from config.encryption import MARK, SealingKeyError, new_key
from config.storage import SealedStorage
from evaluators.protocol.problems import ProblemsFound
from evaluators.suites import write_suite
from suites import sealing, services
from suites.access import public_sample
from suites.models import SuiteVersion
from suites.services import Selection
from tests.evaluators.conftest import manifest

pytestmark = pytest.mark.django_db
MakeVersion = Callable[..., SuiteVersion]
CANARY = "good bird"  # in every item of a suite that is made here


def kept(settings: Settings) -> dict[str, bytes]:
    """Every file of the sealed storage, as a thief of the storage would have it."""
    root = Path(settings.STORAGES["sealed"]["OPTIONS"]["location"])
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_copy_of_the_storage_shows_nothing_of_a_gated_suite(
    make_suite_version: MakeVersion, settings: Settings
) -> None:
    make_suite_version(key="open")
    version = make_suite_version(key="shut", gated=True)
    files = kept(settings)
    assert CANARY.encode() in files[SuiteVersion.objects.get(suite__key="open").sealed_name]
    shut = files[version.sealed_name]
    assert version.sealed_name == f"gated/suites/{version.digest}.tar"
    assert shut.startswith(MARK)
    for text in (CANARY, "pair/0", "items.jsonl", "shut"):
        assert text.encode() not in shut


def test_a_gated_suite_is_asked_and_scored_as_any_other(make_suite_version: MakeVersion) -> None:
    version, selection = make_suite_version(gated=True), Selection(("dev", "private"))
    draw = services.requests_for(version=version, selection=selection, draw_key=b"k" * 32)
    responses = [
        {"id": request["id"], "logprob": -1.0 if CANARY in request["continuation"] else -2.0, "tokens": 5}
        for request in draw.requests
    ]
    scored = services.score_responses(
        version=version, selection=selection, draw_key=b"k" * 32, responses=responses, checkpoint="main",
        train_seed=None, reason="run 7",
    )  # fmt: skip
    assert scored.document.metrics["accuracy"].value == 1


def test_a_gated_suite_shows_no_item_to_anybody(
    make_suite_version: MakeVersion, make_user: Callable[..., User], client_of: Callable[[User | None], Client]
) -> None:
    version = make_suite_version(gated=True)
    with pytest.raises(ProblemsFound, match="E-SUITE-GATED"):
        services.preview(version=version)
    with pytest.raises(ProblemsFound, match="E-SUITE-GATED"):
        services.require_itemisable(version)
    page = client_of(make_user(is_staff=True, is_superuser=True)).get(
        reverse("admin:suites_suiteversion_change", args=[version.pk])
    )
    assert page.status_code == 200
    assert "its items lie encrypted" in page.content.decode()
    assert CANARY not in page.content.decode()


def test_the_preview_of_a_suite_that_is_not_gated_stays(make_suite_version: MakeVersion) -> None:
    assert services.preview(version=make_suite_version())


def test_no_row_of_the_database_names_a_gated_item(make_suite_folder: Callable[..., Path]) -> None:
    """Two equal choices are a warning that would name the item."""
    folder = make_suite_folder(gated=True)
    lines = (folder / "items.jsonl").read_text().splitlines()
    lines[0] = lines[0].replace("The bad bird 0 sing.", "The good bird 0 sings.")
    (folder / "items.jsonl").write_text("\n".join(lines))
    version = services.add_version(folder=folder)
    assert version.check_report["warnings"][0]["message"] == "given 1 times; no item of a gated suite is named"
    row = serializers.serialize("json", [version])
    assert "pair/" not in row
    assert CANARY not in row


def test_without_the_key_or_with_another_it_is_refused_in_plain_words(
    make_suite_version: MakeVersion, settings: Settings
) -> None:
    version = make_suite_version(gated=True)
    for keys, sentence in (([new_key()], "not among"), ([], "is empty"), (["owl"], "a key")):
        settings.SEALING_KEYS = keys
        sealing.open_sealed.cache_clear()
        with pytest.raises(SealingKeyError, match=f"PROCTOR_SEALING_KEYS.*{sentence}|{sentence}.*PROCTOR_SEALING_KEYS"):
            services.requests_for(version=version, selection=Selection(("dev",)), draw_key=b"k" * 32)


def test_a_file_that_is_put_there_in_plain_is_not_taken_for_a_gated_one(
    make_suite_version: MakeVersion, settings: Settings
) -> None:
    version = make_suite_version(gated=True)
    root = Path(settings.STORAGES["sealed"]["OPTIONS"]["location"])
    (root / version.sealed_name).chmod(0o600)
    (root / version.sealed_name).write_bytes(b"anything at all, as long as it is longer than a header of the format")
    sealing.open_sealed.cache_clear()
    with pytest.raises(SealingKeyError, match="not encrypted"):
        services.requests_for(version=version, selection=Selection(("dev",)), draw_key=b"k" * 32)


def test_keys_are_rotated_and_the_old_one_can_go(make_suite_version: MakeVersion, settings: Settings) -> None:
    version = make_suite_version(gated=True)
    sealing.write_bytes("responses/owl.jsonl.gz", b"the answers", gated=True)
    sealing.write_bytes("responses/open.jsonl.gz", b"the answers")
    old, new = settings.SEALING_KEYS, new_key()
    before = kept(settings)
    settings.SEALING_KEYS = [new, *old]
    for expected in ("2 of 2 files", "0 of 2 files"):
        out = StringIO()
        call_command("suites", "rotate-keys", stdout=out)
        assert expected in out.getvalue()
    settings.SEALING_KEYS = [new]
    sealing.open_sealed.cache_clear()
    assert services.requests_for(version=version, selection=Selection(("dev",)), draw_key=b"k" * 32).requests
    assert sealing.read_bytes("gated/responses/owl.jsonl.gz") == b"the answers"
    after = kept(settings)
    assert before.keys() == after.keys()
    assert before["responses/open.jsonl.gz"] == after["responses/open.jsonl.gz"]


def test_rotating_without_the_old_key_changes_nothing(make_suite_version: MakeVersion, settings: Settings) -> None:
    make_suite_version(gated=True)
    before = kept(settings)
    settings.SEALING_KEYS = [new_key()]
    with pytest.raises(CommandError, match="not among PROCTOR_SEALING_KEYS"):
        call_command("suites", "rotate-keys")
    assert kept(settings) == before


def test_the_storage_encrypts_by_the_name_alone() -> None:
    storage = storages["sealed"]
    assert isinstance(storage, SealedStorage)
    for name in ("gated/a/owl.bin", "a/owl.bin"):
        with storage.open(storage.save(name, ContentFile(b"the owl hoots"))) as file:
            assert file.read() == b"the owl hoots"
    assert storage.gated_names() == ["gated/a/owl.bin"]


def test_media_of_a_gated_suite_come_out_for_a_run_and_lie_encrypted(tmp_path: Path, settings: Settings) -> None:
    picture = b"\x89PNG a picture of an owl"
    digest = hashlib.sha256(picture).hexdigest()
    items = [
        {"id": f"owl/{n}", "split": "dev",
         "choices": [{"continuation": text, "images": [digest]} for text in ("a", "b")]}
        for n in range(2)
    ]  # fmt: skip
    folder = tmp_path / "pictures"
    gold = [{"id": f"owl/{n}", "gold": n} for n in range(2)]
    write_suite(folder, manifest(key="pictures", gated=True), items, gold, "Made for a test.\n")
    with pytest.raises(ProblemsFound, match=r"E-SUITE-MEDIA .* media/ lacks"):
        services.add_version(folder=folder)
    (folder / "media").mkdir()
    (folder / "media" / digest).write_bytes(picture)
    version = services.add_version(folder=folder)
    assert list(services.media_for(version=version, digests=[digest])) == [{digest: picture}]
    assert picture not in kept(settings)[version.sealed_name]


@pytest.mark.parametrize("public", [{}, {"items": "public"}, {"items": "public", "gold": "public"}])
def test_a_rehearsal_never_asks_a_gated_suite(
    make_suite_version: MakeVersion, make_phase: Callable[..., Phase], public: dict[str, str]
) -> None:
    phase = make_phase()
    version = make_suite_version(phase, gated=True, **public)
    assert version.hidden
    assert public_sample(phase) == []
