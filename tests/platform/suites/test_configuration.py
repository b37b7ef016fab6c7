"""challenge.yaml in and out: what applying a document does, and that exporting gives it back."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from challenges.models import Challenge, Phase, Role, Track
from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.problems import ProblemsFound
from submissions.models import Artifact, Entry, Registration, Submission
from suites import configuration, exporting, services
from suites.models import PhaseSuite, SuiteVersion

RICH = """
schema: challenge/1
key: heron-2030
title: The Heron challenge
summary: Small models of birdsong.
description: |
  # Rules

  Train on **little**, and say how much.
timezone: AoE
published: true
tracks:
  - key: strict
    title: Strict
    description: Ten million words.
    kinds: [model, predictions]
    backends: [masked]
    budget: {words: 10000000, words_seen: 100000000, epochs: 10, byte_premium: 1.25, teachers: [heron-1b, owl-3b]}
    max_size: 1500m
    sandbox:
      {image: "model@sha256:%s", cpus: 1.5, memory: 3g, pids: 300, gpus: 1, wall: 90m, disk: 64m, hardware: gpu-small}
    questions:
      - {key: epochs, type: integer, title: Epochs, help: Over the text., required: true, min: 0, max: 100}
      - {key: approaches, type: multi, required: by-deadline, options: [curriculum, distillation],
         explain: {curriculum: Texts in an order of difficulty}}
    metadata_until: 2030-07-15T23:59:00
    ranking:
      {counts: picked, aggregate: {method: macro, weights: {owls: 2, herons: .5}}, missing: worst, alpha: 0.1, round: 1}
    phases:
      - {key: dev, title: Development, opens: 2030-01-01T00:00:00, closes: 2030-05-31T23:59:00,
         suites: [{suite: owls@1, splits: [dev]}], quota: {day: 5, total: 50, concurrent: 2}, visibility: public}
      - {key: test, opens: 2030-06-01T00:00:00, closes: 2030-06-30T23:59:59,
         suites: [{suite: owls@1, splits: [private, dev], sample: 4}, {suite: herons@2024.1}],
         quota: {total: 3}, visibility: hidden}
  - {key: open, kinds: [code], phases: []}
suites:
  - {key: owls, version: "1", source: owls-1}
  - {key: herons, version: "2024.1", source: herons-2024.1}
baselines:
  - {key: ngram, track: strict, source: baselines/ngram, title: Trigram}
""" % ("a" * 64)


@pytest.fixture
def base(make_suite_folder: Callable[..., Path]) -> Path:
    """The folder that the suites' sources are relative to."""
    make_suite_folder("herons", version="2024.1")
    return make_suite_folder("owls").parent


def document(text: str = RICH, **changes: Any) -> ChallengeDocument:
    """The rich document with top-level fields changed."""
    read = ChallengeDocument.from_yaml(text, file="challenge.yaml")
    return ChallengeDocument.from_value({**read.model_dump(by_alias=True), **changes}, file="challenge.yaml")


@pytest.mark.django_db
def test_exporting_gives_back_the_document_that_was_applied(base: Path) -> None:
    applied = configuration.apply(document(), base=base)
    exported = exporting.export(applied.challenge)
    assert exported == document()
    assert ChallengeDocument.from_yaml(exported.to_yaml(), file="again.yaml") == document()


@pytest.mark.django_db
def test_applying_twice_changes_nothing(base: Path) -> None:
    first = configuration.apply(document(), base=base)
    whats = {change.partition(":")[0] for change in first.changes}
    assert whats >= {"suite owls@1", "track strict", "phase strict/test"}
    assert configuration.apply(document(), base=base).changes == []
    assert configuration.apply(exporting.export(first.challenge)).changes == []


@pytest.mark.django_db
def test_a_time_without_a_zone_is_in_the_challenges_zone(base: Path) -> None:
    configuration.apply(document(), base=base)
    assert Phase.objects.get(key="dev").closes == datetime(2030, 6, 1, 11, 59, tzinfo=UTC)


@pytest.mark.django_db
def test_suites_from_folders_are_added_and_frozen(base: Path) -> None:
    configuration.apply(document(), base=base)
    assert {str(version): version.state for version in SuiteVersion.objects.all()} == {
        "owls@1": "frozen",
        "herons@2024.1": "frozen",
    }
    asked = PhaseSuite.objects.filter(phase__key="test")
    assert [(str(entry.suite_version), entry.selection) for entry in asked] == [
        ("owls@1", "dev+private#4"),
        ("herons@2024.1", "private"),
    ]


@pytest.mark.django_db
def test_only_what_differs_is_changed_and_told(base: Path) -> None:
    configuration.apply(document(), base=base)
    changed = document(RICH.replace("wall: 90m", "wall: 2h").replace("title: The Heron challenge", "title: Herons"))
    assert configuration.apply(changed, base=base).changes == [
        "challenge heron-2030: title changed",
        "track strict: wall changed",
    ]
    assert Track.objects.get(key="strict").wall == 7200


def refusal(given: ChallengeDocument, base: Path | None = None, user: User | None = None) -> tuple[str, str]:
    """Code and field of the refusal; nothing may have changed."""
    before = (Challenge.objects.count(), Track.objects.count(), Phase.objects.count(), SuiteVersion.objects.count())
    with pytest.raises(ProblemsFound) as refused:
        configuration.apply(given, base=base, user=user)
    after = (Challenge.objects.count(), Track.objects.count(), Phase.objects.count(), SuiteVersion.objects.count())
    assert after == before
    return refused.value.problems[0].code, refused.value.problems[0].field


@pytest.mark.django_db
def test_an_unknown_suite_is_refused_by_name(base: Path) -> None:
    assert refusal(document()) == ("E-CHALLENGE-SUITE", "suites[0]")
    sealed = RICH.replace("source: owls-1", "source: sealed://owls")
    assert refusal(document(sealed), base) == ("E-CHALLENGE-SUITE", "suites[0]")
    unnamed = RICH.replace("{suite: owls@1, splits: [dev]}", "{suite: owls@9, splits: [dev]}")
    assert refusal(document(unnamed), base) == ("E-CHALLENGE-SUITE", "tracks[0].phases[0].suites[0].suite")


@pytest.mark.django_db
def test_a_folder_that_is_missing_faulty_or_of_another_suite_is_refused(base: Path) -> None:
    assert refusal(document(RICH.replace("source: owls-1", "source: nowhere")), base)[1] == "suites[0].source"
    (base / "owls-1" / "gold.jsonl").unlink()
    assert refusal(document(), base) == ("E-SUITE-FILE", "suites[0].source")
    swapped = RICH.replace("source: owls-1", "source: herons-2024.1")
    assert refusal(document(swapped), base) == ("E-CHALLENGE-SUITE", "suites[0].source")


@pytest.mark.django_db
def test_a_digest_is_held_to(base: Path) -> None:
    other = RICH.replace("source: owls-1}", f"source: owls-1, digest: {'f' * 64}}}")
    assert refusal(document(other), base) == ("E-CHALLENGE-DIGEST", "suites[0].digest")
    configuration.apply(document(), base=base)
    assert refusal(document(other), base) == ("E-CHALLENGE-DIGEST", "suites[0].digest")
    right = other.replace("f" * 64, SuiteVersion.objects.get(suite__key="owls").digest)
    assert configuration.apply(document(right), base=base).changes == ["challenge heron-2030: suite_sources changed"]


@pytest.mark.django_db
def test_a_split_without_items_is_refused(base: Path) -> None:
    empty = RICH.replace("splits: [dev]}", "splits: [public]}")
    assert refusal(document(empty), base) == ("E-CHALLENGE-SPLIT", "tracks[0].phases[0].suites[0].splits")


@pytest.mark.django_db
def test_a_weight_for_a_suite_that_no_phase_asks_is_refused(base: Path) -> None:
    misspelt = RICH.replace("weights: {owls: 2", "weights: {owl: 2")
    assert refusal(document(misspelt), base) == ("E-CHALLENGE-WEIGHT", "tracks[0].ranking.aggregate")


@pytest.mark.django_db
def test_tracks_and_phases_that_are_left_out_go_unless_somebody_has_entered(
    base: Path, make_registration: Callable[..., Registration]
) -> None:
    challenge = configuration.apply(document(), base=base).challenge
    tracks = document().tracks
    without_open = document(tracks=[tracks[0].model_dump()])
    assert configuration.apply(without_open, base=base).changes == ["track open: removed"]
    configuration.apply(document(), base=base)
    enter(make_registration(challenge=challenge), Track.objects.get(key="open"))
    assert refusal(without_open, base)[0] == "E-CHALLENGE-USED"
    assert Track.objects.filter(key="open").exists()


def enter(registration: Registration, track: Track) -> Entry:
    """An entry in the track."""
    owner = registration.created_by
    artifact = Artifact.objects.create(digest="d" * 64, size=1, storage_name="d")
    submission = Submission.objects.create(
        registration=registration, number=1, name="Owl", kind="code", artifact=artifact, digest="e" * 64,
        submitted_by=owner,
    )  # fmt: skip
    return Entry.objects.create(submission=submission, track=track)


@pytest.mark.django_db
def test_who_applies_a_new_document_organizes_the_challenge(base: Path, make_user: Callable[..., User]) -> None:
    first, second = make_user(), make_user()
    configuration.apply(document(), base=base, user=first)
    assert refusal(document(), base, second) == ("E-CHALLENGE-OTHERS", "key")
    assert configuration.apply(document(), user=first).changes == []
    assert list(Role.objects.values_list("user", "kind")) == [(first.pk, Role.Kind.ORGANIZER)]


@pytest.mark.django_db
def test_a_document_cannot_ask_what_another_challenge_hides(base: Path, make_user: Callable[..., User]) -> None:
    configuration.apply(document(), base=base, user=make_user())
    spy = document(key="spy-2030", tracks=[], baselines=[])
    assert refusal(spy, user=make_user()) == ("E-CHALLENGE-SUITE", "suites[0]")
    assert configuration.apply(spy, user=make_user(is_superuser=True)).changes == ["challenge spy-2030: created"]


@pytest.mark.django_db
def test_what_the_admin_added_is_exported_too(base: Path, make_suite_version: Callable[..., SuiteVersion]) -> None:
    challenge = configuration.apply(document(), base=base).challenge
    version = make_suite_version(Phase.objects.get(key="dev"), key="wrens")
    Track.objects.get(key="strict").phases.filter(key="test").delete()
    exported = exporting.export(challenge)
    assert exported.suites[-1].digest == version.digest
    assert [entry.suite for entry in exported.tracks[0].phases[0].suites] == ["owls@1", "wrens@1"]


@pytest.mark.django_db
def test_a_baseline_of_a_track_that_is_gone_is_not_exported(base: Path) -> None:
    challenge = configuration.apply(document(), base=base).challenge
    Track.objects.get(key="strict").delete()
    assert exporting.export(challenge).baselines == ()


@pytest.mark.django_db
def test_a_version_that_is_checked_is_frozen_by_the_document_that_asks_it(base: Path) -> None:
    for name in ("owls-1", "herons-2024.1"):
        services.add_version(folder=base / name)
    configuration.apply(document())
    assert not SuiteVersion.objects.exclude(state="frozen").exists()


@pytest.mark.django_db
def test_the_command_applies_and_exports(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = base / "challenge.yaml"
    file.write_text(RICH)
    call_command("challenge", "apply", str(file))
    assert "track strict: created" in capsys.readouterr().out
    call_command("challenge", "apply", str(file))
    assert capsys.readouterr().out == "nothing to change\n"
    call_command("challenge", "export", "heron-2030")
    assert ChallengeDocument.from_yaml(capsys.readouterr().out, file="") == document()


@pytest.mark.django_db
def test_the_command_names_the_organizer(base: Path, make_user: Callable[..., User]) -> None:
    organizer = make_user("olga@example.org")
    file = base / "challenge.yaml"
    file.write_text(RICH)
    for _ in range(2):
        call_command("challenge", "apply", str(file), organizer="Olga@example.org")
    assert Role.objects.get().user == organizer
    with pytest.raises(CommandError, match=r"nobody@example\.org"):
        call_command("challenge", "apply", str(file), organizer="nobody@example.org")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "No such file"),
        (b"schema: challenge/1\nkey: heron\ntitle: x\ncolour: red\n", r"challenge\.yaml:4 \[colour\]"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_the_command_says_what_is_wrong_with_a_file(tmp_path: Path, data: bytes | None, sentence: str) -> None:
    file = tmp_path / "challenge.yaml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(CommandError, match=sentence):
        call_command("challenge", "apply", str(file))
    with pytest.raises(CommandError, match="There is no challenge"):
        call_command("challenge", "export", "nothing")


@pytest.mark.django_db
def test_an_answered_question_is_not_changed_into_another_one(base: Path, make_user: Callable[..., User]) -> None:
    track = configuration.apply(document(), base=base).challenge.tracks.get(key="strict")
    registration = Registration.objects.create(
        team=make_user().teams.create(name="Larks", slug="larks"), challenge=track.challenge, created_by=make_user()
    )
    artifact = Artifact.objects.create(digest="0" * 64, size=1, storage_name="x")
    submission = Submission.objects.create(
        registration=registration, number=1, name="Lark", artifact=artifact, submitted_by=registration.created_by,
        manifest={"answers": {"epochs": 3, "approaches": ["curriculum"]}}, state=Submission.State.ACCEPTED,
    )  # fmt: skip
    Entry.objects.create(submission=submission, track=track)
    changed = RICH.replace("key: epochs, type: integer", "key: epochs, type: number")
    changed = changed.replace("[curriculum, distillation],\n         explain: {curriculum:", "[distillation],\n"
                              "         explain: {distillation:")  # fmt: skip
    with pytest.raises(ProblemsFound) as found:
        configuration.apply(document(changed), base=base)
    assert [(problem.code, problem.field) for problem in found.value.problems] == [
        ("E-CHALLENGE-ANSWERED", "tracks[0].questions[0].type"),
        ("E-CHALLENGE-ANSWERED", "tracks[0].questions[1].options"),
    ]
    reworded = document(RICH.replace("title: Epochs", "title: Passes").replace("max: 100", "max: 10"))
    assert configuration.apply(reworded, base=base).changes == ["track strict: questions changed"]
