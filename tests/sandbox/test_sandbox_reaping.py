"""The second enforcer: what is past its deadline goes with its volumes, whatever became of its worker."""

import secrets
import time
from collections.abc import Iterator, Mapping

import docker
import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.engine import taking_in, volumes
from sandbox.engine.containers import Container
from sandbox.engine.names import new_name, new_user
from sandbox.engine.options import Plan, VolumeMount, deadline_label
from sandbox.engine.reaping import SLACK, reap
from sandbox.limits import Limits, MiB

pytestmark = pytest.mark.docker


@pytest.fixture
def client() -> Iterator[docker.APIClient]:
    made = docker.APIClient(version="auto")
    yield made
    made.close()


def started(
    client: docker.APIClient,
    image: str,
    labels: Mapping[str, str],
    mounts: list[VolumeMount],
    *,
    stage: str,
    lives: float,
) -> Container:
    plan = Plan(
        image_id=image,
        command=["sleep", "600"],
        user=new_user(),
        mounts=mounts,
        limits=Limits(cpus=1, memory=64 * MiB, pids=8, wall=600, tmp=1 * MiB),
        labels={**labels, "proctor.stage": stage},
        environment={},
        lives=lives,
    )
    container = Container.create(client, plan)
    container.start()
    return container


def there(client: docker.APIClient, labels: Mapping[str, str]) -> tuple[set[str], set[str]]:
    filters = {"label": [f"{name}={value}" for name, value in labels.items()]}
    containers = {str(one["Id"]) for one in client.containers(all=True, filters=filters)}
    return containers, {str(one["Name"]) for one in client.volumes(filters=filters)["Volumes"] or []}


def test_late_container_goes_with_its_volumes_and_nothing_else(
    client: docker.APIClient, base_image: str, labels: dict[str, str]
) -> None:
    late, current, orphan, submission, foreign = (new_name() for _ in range(5))
    volumes.create_plain(client, late, {**labels, **deadline_label(5000)})
    volumes.create_plain(client, current, labels)
    volumes.create_plain(client, orphan, {**labels, **deadline_label(10)})
    volumes.create_plain(client, submission, {**labels, "proctor.stage": "submission", **deadline_label(5000)})
    client.create_volume(foreign)
    mounts = [VolumeMount(late, "/eval"), VolumeMount(submission, "/submission"), VolumeMount(foreign, "/other")]
    over = started(client, base_image, labels, mounts, stage="predict", lives=10)
    alive = started(client, base_image, labels, [VolumeMount(current, "/eval")], stage="predict", lives=500)
    try:
        assert reap(client, labels=labels, now=time.time() + 5 + SLACK) == 0
        assert reap(client, labels={"proctor.test": secrets.token_hex(8)}, now=time.time() + 100) == 0
        assert reap(client, labels=labels, now=time.time() + 12 + SLACK) == 3
        assert there(client, labels) == ({alive.id}, {current, submission})
        assert volumes.exists(client, foreign)
        assert reap(client, labels=labels, now=time.time() + 12 + SLACK) == 0
        assert client.inspect_container(alive.id)["State"]["Running"] is True
    finally:
        for container in (over, alive):
            container.remove()
        for volume in (late, current, orphan, submission, foreign):
            volumes.remove(client, volume)


@pytest.mark.parametrize("stage", ["intake", "convert"])
def test_half_filled_submission_goes_with_what_filled_it(
    client: docker.APIClient, base_image: str, labels: dict[str, str], stage: str
) -> None:
    volume = new_name()
    mounts = [VolumeMount(volume, "/submission", read_only=False, labels={**labels, "proctor.stage": "submission"})]
    started(client, base_image, labels, mounts, stage=stage, lives=10)
    assert reap(None, labels=labels, now=time.time() + 12 + SLACK) == 2
    assert there(client, labels) == (set(), set())


def test_what_an_intake_left_whose_worker_died_goes_soon_and_one_at_work_stays(
    client: docker.APIClient, base_image: str, labels: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    left, filled, lone, busy = (new_name() for _ in range(4))
    for staging in (left, lone):
        volumes.create_plain(client, staging, {**labels, "proctor.stage": "intake"})
    of_submission = {**labels, "proctor.stage": "submission"}
    mounts = [VolumeMount(left, "/intake"), VolumeMount(filled, "/submission", read_only=False, labels=of_submission)]
    dead = started(client, base_image, labels, mounts, stage="intake", lives=500)
    other = VolumeMount(busy, "/submission", read_only=False, labels=of_submission)
    alive = started(client, base_image, labels, [other], stage="intake", lives=500)
    try:
        dead.kill()
        dead.wait(time.monotonic() + 10)
        assert reap(client, labels=labels, now=time.time()) == 0, (
            "it may be that its worker is still reading the report"
        )
        monkeypatch.setattr(taking_in, "ABANDONED_AFTER", -5.0)
        assert reap(client, labels=labels, now=time.time()) == 2
        assert there(client, labels) == ({alive.id}, {busy})
    finally:
        for container in (dead, alive):
            container.remove()
        for volume in (left, filled, lone, busy):
            volumes.remove(client, volume)


def test_everything_of_an_attempt_carries_its_deadline(
    client: docker.APIClient, sandbox: DockerSandbox, labels: dict[str, str]
) -> None:
    limits = Limits(cpus=1, memory=64 * MiB, pids=16, wall=100, disk=8 * MiB, tmp=1 * MiB)
    with sandbox.open_attempt(labels=labels, limits=limits) as workspace:
        workspace.put_requests({"main/demo/0/requests.jsonl": b"{}\n"})
        containers, kept = there(client, labels)
        assert (len(containers), len(kept)) == (1, 2)
        now = time.time()
        documents = [client.inspect_container(one)["Config"]["Labels"] for one in containers]
        documents += [client.inspect_volume(one)["Labels"] for one in kept]
        assert all(now + 100 < int(document["proctor.deadline"]) < now + 86_400 for document in documents)
        assert reap(client, labels=labels, now=now + 86_400) == 3
