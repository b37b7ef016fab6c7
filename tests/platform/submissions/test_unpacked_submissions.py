"""What becomes of unpacked submissions: put back where they are gone, removed where no run needs them."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
import pytest
from django.core.files.storage import storages

from submissions import checks, engine
from submissions.checks import check
from submissions.errors import SubmissionLost
from submissions.models import QuotaCharge, Submission

HandIn = Callable[..., Submission]


@pytest.mark.docker
@pytest.mark.django_db
def test_an_accepted_submission_is_unpacked_again_where_its_volume_is_gone(received: HandIn) -> None:
    submission = check(submission=received())
    engine.sandbox().remove_volume(engine.volume_of(submission))
    volume = checks.restore(submission)
    assert engine.sandbox().read_file(volume, "model.py", max_bytes=100) == b"class Model: ...\n"


@pytest.mark.docker
@pytest.mark.django_db
def test_a_submission_that_does_not_unpack_as_it_was_is_a_fault_of_ours(received: HandIn) -> None:
    submission = check(submission=received())
    engine.sandbox().remove_volume(engine.volume_of(submission))
    submission.files[0]["sha256"] = "0" * 64
    with pytest.raises(SubmissionLost, match="does not unpack to the files"):
        checks.restore(submission)
    assert not engine.sandbox().has_volume(engine.volume_of(submission))


@pytest.mark.docker
@pytest.mark.django_db
def test_a_submission_whose_archive_is_damaged_since_is_a_fault_of_ours(
    received: HandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = check(submission=received())
    engine.sandbox().remove_volume(engine.volume_of(submission))
    storage = storages["artifacts"]
    name = submission.artifact.storage_name
    storage.delete(name)
    storage.save(name, io.BytesIO(b"rotten"))
    with pytest.raises(SubmissionLost, match="E-ARC-"):
        checks.restore(submission)


@contextmanager
def being_filled(volume: str) -> Iterator[Callable[[], None]]:
    """A container at work on the volume, as another worker's intake is; gives what ends it."""
    client = docker.APIClient(version="auto")
    filler = client.create_container(
        engine.sandbox().image_id("base"), ["sleep", "60"], labels={"proctor.stage": "intake"},
        host_config=client.create_host_config(binds=[f"{volume}:/submission"]),
    )["Id"]  # fmt: skip
    left = [filler]

    def end() -> None:
        while left:
            client.remove_container(left.pop(), force=True)

    try:
        client.start(filler)
        yield end
    finally:
        end()
        client.close()


@pytest.mark.docker
@pytest.mark.django_db
def test_a_run_waits_while_another_worker_unpacks_its_submission(received: HandIn) -> None:
    submission = check(submission=received())
    volume, looks = engine.volume_of(submission), []
    with being_filled(volume) as end:

        def look() -> None:
            looks.append(engine.sandbox().has_volume(volume))
            if len(looks) == 2:
                end()

        assert checks.restore(submission, check=look) == volume
    assert looks == [False, False]
    assert engine.sandbox().has_volume(volume)


@pytest.mark.docker
@pytest.mark.django_db
def test_a_run_that_has_lost_its_lease_waits_no_longer(received: HandIn) -> None:
    submission = check(submission=received())

    def lost() -> None:
        raise InterruptedError("the lease is lost")

    with being_filled(engine.volume_of(submission)), pytest.raises(InterruptedError):
        checks.restore(submission, check=lost)


@pytest.mark.docker
@pytest.mark.django_db
def test_volumes_that_no_run_needs_go_once_the_cache_is_full(received: HandIn) -> None:
    kept, spare = check(submission=received()), check(submission=received())
    waiting = received()
    checks.unpack(waiting, checks.rules_of(waiting, None, checks.Allowed(code=True)))
    there = {kept.pk, spare.pk, waiting.pk}

    def needed(asked: set[Any]) -> set[Any]:
        assert asked >= there
        return {kept.pk}

    assert engine.remove_unused_volumes(needed=needed, keep_bytes=10**10) == 0
    assert engine.remove_unused_volumes(needed=needed, keep_bytes=0) == 1
    has = engine.sandbox().has_volume
    assert [has(engine.volume_of(one)) for one in (kept, spare, waiting)] == [True, False, True]
    assert checks.restore(spare) == engine.volume_of(spare)


@pytest.mark.docker
@pytest.mark.django_db
def test_a_volume_without_its_submission_goes_at_once(received: HandIn) -> None:
    submission = check(submission=received())
    QuotaCharge.objects.all().delete()
    submission.entries.all().delete()
    submission.delete()
    assert engine.remove_unused_volumes(needed=lambda there: set(), keep_bytes=10**10) == 1


@pytest.mark.docker
@pytest.mark.django_db
def test_a_volume_that_a_container_has_is_left_alone(received: HandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    submission = check(submission=received())
    sandbox = engine.sandbox()
    released: list[bool] = []
    inner = sandbox.release_volume

    def while_it_is_read(volume: str) -> bool:
        client = docker.APIClient(version="auto")
        reader = client.create_container(
            sandbox.image_id("base"), ["true"], host_config=client.create_host_config(binds=[f"{volume}:/submission"])
        )
        try:
            released.append(inner(volume))
        finally:
            client.remove_container(reader["Id"])
            client.close()
        return released[-1]

    monkeypatch.setattr(sandbox, "release_volume", while_it_is_read)
    assert engine.remove_unused_volumes(needed=lambda there: set(), keep_bytes=0) == 0
    assert released == [False]
    assert sandbox.has_volume(engine.volume_of(submission))
