"""Every type of request through real containers, over checkpoints, by the command line; and a volume that is full."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import SubmissionFailed
from sandbox.interface import IntakeRules, Job, Limits, MiB, Verdict
from sandbox.running import find_requests

ROOT = Path(__file__).parents[2]
LIMITS = ("--memory", "256m", "--pids", "64", "--wall", "30s", "--disk", "16m")
DIGEST = "0123456789abcdef" * 4
REQUESTS: dict[str, dict[str, Any]] = {
    "main/reading/0": {"id": "s", "type": "surprisal", "words": ["Dogs", "bark."]},
    "main/glue/0": {"id": "c", "type": "classify", "task": "rte", "inputs": {"text": "Dogs."}, "labels": ["yes", "no"]},
    "main/devbench/0": {"id": "m", "type": "similarity", "rows": [{"image": DIGEST}], "cols": [{"text": "cat"}] * 5000},
    "chck_1M/reading/0": {"id": "s", "type": "surprisal", "words": ["Dogs", "bark."]},
}
MODEL = """
class Model:
    media = ""

    def __init__(self, path):
        self.scale = float(open(path + "/scale.txt").read())

    def surprisal(self, requests):
        return [[self.scale * len(word) for word in request["words"]] for request in requests]

    def classify(self, requests, train):
        return [train[0]["label"] for request in requests]

    def similarity(self, requests):
        size = len(open(self.media + "/" + requests[0]["rows"][0]["image"], "rb").read())
        return [[[size + 1 / 3 for col in request["cols"]] for row in request["rows"]] for request in requests]
"""


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for folder, request in REQUESTS.items():
        place = tmp_path / "requests" / folder
        place.mkdir(parents=True)
        (place / "requests.jsonl").write_text(json.dumps(request) + "\n")
    train = {"id": "t", "task": "rte", "inputs": {"text": "Cats."}, "label": "no"}
    (tmp_path / "requests" / "main/glue/0/train.jsonl").write_text(json.dumps(train) + "\n")
    (tmp_path / "requests" / "media").mkdir()
    (tmp_path / "requests" / "media" / DIGEST).write_bytes(b"1234")
    (tmp_path / "submission" / "early").mkdir(parents=True)
    (tmp_path / "submission" / "model.py").write_text(MODEL)
    (tmp_path / "submission" / "scale.txt").write_text("2")
    (tmp_path / "submission" / "early" / "scale.txt").write_text("10")
    return tmp_path


def command(folders: Path, *options: str) -> subprocess.CompletedProcess[str]:
    paths = [f"--{name}={folders / name}" for name in ("submission", "requests", "responses")]
    arguments = [sys.executable, "-m", "sandbox", "run", *paths, *LIMITS, *options, "--json"]
    return subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, check=False)


def test_requests_are_told_from_what_may_be_learnt_and_from_media(folders: Path) -> None:
    (folders / "requests" / "media" / "notes.jsonl").write_text("{}\n")
    assert {"/".join(key) for key in find_requests(folders / "requests").values()} == set(REQUESTS)


def test_training_lines_without_requests_beside_them_are_a_suite_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}\n")
    assert find_requests(tmp_path) == {Path("train.jsonl"): ("main", "train", "0")}


def test_a_folder_of_training_lines_alone_holds_no_requests(folders: Path) -> None:
    with pytest.raises(SubmissionFailed, match="holds no requests"):
        find_requests(folders / "submission")


@pytest.mark.docker
def test_every_type_and_checkpoint_is_answered_by_the_command(folders: Path, base_image: str) -> None:
    done = command(folders, "--checkpoint", "chck_1M=early")
    assert done.returncode == 0, done.stdout + done.stderr
    answers = {
        folder: json.loads((folders / "responses" / folder / "responses.jsonl").read_text()) for folder in REQUESTS
    }
    assert answers["main/reading/0"] == {"id": "s", "surprisals": [8.0, 10.0]}
    assert answers["chck_1M/reading/0"] == {"id": "s", "surprisals": [40.0, 50.0]}
    assert answers["main/glue/0"] == {"id": "c", "label": "no"}
    # 5,000 numbers of 17 digits are longer than a line may be that holds none.
    assert answers["main/devbench/0"] == {"id": "m", "matrix": [[4 + 1 / 3] * 5000]}


@pytest.mark.docker
def test_requests_for_a_checkpoint_without_a_path_are_refused_in_one_sentence(folders: Path, base_image: str) -> None:
    done = command(folders, "--checkpoint", "chck_2M=early")
    assert done.returncode == 2
    assert "chck_1M, which has no path" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("checkpoint", ["chck_1M", "=early", "chck_1M="])
def test_a_checkpoint_is_named_with_its_path(folders: Path, checkpoint: str) -> None:
    paths = [f"--{name}={folders / name}" for name in ("submission", "requests", "responses")]
    done = CliRunner().invoke(app, ["run", *paths, "--checkpoint", checkpoint])
    assert done.exit_code == 2
    assert "NAME=PATH" in done.output


GREEDY = """
class Model:
    def surprisal(self, requests):
        return [[0.1 + 1 / 3] * len(request["words"]) for request in requests]
"""
HOARDING = """
class Model:
    def surprisal(self, requests):
        try:
            with open("/eval/responses/cache", "wb") as file:
                while True:
                    file.write(bytes(4096))
                    file.flush()
        except OSError:
            return [[1.0] * len(request["words"]) for request in requests]
"""


@pytest.mark.docker
@pytest.mark.parametrize("model", [GREEDY, HOARDING], ids=["answers that are too many", "a file beside the answers"])
def test_responses_that_outgrow_the_disk_end_as_the_participants_fault_with_its_own_code(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str, model: str
) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("model.py")
        entry.size = len(model)
        tar.addfile(entry, io.BytesIO(model.encode()))
    lines = [{"id": str(number), "type": "surprisal", "words": ["word"] * 4000} for number in range(40)]
    requests = "".join(json.dumps(line) + "\n" for line in lines).encode()
    suites = [{"checkpoint": "main", "suite": "reading", "seed": "0"}]
    assert sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels).ok
    limits = Limits(cpus=1, memory=256 * MiB, pids=64, wall=60, disk=1 * MiB, tmp=16 * MiB)
    with sandbox.open_attempt(labels=labels, limits=limits) as workspace:
        workspace.put_requests({"main/reading/0/requests.jsonl": requests})
        outcome = workspace.predict(Job(sandbox.image_id("base"), volume, {"kind": "code", "suites": suites}))
        collected = workspace.collect({"main/reading/0/responses.jsonl": len(lines)})
    assert (outcome.verdict, outcome.exit_code) == (Verdict.EXIT, 3)
    assert outcome.error is not None
    assert outcome.error["code"] == "E-RUN-DISK"
    assert [problem.code for problem in collected.problems] == ["E-OUT-MISSING"]
