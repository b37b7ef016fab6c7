"""Trains the demo's neural baseline inside the model image, under the sandbox's hard limits."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

import docker
from docker.errors import NotFound
from docker.types import Mount

from sandbox.engine.archives import Entry, read_single, tar_stream
from sandbox.engine.connection import connect, translated
from sandbox.images.build import find
from sandbox.limits import GiB, MiB
from submissions import engine

SCRIPT = Path(__file__).parent / "baselines" / "neural" / "train.py"
# What a trained folder consists of, and the most bytes each file may have.
SAVED = {
    "config.json": MiB,
    "generation_config.json": MiB,
    "model.safetensors": 64 * MiB,
    "tokenizer.json": 4 * MiB,
    "tokenizer_config.json": MiB,
}
USER = 64_001
WALL = 180  # seconds, loading PyTorch included; the script itself stops after 50


class TrainingFailed(Exception):
    """The baseline could not be trained; the message holds the end of its log."""


def train(text: str, *, say: Callable[[str], None], wanted: Callable[[], bool]) -> Mapping[str, bytes]:
    """Train on one sentence a line while it is `wanted`; returns the files of a Hugging Face folder.

    Raises TrainingFailed, and SandboxUnavailable or ImageMissing where there is nothing to train in.
    """
    client = connect(timeout=WALL)
    name = f"proctor-{uuid4().hex}"
    labels = {"app": "proctor", **engine.labels(stage="training")}
    image = find(client, "model")
    with translated():
        client.create_volume(name, labels=labels)
        try:
            return _train(client, name, image, labels, text, say, wanted)
        finally:
            _remove(client, name)


def _train(
    client: docker.APIClient,
    name: str,
    image: str,
    labels: dict[str, str],
    text: str,
    say: Callable[[str], None],
    wanted: Callable[[], bool],
) -> Mapping[str, bytes]:
    """Create the container `name` with the volume `name` at /job, put the text in, run, take the files out."""
    client.create_container(
        image,
        name=name,
        command=["python3", "/job/train.py", "/job/train.txt", "/job/out"],
        entrypoint=[],
        user=f"{USER}:{USER}",
        labels=labels,
        network_disabled=True,
        environment={"HOME": "/tmp", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},  # noqa: S108 - the container's own
        host_config=client.create_host_config(
            network_mode="none",
            read_only=True,
            tmpfs={"/tmp": "size=256m,nosuid,nodev,noexec"},  # noqa: S108 - the container's own
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=256,
            mem_limit=3 * GiB,
            memswap_limit=3 * GiB,
            nano_cpus=2_000_000_000,
            init=True,
            log_config={"Type": "local", "Config": {"max-size": "1m", "max-file": "1", "compress": "false"}},
            mounts=[Mount("/job", name, type="volume")],
        ),
    )
    client.put_archive(
        name,
        "/job",
        b"".join(
            tar_stream(
                [
                    Entry("train.py", SCRIPT),
                    Entry("train.txt", text.encode()),
                    Entry("out", None, mode=0o755, uid=USER),
                ]
            )
        ),
    )
    client.start(name)
    status = _follow(client, name, say, wanted)
    if status:
        tail = client.logs(name, tail=20).decode(errors="replace")
        raise TrainingFailed(f"Training ended with exit code {status}:\n{tail}")
    return {file: read_single(client.get_archive(name, f"/job/out/{file}")[0], max_bytes=most)
            for file, most in SAVED.items()}  # fmt: skip


def _follow(client: docker.APIClient, name: str, say: Callable[[str], None], wanted: Callable[[], bool]) -> int:
    """Report the newest line of the log until the container ends; returns its exit code, 137 after the deadline."""
    deadline = time.monotonic() + WALL
    while (state := client.inspect_container(name)["State"])["Running"]:
        if not wanted():
            raise TrainingFailed("Training was given up.")
        if time.monotonic() > deadline:
            client.kill(name)
        if lines := client.logs(name, tail=1).decode(errors="replace").strip():
            say(lines)
        time.sleep(0.3)
    return int(state["ExitCode"])


def _remove(client: docker.APIClient, name: str) -> None:
    """Remove the container and the volume, whichever of them came to be."""
    removals: list[Callable[[], None]] = [
        partial(client.remove_container, name, force=True, v=True),
        partial(client.remove_volume, name, force=True),
    ]
    for remove in removals:
        with suppress(NotFound):
            remove()
