"""The sandbox's command line, as a person without the platform runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.self_check import PROBES

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
CHECKS = {"intake", "answers", "time", "kill", "memory", "outputs", "volumes", "engine's word", "leftovers", *PROBES}


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture
def folders(tmp_path: Path, base_image: str) -> tuple[str, ...]:
    for name in ("submission", "requests"):
        (tmp_path / name).mkdir()
    (tmp_path / "submission" / "model.py").write_text(
        "class Model:\n    def loglikelihood(self, requests):\n        return [-2.0 for _ in requests]\n"
    )
    request = {"id": "a1", "type": "loglikelihood", "context": "", "continuation": "Dogs bark."}
    (tmp_path / "requests" / "requests.jsonl").write_text(json.dumps(request) + "\n")
    options = ("--memory", "256m", "--pids", "64", "--wall", "30s", "--disk", "16m")
    paths = [f"--{name}={tmp_path / name}" for name in ("submission", "requests", "responses")]
    return ("run", *paths, *options)


def test_selftest_holds_in_every_check_under_the_chosen_runtime(base_image: str) -> None:
    done = command("selftest", "--json", PROCTOR_SANDBOX_RUNTIME="runc")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["ok"] is True
    assert set(document["checks"]) == CHECKS
    assert all(set(check) == {"ok", "measured"} and check["ok"] for check in document["checks"].values())
    assert document["checks"]["engine's word"]["measured"]["runtime"] == "runc"


@pytest.mark.parametrize("asked", ["selftest", "run"])
def test_unknown_runtime_is_one_sentence_that_says_what_to_do(folders: tuple[str, ...], asked: str) -> None:
    arguments = folders if asked == "run" else (asked,)
    done = command(*arguments, PROCTOR_SANDBOX_RUNTIME="no-such-runtime")
    assert done.returncode == 1
    assert done.stderr.startswith("error: The Docker engine has no runtime 'no-such-runtime'")
    assert "daemon.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_answers_a_folder_of_requests(folders: tuple[str, ...], tmp_path: Path) -> None:
    done = command(*folders, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert (document["ok"], document["outcome"]["verdict"]) == (True, "completed")
    written = (tmp_path / "responses" / "responses.jsonl").read_text().splitlines()
    assert [json.loads(line)["logprob"] for line in written] == [-2.0]


def test_run_of_a_failing_submission_exits_with_2(folders: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "submission" / "model.py").write_text("raise SystemError('no')\n")
    done = command(*folders, "--json")
    assert done.returncode == 2
    document = json.loads(done.stdout)
    assert (document["outcome"]["verdict"], document["problems"][0]["code"]) == ("exit", "E-OUT-MISSING")


def test_second_image_build_does_nothing(base_image: str) -> None:
    done = command("images", "build", "base")
    assert done.returncode == 0
    assert done.stdout.split()[-1] == base_image
    assert len(done.stdout.splitlines()) == 1


def test_engine_that_does_not_answer_is_one_sentence_and_exit_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    done = command("selftest")
    assert done.returncode == 1
    assert done.stderr.startswith("error: The Docker engine does not answer.")
    assert "docker info" in done.stderr
    assert "Traceback" not in done.stderr
