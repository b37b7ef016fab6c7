"""Adding, freezing, opening and seeing suite versions; gold is opened by name of a reason only."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.storage import storages
from django.db import connection
from pytest_django.fixtures import Settings

from accounts.models import User
from challenges.models import Challenge, Phase, Track
from evaluators.protocol.problems import ProblemsFound
from suites import sealing, selectors, services
from suites.models import Suite, SuiteVersion, Unsealing
from suites.services import Selection

MakeVersion = Callable[..., SuiteVersion]
KEY = b"k" * 32


@pytest.mark.django_db
def test_a_version_is_checked_self_tested_and_sealed_under_its_digest(make_suite_folder: Callable[..., Path]) -> None:
    version = services.add_version(folder=make_suite_folder("owls", pairs=8))
    assert (str(version), version.state, version.items, version.groups) == ("owls@1", "checked", 8, 2)
    assert version.hidden
    assert version.sealed_name == f"suites/{version.digest}.tar"
    assert all(check["ok"] for check in version.selftest_report["checks"])
    assert version.check_report["counts"]["splits"] == {"dev": 4, "private": 4}


def test_only_a_version_that_hides_nothing_is_not_hidden(make_suite_version: MakeVersion) -> None:
    assert make_suite_version(items="public", gold="hidden").hidden
    assert not make_suite_version(items="public", gold="public").hidden


@pytest.mark.django_db
def test_a_version_never_changes(make_suite_folder: Callable[..., Path]) -> None:
    services.add_version(folder=make_suite_folder("owls"))
    with pytest.raises(ProblemsFound, match="owls@1 is there already"):
        services.add_version(folder=make_suite_folder("owls", pairs=10))
    assert services.add_version(folder=make_suite_folder("owls", version="2", pairs=10)).suite == Suite.objects.get()


@pytest.mark.django_db
def test_nobody_adds_a_version_under_the_key_of_anothers_suite(
    make_suite_folder: Callable[..., Path], make_user: Callable[..., User]
) -> None:
    owner, other = make_user(), make_user()
    services.add_version(folder=make_suite_folder("owls"), user=owner)
    with pytest.raises(ProblemsFound, match="belongs to somebody else"):
        services.add_version(folder=make_suite_folder("owls", version="2"), user=other)
    assert services.add_version(folder=make_suite_folder("owls", version="2"), user=owner).version == "2"
    assert SuiteVersion.objects.count() == 2


@pytest.mark.django_db
def test_a_faulty_folder_leaves_nothing_behind(make_suite_folder: Callable[..., Path]) -> None:
    folder = make_suite_folder("owls")
    (folder / "gold.jsonl").write_text('{"id": "pair/0", "gold": 7}\n')
    with pytest.raises(ProblemsFound) as refused:
        services.add_version(folder=folder)
    assert {problem.code for problem in refused.value.problems} == {"E-SUITE-GOLD"}
    assert not Suite.objects.exists()
    assert not storages["sealed"].exists("suites")


def test_freezing_is_for_good_and_for_versions_that_passed_their_self_test(make_suite_version: MakeVersion) -> None:
    version = make_suite_version(frozen=False)
    version.selftest_report["checks"][0]["ok"] = False
    with pytest.raises(ProblemsFound, match="self-test failed: constant answers"):
        services.freeze(version=version)
    version.refresh_from_db()
    frozen = services.freeze(version=version)
    assert frozen.state == "frozen"
    assert services.freeze(version=frozen).frozen_at == frozen.frozen_at


def test_what_is_sealed_has_no_address(make_suite_version: MakeVersion) -> None:
    with pytest.raises(ValueError, match="no URL"):
        storages["sealed"].url(make_suite_version().sealed_name)


def test_what_is_sealed_is_read_by_this_user_only(make_suite_version: MakeVersion) -> None:
    path = Path(storages["sealed"].path(make_suite_version().sealed_name))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_requests_are_drawn_without_opening_gold(make_suite_version: MakeVersion) -> None:
    version = make_suite_version(pairs=8)
    before = Unsealing.objects.count()
    draw = services.requests_for(version=version, selection=Selection(("dev",)), draw_key=KEY)
    assert len(draw.requests) == 8
    assert Unsealing.objects.count() == before
    assert sealing.open_sealed(version.sealed_name, with_gold=False).gold == {}


def test_the_same_key_draws_the_same_requests_and_another_key_others(make_suite_version: MakeVersion) -> None:
    version, selection = make_suite_version(), Selection(("dev", "private"))
    draws = [
        services.requests_for(version=version, selection=selection, draw_key=key).requests
        for key in (KEY, KEY, b"x" * 32)
    ]
    assert draws[0] == draws[1]
    assert {request["id"] for request in draws[0]}.isdisjoint(request["id"] for request in draws[2])


def test_a_sample_asks_as_many_items_as_it_says(make_suite_version: MakeVersion) -> None:
    version = make_suite_version(pairs=12)
    draw = services.requests_for(version=version, selection=Selection(("dev", "private"), 4), draw_key=KEY)
    assert len({draw.resolve(request["id"])[0] for request in draw.requests}) == 4


@pytest.mark.parametrize(("good", "value"), [(-1.0, 1.0), (-9.0, 0.0), (-2.0, 0.5)])
def test_responses_are_scored_against_the_gold_and_the_opening_is_recorded(
    make_suite_version: MakeVersion, good: float, value: float
) -> None:
    version, selection = make_suite_version(), Selection(("private",))
    draw = services.requests_for(version=version, selection=selection, draw_key=KEY)
    responses = [
        {"id": request["id"], "logprob": good if "good" in request["continuation"] else -2.0, "tokens": 5}
        for request in draw.requests
    ]
    scored = services.score_responses(
        version=version, selection=selection, draw_key=KEY, responses=responses, checkpoint="main", train_seed=None,
        reason="run 7",
    )  # fmt: skip
    assert scored.document.metrics["accuracy"].value == value
    assert scored.document.coverage.asked == scored.document.coverage.answered == 4
    assert Unsealing.objects.filter(suite_version=version).latest("pk").reason == "run 7"


def test_a_sealed_suite_that_was_tampered_with_scores_nothing(make_suite_version: MakeVersion) -> None:
    version = make_suite_version()
    SuiteVersion.objects.update(digest="0" * 64)
    version.refresh_from_db()
    with pytest.raises(RuntimeError, match="digest"):
        services.score_responses(
            version=version, selection=Selection(("dev",)), draw_key=KEY, responses=[], checkpoint="main",
            train_seed=None, reason="run 7",
        )  # fmt: skip


def test_a_preview_is_what_a_submission_sees_and_holds_no_gold(make_suite_version: MakeVersion) -> None:
    version = make_suite_version(pairs=40)
    shown = services.preview(version=version)
    assert len(shown) == services.PREVIEW_REQUESTS
    for request in shown:
        assert set(request) == {"id", "type", "context", "continuation"}
        assert len(request["id"]) == 24
    text = json.dumps(shown)
    assert not any(word in text for word in ("gold", "pair/", "group-", "private"))


def test_an_opened_suite_is_kept_by_its_sealed_name(make_suite_version: MakeVersion) -> None:
    version = make_suite_version()
    assert sealing.open_sealed(version.sealed_name, with_gold=False) is sealing.open_sealed(
        version.sealed_name, with_gold=False
    )
    assert sealing.open_sealed(version.sealed_name, with_gold=False).gold == {}
    assert sealing.open_sealed(version.sealed_name, with_gold=True).gold != {}
    assert sealing.open_sealed(version.sealed_name, with_gold=False).gold == {}


def test_an_organizer_sees_what_they_added_what_they_ask_and_what_hides_nothing(
    make_user: Callable[..., User], make_challenge: Callable[..., Challenge], make_track: Callable[..., Track],
    make_phase: Callable[..., Phase], make_suite_version: MakeVersion, make_suite_folder: Callable[..., Path],
) -> None:  # fmt: skip
    mine, other = make_user(), make_user()
    own, rival = make_challenge(organizers=(mine,)), make_challenge(organizers=(other,))
    added = services.add_version(folder=make_suite_folder(), user=mine)
    asked = make_suite_version(make_phase(make_track(own)))
    public = make_suite_version(items="public", gold="public")
    hidden = make_suite_version(make_phase(make_track(rival)))
    unasked = make_suite_version()
    assert set(selectors.versions_for(mine)) == {added, asked, public}
    assert set(selectors.versions_for(other)) == {hidden, public}
    assert set(selectors.versions_for(make_user(is_superuser=True))) == {added, asked, public, hidden, unasked}
    assert not selectors.versions_for(AnonymousUser()).exists()


@pytest.mark.django_db(transaction=True)
def test_sealing_keeps_no_writer_waiting_and_leaves_nothing_where_the_version_is_refused(
    make_suite_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    inside: list[bool] = []
    seal = sealing.seal

    def watched(folder: Path, *, name: str, gated: bool = False) -> str:
        inside.append(connection.in_atomic_block)
        return seal(folder, name=name, gated=gated)

    monkeypatch.setattr(sealing, "seal", watched)
    folder = make_suite_folder()
    version = services.add_version(folder=folder)
    with pytest.raises(ProblemsFound):
        services.add_version(folder=folder)
    assert not any(inside)
    kept = Path(settings.STORAGES["sealed"]["OPTIONS"]["location"])
    assert [path for path in kept.rglob("*") if path.is_file()] == [kept / version.sealed_name]
