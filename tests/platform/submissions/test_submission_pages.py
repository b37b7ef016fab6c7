"""Registering, the hand-in form and the list, as a browser meets them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Team, User
from challenges.models import Challenge, Phase, Track
from submissions.models import Registration, Submission, UploadSession

from .conftest import code_archive, manifest

pytestmark = pytest.mark.django_db
FORM = {"source": "form", "kind": "code", "name": "Parrot", "entry": "model.py:Model"}
QUESTIONS = [{"key": "epochs", "type": "integer", "title": "How many epochs", "required": True, "max": 10}]


@pytest.fixture
def phase(make_phase: Callable[..., Phase]) -> Phase:
    return make_phase()


@pytest.fixture
def registration(phase: Phase, make_registration: Callable[..., Registration]) -> Registration:
    return make_registration(challenge=phase.track.challenge)


@pytest.fixture
def client(registration: Registration, client_of: Callable[..., Client]) -> Client:
    return client_of(registration.created_by)


def page_of(track: Track) -> str:
    return f"/c/{track.challenge.key}/{track.key}/submit"


def post(client: Client, phase: Phase, upload: UploadSession | None = None, **fields: Any) -> Any:
    values = {**FORM, "phases": [phase.pk], "upload": str(upload.pk) if upload else "", **fields}
    return client.post(page_of(phase.track), values)


# Registering


def test_a_person_without_a_team_is_led_to_opening_one(
    client_of: Callable[..., Client], make_user: Callable[..., User], make_challenge: Callable[..., Challenge]
) -> None:
    challenge = make_challenge()
    page = client_of(make_user()).get(f"/c/{challenge.key}/register").content.decode()
    assert f"/teams/new?next=/c/{challenge.key}/register" in page


def test_a_member_registers_the_team(
    client_of: Callable[..., Client], make_team: Callable[..., Team], make_user: Callable[..., User], phase: Phase
) -> None:
    user = make_user()
    team = make_team(user, name="The Invented Parrots")
    client, url = client_of(user), f"/c/{phase.track.challenge.key}/register"
    assert "The Invented Parrots" in client.get(url).content.decode()
    assert client.post(url, {"team": team.slug}).status_code == 302
    assert Registration.objects.get().team == team


def test_another_team_can_not_be_registered_by_guessing_its_name(
    client_of: Callable[..., Client], make_team: Callable[..., Team], make_user: Callable[..., User], phase: Phase
) -> None:
    response = client_of(make_user()).post(f"/c/{phase.track.challenge.key}/register", {"team": make_team().slug})
    assert response.status_code == 404


def test_who_takes_no_part_is_led_to_registering(
    client_of: Callable[..., Client], make_user: Callable[..., User], phase: Phase
) -> None:
    response = client_of(make_user()).get(page_of(phase.track))
    assert (response.status_code, response["Location"]) == (302, f"/c/{phase.track.challenge.key}/register")


# Handing in


def test_a_hand_in_with_a_finished_upload_leads_to_the_submission_s_page(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    response = post(client, phase, make_upload(registration))
    submission = Submission.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/s/{submission.pk}/")
    assert (submission.name, submission.kind, submission.state) == ("Parrot", "code", Submission.State.RECEIVED)


def test_a_hand_in_works_without_javascript(client: Client, phase: Phase) -> None:
    file = SimpleUploadedFile("parrot.zip", code_archive())
    response = post(client, phase, file=file, source="archive", name="", kind="")
    assert response.status_code == 302
    submission = Submission.objects.get()
    assert (submission.name, submission.manifest) == ("parrot", {})


def test_a_second_click_leads_to_the_same_submission(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    upload = make_upload(registration)
    places = {post(client, phase, upload)["Location"] for _ in range(2)}
    assert len(places) == 1
    assert Submission.objects.count() == 1


def test_nothing_is_lost_on_a_fault(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    upload = make_upload(registration)
    page = post(client, phase, upload, name="", description="Says what it heard.").content.decode()
    assert f'value="{upload.pk}"' in page
    assert "Says what it heard." in page
    assert "parrot.zip is uploaded" in page
    assert not Submission.objects.exists()


def test_a_file_that_came_with_a_faulty_form_stays_attached(client: Client, phase: Phase) -> None:
    page = post(client, phase, name="", file=SimpleUploadedFile("parrot.zip", code_archive())).content.decode()
    assert f'value="{UploadSession.objects.get().pk}"' in page


def test_a_finished_upload_is_still_there_after_a_reload(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    upload = make_upload(registration)
    assert f'value="{upload.pk}"' in client.get(page_of(phase.track)).content.decode()


def test_an_unfinished_upload_is_listed_with_how_far_it_is(
    client: Client, phase: Phase, registration: Registration
) -> None:
    UploadSession.objects.create(
        user=registration.created_by, challenge=registration.challenge, filename="large.zip", size=4096, received=1024
    )
    page = client.get(page_of(phase.track)).content.decode()
    assert "An upload of large.zip stopped at 1.0\xa0KB of 4.0\xa0KB" in page


def test_an_unfinished_upload_is_not_handed_in(client: Client, phase: Phase, registration: Registration) -> None:
    upload = UploadSession.objects.create(
        user=registration.created_by, challenge=registration.challenge, filename="large.zip", size=4096, received=1024
    )
    page = post(client, phase, upload).content.decode()
    assert "1,024 of the 4,096 bytes have arrived" in page
    assert "large.zip is uploaded" not in page


def test_approaches_are_asked_once_and_stand_with_the_method(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    options = ["curriculum", "architecture"]
    phase.track.questions = [{"key": "approaches", "type": "multi", "title": "Approaches", "options": options}]
    phase.track.save()
    assert client.get(page_of(phase.track)).content.decode().count(">Approaches") == 1
    post(client, phase, make_upload(registration), answer_approaches=["curriculum"])
    manifest = Submission.objects.get().manifest
    assert (manifest["method"]["approaches"], manifest["answers"]) == (["curriculum"], {"approaches": ["curriculum"]})


@pytest.mark.parametrize("given", ["nonsense", "00000000-0000-4000-8000-000000000000"])
def test_an_upload_that_is_not_there_is_asked_for(given: str, client: Client, phase: Phase) -> None:
    assert (
        "Choose a file first."
        in client.post(page_of(phase.track), {**FORM, "phases": [phase.pk], "upload": given}).content.decode()
    )


def test_a_chosen_file_wins_over_an_earlier_upload(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    earlier = make_upload(registration)
    newer = SimpleUploadedFile("newer.zip", code_archive(data={"words_seen": 1}))
    post(client, phase, earlier, file=newer)
    assert Submission.objects.get().upload.filename == "newer.zip"  # type: ignore[union-attr]


def test_an_upload_of_somebody_else_is_not_handed_in(
    client: Client,
    phase: Phase,
    make_registration: Callable[..., Registration],
    make_upload: Callable[..., UploadSession],
) -> None:
    theirs = make_upload(make_registration(challenge=phase.track.challenge))
    assert "Choose a file first." in post(client, phase, theirs).content.decode()
    assert not Submission.objects.exists()


def test_the_track_s_questions_are_asked_and_checked(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    Track.objects.update(questions=QUESTIONS)
    upload = make_upload(registration)
    assert "How many epochs" in client.get(page_of(phase.track)).content.decode()
    assert "must be answered" in post(client, phase, upload).content.decode()
    assert "must be at most 10" in post(client, phase, upload, answer_epochs="11").content.decode()
    assert post(client, phase, upload, answer_epochs="3").status_code == 302
    assert Submission.objects.get().manifest["answers"] == {"epochs": 3}


def test_questions_of_the_other_tracks_are_asked_too_and_count_where_they_are_entered(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession],
    make_phase: Callable[..., Phase], make_track: Callable[..., Track],
) -> None:  # fmt: skip
    other = make_phase(make_track(phase.track.challenge, questions=QUESTIONS))
    upload = make_upload(registration)
    assert "must be answered" in post(client, phase, upload, phases=[phase.pk, other.pk]).content.decode()
    assert post(client, phase, upload, answer_epochs="3").status_code == 302
    assert "answers" not in Submission.objects.get().manifest
    again = make_upload(registration, code_archive(data={"words_seen": 1}))
    assert post(client, phase, again, phases=[phase.pk, other.pk], answer_epochs="3").status_code == 302
    assert Submission.objects.count() == 2


def test_declared_data_goes_into_the_manifest_and_meets_the_budget(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    Track.objects.update(budget={"words": 100})
    upload = make_upload(registration)
    fields: dict[str, Any] = {"approaches": "curriculum, distillation", "backbone": "GPT-2"}
    assert "no training corpus is declared" in post(client, phase, upload, **fields).content.decode().lower()
    assert (
        "101 words of 100 allowed"
        in post(client, phase, upload, corpora="Tales, 60\nSpeech, 41", **fields).content.decode()
    )
    assert post(client, phase, upload, corpora="Tales, 60\nSpeech, 40", words_seen="600", **fields).status_code == 302
    saved = Submission.objects.get().manifest
    assert saved["data"] == {
        "words_seen": 600,
        "corpora": [{"name": "Tales", "words": 60}, {"name": "Speech", "words": 40}],
    }
    assert saved["method"] == {"name": "Parrot", "backbone": "GPT-2", "approaches": ["curriculum", "distillation"]}


def test_a_bare_prediction_file_is_called_what_it_was_called(client: Client, phase: Phase) -> None:
    file = SimpleUploadedFile("answers.jsonl", b'{"suite": "a", "id": "1", "choice": 0}\n')
    assert post(client, phase, kind="predictions", file=file).status_code == 302
    assert Submission.objects.get().manifest["predictions"] == {"file": "answers.jsonl"}


def test_an_archive_of_predictions_must_say_which_file(client: Client, phase: Phase) -> None:
    page = post(client, phase, kind="predictions", file=SimpleUploadedFile("a.zip", code_archive())).content.decode()
    assert "Say which file of the archive" in page


def test_what_is_left_of_the_quota_is_shown_and_its_end_is_said(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    Phase.objects.update(quota_total=1)
    assert "1 of 1 left in all" in client.get(page_of(phase.track)).content.decode()
    post(client, phase, make_upload(registration))
    upload = make_upload(registration, code_archive(data={"words_seen": 1}))
    page = post(client, phase, upload).content.decode()
    assert "takes 1 in all, and your team has made 1" in page
    assert f'value="{upload.pk}"' in page


def test_a_phase_that_closed_meanwhile_is_not_offered(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession],
    make_phase: Callable[..., Phase],
) -> None:  # fmt: skip
    closed = make_phase(phase.track, open=False)
    page = post(client, phase, make_upload(registration), phases=[closed.pk]).content.decode()
    assert "not one of the available choices" in page
    assert not Submission.objects.exists()


def test_without_an_open_phase_there_is_no_form(client: Client, phase: Phase) -> None:
    Phase.objects.update(closes=phase.opens.replace(year=phase.opens.year + 1), opens=phase.opens.replace(year=2000))
    Phase.objects.update(closes=phase.opens)
    assert "No phase is open" in client.get(page_of(phase.track)).content.decode()


def test_an_unpublished_challenge_is_not_there(client: Client, phase: Phase) -> None:
    Challenge.objects.update(published=False)
    paths = [
        page_of(phase.track),
        f"/c/{phase.track.challenge.key}/register",
        f"/c/{phase.track.challenge.key}/submissions/",
    ]
    assert [client.get(path).status_code for path in paths] == [404, 404, 404]


def test_the_pages_have_neither_inline_scripts_nor_styles(client: Client, phase: Phase) -> None:
    page = client.get(page_of(phase.track)).content.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert all("src=" in tag.partition(">")[0] for tag in page.split("<script")[1:])


# The list


def test_the_list_shows_my_team_s_submissions_and_no_others(
    client: Client, phase: Phase, registration: Registration, hand_in: Callable[..., Submission]
) -> None:
    hand_in(phase, registration=registration, described=manifest(method={"name": "Mine"}))
    hand_in(phase, described=manifest(method={"name": "Theirs"}))
    page = client.get(f"/c/{phase.track.challenge.key}/submissions/").content.decode()
    assert "Mine" in page
    assert "Theirs" not in page
    assert "Received" in page


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_takes_as_many_queries_for_three_rows_as_for_one(
    rows: int, client: Client, phase: Phase, registration: Registration, hand_in: Callable[..., Submission],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for number in range(rows):
        hand_in(phase, registration=registration, content=code_archive(data={"words_seen": number}))
    with django_assert_num_queries(8):
        client.get(f"/c/{phase.track.challenge.key}/submissions/")


def test_nobody_in_particular_is_asked_to_log_in(client_of: Callable[..., Client], phase: Phase) -> None:
    stranger = client_of(None)
    paths = [
        page_of(phase.track),
        f"/c/{phase.track.challenge.key}/register",
        f"/c/{phase.track.challenge.key}/submissions/",
    ]
    assert all(stranger.get(path)["Location"].startswith("/accounts/login/") for path in paths)


def test_a_budget_of_epochs_puts_the_question_on_the_form(
    client: Client, phase: Phase, registration: Registration, make_upload: Callable[..., UploadSession]
) -> None:
    Track.objects.update(budget={"epochs": 10})
    upload = make_upload(registration)
    assert "Epochs of training" in client.get(page_of(phase.track)).content.decode()
    assert "must be answered" in post(client, phase, upload).content.decode()
    assert "10.5 epochs of 10 allowed" in post(client, phase, upload, answer_epochs="10.5").content.decode()
    assert post(client, phase, upload, answer_epochs="10").status_code == 302


def test_what_must_be_declared_or_answered_is_not_called_optional(client: Client, phase: Phase) -> None:
    def optional(label: str) -> bool:
        page = client.get(page_of(phase.track)).content.decode()
        return '<span class="meta">optional</span>' in page.partition(f">{label}")[2].partition("</label>")[0]

    asked = [{"key": "hours", "type": "number", "title": "Hours"}]
    Track.objects.update(questions=[*QUESTIONS, *asked])
    labels = ("Training corpora", "Words seen in training", "How many epochs", "Hours")
    assert [optional(label) for label in labels] == [True, True, False, True]
    Track.objects.update(budget={"words": 10_000_000, "words_seen": 500})
    assert [optional(label) for label in labels] == [False, False, False, True]
    page = client.get(page_of(phase.track)).content.decode()
    assert "The track&#x27;s budget is 10,000,000 words." in page
    assert "The track&#x27;s budget is 500 words seen." in page
