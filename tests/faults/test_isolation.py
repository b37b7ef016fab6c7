"""Containers of two teams at the same time: neither sees, names, reaches or slows the other beyond its limits."""

import errno
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import docker
import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.images.build import build
from sandbox.interface import IntakeRules, Job, Outcome, Verdict
from sandbox.limits import Limits, MiB
from tests.faults.neighbours import GLUTTON, HOG, HOG_SECONDS, LOOP, NAMES, NEIGHBOUR, PROBE
from tests.faults.running import wait_for

pytestmark = pytest.mark.docker
LABELS = {"proctor.origin": "isolation-test"}
LIMITS = Limits(cpus=1, memory=256 * MiB, pids=64, wall=60, disk=16 * MiB)
RUNNER = {"kind": "code", "entry": "model.py:Model", "suites": [{"checkpoint": "main", "suite": "one", "seed": "0"}]}
SLOWED_AT_MOST = 1.6  # times
REQUEST = {"id": "0" * 24, "type": "loglikelihood", "context": "", "continuation": "Dogs bark."}


class Team:
    """One team's submission in an attempt of its own, which runs beside others."""

    def __init__(self, sandbox: DockerSandbox, pool: ThreadPoolExecutor, code: str) -> None:
        self._sandbox = sandbox
        self.volume = sandbox.new_volume_name()
        report = sandbox.intake(_archive(code), volume=self.volume, rules=IntakeRules(), labels=LABELS)
        assert report.ok, report.problems
        self._kill: Callable[[], None] = lambda: None
        self._outcome: Future[Outcome] = pool.submit(self._run)

    def _run(self) -> Outcome:
        with self._sandbox.open_attempt(labels=LABELS, limits=LIMITS) as workspace:
            workspace.put_requests({"main/one/0/requests.jsonl": json.dumps(REQUEST).encode() + b"\n"})
            self._kill = workspace.kill
            return workspace.predict(Job(self._sandbox.image_id("base"), self.volume, RUNNER))

    def outcome(self) -> Outcome:
        """How it ended."""
        return self._outcome.result(timeout=90)

    def kill(self) -> None:
        """End it now."""
        if not self._outcome.done():
            self._kill()

    def running(self) -> bool:
        """Whether its container runs."""
        return bool(self.facts()["State"]["Running"])

    def facts(self) -> dict[str, Any]:
        """What the engine says of its container, as soon as there is one."""
        with closing(docker.APIClient(version="auto")) as client:
            found: dict[str, Any] = client.inspect_container(self._identity(client))
        return found

    def wait_until_it_said(self, text: str) -> None:
        """Look into its log until it says so."""
        with closing(docker.APIClient(version="auto")) as client:
            identity = self._identity(client)
            wait_for(lambda: text in client.logs(identity).decode(errors="replace"), what=f"to hear {text}")

    def _identity(self, client: docker.APIClient) -> str:
        mine = {"volume": self.volume, "label": "proctor.stage=predict", "status": "running"}
        found = wait_for(lambda: client.containers(all=True, filters=mine), what="the container", poll=0.02)
        return str(found[0]["Id"])


def _archive(code: str) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("model.py")
        entry.size = len(code.encode())
        tar.addfile(entry, io.BytesIO(code.encode()))
    return packed


@pytest.fixture
def team() -> Iterator[Callable[..., Team]]:
    """`team(code)`: runs at once, and its volume goes when the test ends."""
    build(["base"], say=lambda _: None)
    sandbox, made = DockerSandbox(), []
    with ThreadPoolExecutor(max_workers=4) as pool:

        def make(code: str) -> Team:
            made.append(Team(sandbox, pool, code))
            return made[-1]

        yield make
        for one in made:
            one.kill()
    for one in made:
        sandbox.remove_volume(one.volume)


def test_two_teams_neither_see_nor_name_nor_reach_each_other(team: Callable[..., Team]) -> None:
    neighbour = team(NEIGHBOUR)
    neighbour.wait_until_it_said("READY True")
    facts = neighbour.facts()
    names = ["neighbour", facts["Id"][:12], facts["Name"].strip("/"), facts["Config"]["Hostname"] + ".local"]
    prober = team(PROBE.replace(NAMES, repr(names)))
    outcome = prober.outcome()
    assert outcome.verdict is Verdict.COMPLETED, outcome
    found = json.loads(outcome.log_tail.partition("FOUND ")[2])
    mounts = found.pop("mounts")
    assert [mount["Name"] for mount in facts["Mounts"] if mount["Name"] in mounts] == []
    assert len(found.pop("commands")) == 2, "its own init and its own program"
    assert found == {
        "files": [],
        "loopback": f"errno {errno.ECONNREFUSED}",
        "abstract socket": f"errno {errno.ECONNREFUSED}",
        "unix sockets": [],
        "shared memory": f"errno {errno.ENOENT}",
        "segments": 0,
        "signals": [],
        "interfaces": ["lo"],
        "names": [],
    }
    assert neighbour.running(), "no signal has reached it"
    neighbour.kill()
    assert neighbour.outcome().verdict is Verdict.KILLED


def test_two_teams_run_as_different_users_in_different_groups(team: Callable[..., Team]) -> None:
    facts = [one.facts() for one in (team(NEIGHBOUR), team(NEIGHBOUR))]
    assert facts[0]["Config"]["User"] != facts[1]["Config"]["User"]
    assert facts[0]["HostConfig"]["CgroupParent"] != facts[1]["HostConfig"]["CgroupParent"]
    volumes = [{mount["Name"] for mount in one["Mounts"]} for one in facts]
    assert volumes[0].isdisjoint(volumes[1])


def test_a_team_that_takes_every_core_gets_its_own_share_and_leaves_the_others_theirs(
    team: Callable[..., Team],
) -> None:
    ratios = []
    for _ in range(4):  # a machine that does other things as well is unfair now and then
        alone = done(team(LOOP))
        hog = team(HOG)
        hog.wait_until_it_said("HOGGING")
        beside = done(team(LOOP))
        used = hog.outcome().cpu_seconds
        assert used is not None
        assert used <= HOG_SECONDS * LIMITS.cpus * 1.25, "more than its limit"
        ratios.append(alone / beside)
        if ratios[-1] <= SLOWED_AT_MOST:
            return
    pytest.fail(f"The loop took {ratios} times as long beside a hog.")


def done(measured: Team) -> int:
    """How often the loop was done in its time."""
    return int(measured.outcome().log_tail.partition("DONE ")[2].split()[0])


def test_a_team_that_takes_all_memory_is_killed_alone(team: Callable[..., Team]) -> None:
    loop, glutton = team(LOOP), team(GLUTTON)
    assert glutton.outcome().verdict is Verdict.MEMORY
    beside = loop.outcome()
    assert (beside.verdict, beside.oom_event) == (Verdict.COMPLETED, False)
    assert beside.peak_memory is None or beside.peak_memory < LIMITS.memory / 2
