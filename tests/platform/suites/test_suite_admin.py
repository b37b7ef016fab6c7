"""Suites and phases in the admin: upload, check, preview, freeze; gold is on no page."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.models import User
from challenges.models import Challenge, Phase, Track
from evaluators.protocol.challenge import ChallengeDocument
from suites import services
from suites.models import PhaseSuite, SuiteVersion, Unsealing

ClientOf = Callable[[User | None], Client]
# Stands in gold.jsonl and nowhere else: an item whose right candidate lies far back.
CANARY_GOLD = 37


@pytest.fixture
def organizer(make_user: Callable[..., User]) -> User:
    """Somebody with a challenge of their own."""
    return make_user("olga@example.org")


@pytest.fixture
def own(make_challenge: Callable[..., Challenge], organizer: User) -> Challenge:
    """The organizer's challenge."""
    return make_challenge("own", organizers=(organizer,))


def archive(folder: Path) -> SimpleUploadedFile:
    """The folder as a zip upload."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for path in folder.iterdir():
            zipped.write(path, path.name)
    return SimpleUploadedFile("owls.zip", buffer.getvalue())


def with_canary(folder: Path) -> Path:
    """One item more, whose gold is a number that can be searched for."""
    choices = [{"continuation": f"Bird {number} sings."} for number in range(60, 98)]
    with (folder / "items.jsonl").open("a") as items:
        items.write(json.dumps({"id": "canary", "group": "group-0", "split": "dev", "choices": choices}) + "\n")
    with (folder / "gold.jsonl").open("a") as gold:
        gold.write(json.dumps({"id": "canary", "gold": CANARY_GOLD}) + "\n")
    return folder


def test_an_organizer_uploads_looks_and_freezes(
    client_of: ClientOf, organizer: User, own: Challenge, make_suite_folder: Callable[..., Path]
) -> None:
    browser = client_of(organizer)
    folder = with_canary(make_suite_folder("owls", chance=None))
    page = browser.post(reverse("admin:suites_suiteversion_add"), {"archive": archive(folder)}, follow=True)
    version = SuiteVersion.objects.get()
    assert (version.state, version.uploaded_by) == ("checked", organizer)
    text = page.content.decode()
    assert "constant answers score chance" in text
    assert "dev: 5, private: 4" in text
    assert "loglikelihood" in text
    assert "Freeze this version" in text
    response = browser.post(reverse("admin:suites_suiteversion_freeze", args=[version.pk]), follow=True)
    assert "owls@1 is frozen" in response.content.decode()
    assert "Freeze this version" not in response.content.decode()
    version.refresh_from_db()
    assert version.state == "frozen"


def test_what_is_wrong_with_an_upload_is_told_and_nothing_is_kept(
    client_of: ClientOf, organizer: User, own: Challenge, make_suite_folder: Callable[..., Path]
) -> None:
    folder = make_suite_folder("owls")
    (folder / "items.jsonl").write_text('{"id": "pair/0", "chioces": []}\n')
    response = client_of(organizer).post(reverse("admin:suites_suiteversion_add"), {"archive": archive(folder)})
    text = response.content.decode()
    assert "items.jsonl:1 [chioces]: the field" in text
    assert not SuiteVersion.objects.exists()
    nonsense = {"archive": SimpleUploadedFile("owls.zip", b"nonsense")}
    response = client_of(organizer).post(reverse("admin:suites_suiteversion_add"), nonsense)
    assert "not a whole zip or tar archive" in response.content.decode()


def test_freezing_asks_for_a_post_and_for_a_version_of_ones_own(
    client_of: ClientOf, organizer: User, own: Challenge, make_suite_version: Callable[..., SuiteVersion]
) -> None:
    version = make_suite_version(frozen=False)
    address = reverse("admin:suites_suiteversion_freeze", args=[version.pk])
    assert client_of(organizer).get(address).status_code == 403
    assert client_of(organizer).post(address).status_code == 404
    version.refresh_from_db()
    assert version.state == "checked"


def test_nobody_adds_edits_or_deletes_what_is_recorded(
    client_of: ClientOf, make_user: Callable[..., User], make_suite_version: Callable[..., SuiteVersion]
) -> None:
    version, root = make_suite_version(), client_of(make_user(is_superuser=True, is_staff=True))
    unsealing = Unsealing.objects.get()
    assert root.get(reverse("admin:suites_unsealing_add")).status_code == 403
    assert root.post(reverse("admin:suites_unsealing_delete", args=[unsealing.pk]), {"post": "yes"}).status_code == 403
    assert root.post(reverse("admin:suites_suiteversion_delete", args=[version.pk]), {"post": "yes"}).status_code == 403
    digest = version.digest
    root.post(reverse("admin:suites_suiteversion_change", args=[version.pk]), {"digest": "0" * 64, "state": "uploaded"})
    version.refresh_from_db()
    assert (version.digest, version.state) == (digest, "frozen")


def test_an_organizer_sees_who_opened_the_gold_they_use_and_no_other(
    client_of: ClientOf, organizer: User, own: Challenge, make_phase: Callable[..., Phase],
    make_track: Callable[..., Track], make_suite_version: Callable[..., SuiteVersion],
) -> None:  # fmt: skip
    make_suite_version(make_phase(make_track(own)), key="mine")
    make_suite_version(key="others")
    page = client_of(organizer).get(reverse("admin:suites_unsealing_changelist")).content.decode()
    assert "check and self-test" in page
    assert "mine@1" in page
    assert "others@1" not in page


def test_gold_is_on_no_page_and_in_no_download(
    client_of: ClientOf, organizer: User, own: Challenge, make_phase: Callable[..., Phase],
    make_track: Callable[..., Track], make_suite_folder: Callable[..., Path],
) -> None:  # fmt: skip
    folder = with_canary(make_suite_folder("owls", pairs=4, chance=None))
    version = services.freeze(version=services.add_version(folder=folder, user=organizer))
    phase = make_phase(make_track(own))
    PhaseSuite.objects.create(phase=phase, suite_version=version, splits=["dev"])
    browser = client_of(organizer)
    addresses = [
        reverse("admin:index"),
        reverse("challenge_export", args=[own.pk]),
        reverse("challenge", args=[own.key]),
        *[
            reverse(f"admin:{name}_{page}", args=[row.pk] if page in ("change", "history") else [])
            for name, row in {
                "suites_suite": version.suite, "suites_suiteversion": version, "challenges_phase": phase,
                "suites_unsealing": Unsealing.objects.earliest("pk"),
            }.items()
            for page in ("changelist", "change", "history")
        ],
    ]  # fmt: skip
    for address in addresses:
        response = browser.get(address)
        assert response.status_code == 200, address
        text = response.content.decode()
        for leak in (f'"gold": {CANARY_GOLD}', f"gold&quot;: {CANARY_GOLD}", "gold.jsonl", version.sealed_name):
            assert leak not in text, address
    shown = services.preview(version=version)
    assert all(set(request) == {"id", "type", "context", "continuation"} for request in shown)


def test_no_address_hands_out_a_suites_file() -> None:
    names = {str(pattern) for pattern in get_resolver().reverse_dict}
    assert not any("sealed" in name or ("suite" in name and "download" in name) for name in names)


def phase_form(phase: Phase, *suites: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The phase's form as a browser sends it."""
    form = {
        "track": phase.track_id, "key": phase.key, "title": phase.title, "position": "0", "visibility": "public",
        "opens_0": "2030-01-01", "opens_1": "00:00:00", "closes_0": "2030-02-01", "closes_1": "00:00:00",
        "quota_day": "3", "quota_total": "", "quota_concurrent": "", "phase_suites-TOTAL_FORMS": str(len(suites)),
        "phase_suites-INITIAL_FORMS": "0", **changes,
    }  # fmt: skip
    for number, suite in enumerate(suites):
        form |= {f"phase_suites-{number}-{name}": value for name, value in suite.items()}
        form |= {f"phase_suites-{number}-position": str(number), f"phase_suites-{number}-phase": str(phase.pk)}
    return form


def test_an_organizer_is_warned_where_a_phase_tells_scores_of_items_that_a_later_one_hides(
    client_of: ClientOf, make_user: Callable[..., User], make_phase: Callable[..., Phase],
    make_suite_version: Callable[..., SuiteVersion],
) -> None:  # fmt: skip
    early = make_phase()
    late = make_phase(early.track, visibility="hidden", closes=datetime(2031, 1, 1, tzinfo=UTC))
    version = make_suite_version(late, key="final", ask=("private",))
    root = client_of(make_user(is_superuser=True, is_staff=True))
    address = reverse("admin:challenges_phase_change", args=[early.pk])
    for split, warned in (("dev", False), ("private", True)):
        early.phase_suites.all().delete()
        suite = {"suite_version": version.pk, "splits": [split], "sample": "2"}
        page = root.post(address, phase_form(early, suite), follow=True).content.decode()
        assert early.phase_suites.get().splits == [split]
        assert (f"tells scores of items of {version} (private)" in page) is warned


def test_a_phase_asks_frozen_versions_that_the_organizer_may_use(
    client_of: ClientOf, organizer: User, own: Challenge, make_phase: Callable[..., Phase],
    make_track: Callable[..., Track], make_suite_folder: Callable[..., Path],
    make_suite_version: Callable[..., SuiteVersion],
) -> None:  # fmt: skip
    phase = make_phase(make_track(own))
    mine = services.freeze(version=services.add_version(folder=make_suite_folder(), user=organizer))
    checked = services.add_version(folder=make_suite_folder(), user=organizer)
    hidden = make_suite_version()
    address = reverse("admin:challenges_phase_change", args=[phase.pk])
    for version in (checked, hidden):
        suite = {"suite_version": version.pk, "splits": ["dev"]}
        assert client_of(organizer).post(address, phase_form(phase, suite)).status_code == 200
        assert not phase.phase_suites.exists()
    suite = {"suite_version": mine.pk, "splits": ["dev", "private"], "sample": "4"}
    assert client_of(organizer).post(address, phase_form(phase, suite)).status_code == 302
    asked = phase.phase_suites.get()
    assert (asked.suite_version, asked.selection) == (mine, "dev+private#4")
    phase.refresh_from_db()
    assert (phase.quota_day, phase.quota_total) == (3, None)


def test_splits_without_items_are_refused_at_their_field(
    client_of: ClientOf, organizer: User, own: Challenge, make_phase: Callable[..., Phase],
    make_track: Callable[..., Track], make_suite_folder: Callable[..., Path],
) -> None:  # fmt: skip
    phase = make_phase(make_track(own))
    mine = services.freeze(version=services.add_version(folder=make_suite_folder("owls"), user=organizer))
    form = phase_form(phase, {"suite_version": mine.pk, "splits": ["public"]})
    page = client_of(organizer).post(reverse("admin:challenges_phase_change", args=[phase.pk]), form)
    assert "owls@1 has no items in the split public. It has: dev (4), private (4)." in page.content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"closes_0": "2029-01-01"}, "closes"),
        ({"opens_0": "1066-01-01"}, "opens"),
        ({"quota_concurrent": "0"}, "quota_concurrent"),
        ({"quota_total": "99999999"}, "quota_total"),
        ({"quota_day": "-1"}, "quota_day"),
        ({"key": "Big Key"}, "key"),
    ],
)
def test_a_fault_of_a_phase_is_told_at_its_field(
    client_of: ClientOf, organizer: User, own: Challenge, make_phase: Callable[..., Phase],
    make_track: Callable[..., Track], changes: dict[str, str], field: str,
) -> None:  # fmt: skip
    phase = make_phase(make_track(own))
    address = reverse("admin:challenges_phase_change", args=[phase.pk])
    response = client_of(organizer).post(address, phase_form(phase, **changes))
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [field]


def yaml(text: str) -> dict[str, SimpleUploadedFile]:
    """A challenge.yaml as an upload."""
    return {"document": SimpleUploadedFile("challenge.yaml", text.encode())}


def test_a_document_goes_in_and_comes_out_in_the_admin(client_of: ClientOf, organizer: User, own: Challenge) -> None:
    browser = client_of(organizer)
    text = "schema: challenge/1\nkey: own\ntitle: Renamed\ntracks: [{key: strict, kinds: [code]}]\n"
    page = browser.post(reverse("challenge_document"), yaml(text), follow=True).content.decode()
    assert "track strict: created" in page
    response = browser.get(reverse("challenge_export", args=[own.pk]))
    assert response["Content-Disposition"] == 'attachment; filename="own.yaml"'
    exported = ChallengeDocument.from_yaml(response.content.decode(), file="own.yaml")
    assert exported == ChallengeDocument.from_yaml(text, file="own.yaml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("schema: challenge/1\nkey: new\ntitle: New\ncolour: red\n", "challenge.yaml:4 [colour]: the field"),
        ("schema: challenge/1\nkey: new\ntitle: New\nsuites: [{key: owls, version: '1', source: /etc}]\n", "not here"),
        ("schema: challenge/1\nkey: theirs\ntitle: Taken over\n", "the challenge theirs is not yours"),
        ("key: [", "not valid YAML"),
    ],
)
def test_a_document_that_is_refused_changes_nothing(
    client_of: ClientOf, organizer: User, own: Challenge, make_challenge: Callable[..., Challenge], text: str,
    sentence: str,
) -> None:  # fmt: skip
    make_challenge("theirs", title="Theirs")
    response = client_of(organizer).post(reverse("challenge_document"), yaml(text))
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert set(Challenge.objects.values_list("key", "title")) == {("own", own.title), ("theirs", "Theirs")}


def test_only_organizers_apply_and_export(
    client_of: ClientOf, organizer: User, own: Challenge, make_challenge: Callable[..., Challenge],
    make_user: Callable[..., User],
) -> None:  # fmt: skip
    other = make_challenge("theirs")
    assert client_of(organizer).get(reverse("challenge_export", args=[other.pk])).status_code == 404
    staff = client_of(make_user(is_staff=True))
    assert staff.get(reverse("challenge_document")).status_code == 403
    assert staff.get(reverse("challenge_export", args=[own.pk])).status_code == 404
    assert client_of(None).get(reverse("challenge_export", args=[own.pk])).status_code == 302


def test_the_suites_named_by_a_document_can_be_added_by_its_organizer(
    client_of: ClientOf, organizer: User, own: Challenge, make_suite_folder: Callable[..., Path]
) -> None:
    browser = client_of(organizer)
    browser.post(reverse("admin:suites_suiteversion_add"), {"archive": archive(make_suite_folder("owls"))})
    text = (
        "schema: challenge/1\nkey: own\ntitle: Own\nsuites: [{key: owls, version: '1'}]\n"
        "tracks: [{key: strict, kinds: [code], phases: [{key: dev, opens: 2030-01-01T00:00:00, "
        "closes: 2030-02-01T00:00:00, suites: [{suite: owls@1}]}]}]\n"
    )
    page = browser.post(reverse("challenge_document"), yaml(text), follow=True).content.decode()
    assert "phase strict/dev: suites set" in page
    assert SuiteVersion.objects.get().state == "frozen"


def test_the_admin_names_no_challenge_of_others_in_its_filters(
    client_of: ClientOf, organizer: User, own: Challenge, make_challenge: Callable[..., Challenge],
    make_track: Callable[..., Track], make_phase: Callable[..., Phase],
) -> None:  # fmt: skip
    for challenge in (
        own,
        make_challenge("second", organizers=(organizer,)),
        make_challenge("x", title="Secret plans"),
    ):
        make_phase(make_track(challenge))
    for name in ("challenges_track", "challenges_phase"):
        page = client_of(organizer).get(reverse(f"admin:{name}_changelist")).content.decode()
        assert "The challenge second" in page
        assert "Secret plans" not in page
