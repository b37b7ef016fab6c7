"""What a trivial submission costs in the sandbox, beside one bare `docker run` of the same image doing the same work.

Run: python -m tests.bench.sandbox_run [rounds]. Prints JSON.
"""

import io
import json
import statistics
import subprocess
import sys
import tarfile
import time

from sandbox.docker_sandbox import DockerSandbox
from sandbox.interface import IntakeRules, Job, Limits, MiB

CODE = b"class Model:\n    def loglikelihood(self, requests):\n        return [-1.0 for _ in requests]\n"
RUNNER = {"kind": "code", "entry": "model.py:Model", "suites": [{"checkpoint": "main", "suite": "demo", "seed": "0"}]}
LIMITS = Limits(cpus=2, memory=256 * MiB, pids=64, wall=60, disk=16 * MiB, tmp=16 * MiB)
REQUEST = {"id": "0" * 24, "type": "loglikelihood", "context": "", "continuation": "Dogs bark."}


def archive() -> io.BytesIO:
    """Return the trivial submission."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("model.py")
        entry.size = len(CODE)
        tar.addfile(entry, io.BytesIO(CODE))
    return packed


def attempt(sandbox: DockerSandbox, volume: str, image: str) -> None:
    """One attempt: stage, predict, collect, remove."""
    with sandbox.open_attempt(labels={"proctor.origin": "bench"}, limits=LIMITS) as workspace:
        workspace.put_requests({"main/demo/0/requests.jsonl": json.dumps(REQUEST).encode() + b"\n"})
        workspace.predict(Job(image, volume, RUNNER))
        collected = workspace.collect({"main/demo/0/responses.jsonl": {REQUEST["id"]}})
        if len(collected.responses["main/demo/0/responses.jsonl"]) != 1:
            raise SystemExit(f"the bench's own submission failed: {collected.problems}")


def bare(volume: str, image: str, root: str) -> None:
    """The same runner and submission in one `docker run`."""
    command = ["docker", "run", "--rm", "--network=none", f"--volume={volume}:/submission:ro", f"--volume={root}:/eval"]
    command += ["--env=PYTHONPATH=/opt/proctor:/opt/transformers:/opt/site", image, "python3", "-m", "sandbox.runner"]
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Print both medians, their difference and how far the attempts spread."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    sandbox = DockerSandbox()
    image, volume, evaluation = sandbox.image_id("base"), sandbox.new_volume_name(), sandbox.new_volume_name()
    sandbox.intake(archive(), volume=volume, rules=IntakeRules(), labels={"proctor.origin": "bench"})
    folder = "/eval/requests/main/demo/0"
    fill = f"mkdir -p {folder} && echo '{json.dumps(REQUEST)}' > {folder}/requests.jsonl"
    fill += f" && echo '{json.dumps(RUNNER)}' > /eval/job.json"
    subprocess.run(["docker", "run", "--rm", f"--volume={evaluation}:/eval", image, "sh", "-c", fill], check=True)
    ours, theirs = [], []
    try:
        for _ in range(rounds):
            began = time.perf_counter()
            attempt(sandbox, volume, image)
            ours.append(time.perf_counter() - began)
            began = time.perf_counter()
            bare(volume, image, evaluation)
            theirs.append(time.perf_counter() - began)
    finally:
        sandbox.remove_volume(volume)
        sandbox.remove_volume(evaluation)
    one, other = statistics.median(ours), statistics.median(theirs)
    result = {
        "bench": "sandbox run",
        "rounds": rounds,
        "attempt_s": round(one, 3),
        "docker_run_s": round(other, 3),
        "difference_s": round(one - other, 3),
        "spread_s": round(max(ours) - min(ours), 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
