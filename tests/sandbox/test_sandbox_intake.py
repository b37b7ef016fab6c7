"""Intake in a real container: the volume it fills, the file it hands out, and what becomes of a refused archive."""

import io
import os
import random
import time
import zipfile
from collections.abc import Callable, Iterator

import docker
import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.engine import taking_in, volumes
from sandbox.engine.containers import Container
from sandbox.engine.options import Plan
from sandbox.engine.reaping import reap
from sandbox.errors import SandboxUnavailable, VolumeBusy
from sandbox.interface import IntakeRules, Job, Limits, MiB

pytestmark = pytest.mark.docker
INTAKE = {"proctor.stage": "intake"}


def packed(files: dict[str, bytes]) -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return archive


def test_accepted_archive_stands_in_its_volume(sandbox: DockerSandbox, labels: dict[str, str], volume: str) -> None:
    content = os.urandom(100_000)
    archive = packed({"submission.yaml": b"schema: submission/1\n", "data/weights.txt": content})
    report = sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels)
    assert report.ok
    assert report.manifest_text == "schema: submission/1\n"
    assert report.unpacked_bytes == 100_021
    assert sandbox.read_file(volume, "data/weights.txt", max_bytes=100_000) == content
    sandbox.remove_volume(volume)
    assert not sandbox.has_volume(volume)


def test_same_archive_can_be_taken_in_again(sandbox: DockerSandbox, labels: dict[str, str], volume: str) -> None:
    archive = packed({"a": b"1"})
    first = sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels)
    assert sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels) == first
    sandbox.remove_volume(volume)


def test_refused_archive_leaves_no_volume(sandbox: DockerSandbox, labels: dict[str, str], volume: str) -> None:
    report = sandbox.intake(packed({"../evil": b"1"}), volume=volume, rules=IntakeRules(), labels=labels)
    assert [problem.code for problem in report.problems] == ["E-ARC-PATH"]
    assert report.files == ()
    assert not sandbox.has_volume(volume)


@pytest.mark.parametrize(("content", "code"), [(b"", "E-ARC-EMPTY"), (b"x" * 101, "E-ARC-SIZE")])
def test_archive_of_a_wrong_size_needs_no_container(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str, content: bytes, code: str
) -> None:
    report = sandbox.intake(io.BytesIO(content), volume=volume, rules=IntakeRules(max_bytes=100), labels=labels)
    assert [problem.code for problem in report.problems] == [code]


def test_archive_with_too_many_names_is_refused_soon(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str
) -> None:
    archive = packed({f"{number}": b"" for number in range(60_000)})
    report = sandbox.intake(archive, volume=volume, rules=IntakeRules(wall=5), labels=labels)
    assert [problem.code for problem in report.problems] == ["E-ARC-ENTRIES"]


def test_ten_thousand_files_are_taken(sandbox: DockerSandbox, labels: dict[str, str], volume: str) -> None:
    archive = packed({f"folder/{number:05}.txt": b"x" for number in range(9_999)})
    report = sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels)
    assert len(report.files) == 9_999
    sandbox.remove_volume(volume)


def test_reading_a_file_is_bounded(sandbox: DockerSandbox, labels: dict[str, str], volume: str) -> None:
    sandbox.intake(packed({"folder/a": b"12345"}), volume=volume, rules=IntakeRules(), labels=labels)
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        sandbox.read_file(volume, "folder/a", max_bytes=4)
    with pytest.raises(ValueError, match="not a regular file"):
        sandbox.read_file(volume, "folder", max_bytes=4)
    for missing in ("other", "../etc/passwd", "/etc/passwd"):
        with pytest.raises(FileNotFoundError):
            sandbox.read_file(volume, missing, max_bytes=4)
    sandbox.remove_volume(volume)


def test_the_first_bytes_of_several_files_are_read_whatever_follows(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str
) -> None:
    large = random.Random(5).randbytes(5_000_000)
    sandbox.intake(packed({"folder/a": large, "b": b"12"}), volume=volume, rules=IntakeRules(), labels=labels)
    assert sandbox.read_heads(volume, ["folder/a", "b"], size=5, labels=labels) == {
        "folder/a": large[:5], "b": b"12",
    }  # fmt: skip
    with pytest.raises(ValueError, match="not a regular file"):
        sandbox.read_heads(volume, ["folder"], size=5)
    for missing in ("other", "../etc/passwd", "/etc/passwd"):
        with pytest.raises(FileNotFoundError):
            sandbox.read_heads(volume, [missing], size=5)
    sandbox.remove_volume(volume)
    with pytest.raises(FileNotFoundError):
        sandbox.read_heads(volume, ["b"], size=5)


def test_volume_counts_as_there_only_when_its_intake_is_over(
    sandbox: DockerSandbox, base_image: str, labels: dict[str, str], volume: str
) -> None:
    client = docker.APIClient(version="auto")
    archive = packed({"a": b"1"})
    plan = taking_in._plan(base_image, 20_001, volume + "-staging", volume, IntakeRules(), {**labels, **INTAKE})
    left_by_a_dead_worker = Container.create(client, plan)
    try:
        assert not sandbox.has_volume(volume)
        with pytest.raises(SandboxUnavailable, match="Another worker"):
            sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels)
    finally:
        left_by_a_dead_worker.remove()
        sandbox.remove_volume(volume + "-staging")
        client.close()
    assert sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels).ok
    assert sandbox.has_volume(volume)
    sandbox.remove_volume(volume)


@pytest.fixture
def begun(base_image: str, labels: dict[str, str], volume: str) -> Iterator[Callable[[float], Container]]:
    """Makes an intake of the volume that has to begin in so many seconds, and does not."""
    client = docker.APIClient(version="auto")

    def make(seconds: float) -> Container:
        marked = {**labels, **INTAKE, taking_in.BEGUN_BY: str(int(time.time() + seconds))}
        staging = f"{volume}-staging"
        volumes.create_plain(client, staging, marked)
        return Container.create(client, taking_in._plan(base_image, 20_001, staging, volume, IntakeRules(), marked))

    yield make
    client.close()


def test_what_a_dead_worker_left_is_cleared(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str, begun: Callable[[float], Container]
) -> None:
    begun(-1)
    assert sandbox.intake(packed({"a": b"1"}), volume=volume, rules=IntakeRules(), labels=labels).ok
    sandbox.remove_volume(volume)
    assert not sandbox.has_volume(volume + "-staging"), "the archive that it held is gone too"


def test_an_intake_that_may_still_begin_is_left_alone(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str, begun: Callable[[float], Container]
) -> None:
    alive = begun(60)
    assert reap(None, labels=labels, now=time.time()) == 0
    with pytest.raises(VolumeBusy):
        sandbox.intake(packed({"a": b"1"}), volume=volume, rules=IntakeRules(), labels=labels)
    assert alive.state()["Status"] == "created"
    alive.remove()
    sandbox.remove_volume(volume)
    sandbox.remove_volume(volume + "-staging")


def test_an_intake_whose_worker_died_before_it_began_is_tidied_away(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str, begun: Callable[[float], Container]
) -> None:
    begun(-1)
    assert reap(None, labels=labels, now=time.time()) == 1
    assert sandbox.intake(packed({"a": b"1"}), volume=volume, rules=IntakeRules(), labels=labels).ok
    sandbox.remove_volume(volume)


def test_a_volume_that_went_away_meanwhile_is_noticed_and_taken_in_again(
    sandbox: DockerSandbox, base_image: str, labels: dict[str, str], volume: str
) -> None:
    archive = packed({"model.py": b"class Model: ...\n"})
    assert sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels).ok
    sandbox.remove_volume(volume)
    runner = {"kind": "code", "entry": "model.py:Model", "suites": []}
    limits = Limits(cpus=1, memory=128 * MiB, pids=32, wall=30, disk=1 * MiB, tmp=1 * MiB)
    with (
        sandbox.open_attempt(labels=labels, limits=limits) as workspace,
        pytest.raises(SandboxUnavailable, match="removed meanwhile"),
    ):
        workspace.predict(Job(base_image, volume, runner))
    assert not sandbox.has_volume(volume), "the engine made an empty one, which is nobody's submission"
    assert sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels).ok
    sandbox.remove_volume(volume)


def test_a_volume_is_released_only_when_no_container_has_it(
    sandbox: DockerSandbox, base_image: str, labels: dict[str, str], volume: str
) -> None:
    sandbox.intake(packed({"a": b"1"}), volume=volume, rules=IntakeRules(), labels=labels)
    assert [kept.name for kept in sandbox.kept_volumes(labels)] == [volume]
    client = docker.APIClient(version="auto")
    plan = taking_in._plan(base_image, 20_001, volume + "-staging", volume, IntakeRules(), {**labels, **INTAKE})
    container = Container.create(client, plan)
    try:
        assert sandbox.release_volume(volume) is False
    finally:
        container.remove()
        sandbox.remove_volume(volume + "-staging")
        client.close()
    assert sandbox.release_volume(volume) is True
    assert sandbox.kept_volumes(labels) == []
    assert sandbox.release_volume(volume) is True, "one that is gone is gone"


def test_what_reads_a_file_bears_the_caller_s_labels(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.intake(packed({"a": b"1"}), volume=volume, rules=IntakeRules(), labels=labels)
    made: list[Plan] = []
    inner = Container.create

    def note(client: docker.APIClient, plan: Plan) -> Container:
        made.append(plan)
        return inner(client, plan)

    monkeypatch.setattr(Container, "create", note)
    assert sandbox.read_file(volume, "a", max_bytes=1, labels=labels) == b"1"
    assert [plan.labels for plan in made] == [{**labels, "proctor.stage": "read"}]
    sandbox.remove_volume(volume)
