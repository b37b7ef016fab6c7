"""Runs a program in an image with files put in and taken out, for what needs PyTorch: it is not in this Python."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import docker

from sandbox.engine.connection import connect

LABELS = {"app": "proctor", "proctor.purpose": "tests"}
GIB = 1 << 30
# As in the sandbox: threads that wait sleep, so that a busy machine is no slower than its share.
QUIET = {"OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended: exit code, what it wrote, and the folder /out as bytes by name."""

    code: int
    log: str
    out: Mapping[str, bytes]


def run_in(
    image: str,
    command: Sequence[str],
    *,
    files: Mapping[str, bytes | Path],
    environment: Mapping[str, str] | None = None,
    out: str = "/out",
    save: Path | None = None,
    memory: int = 8 * GIB,
) -> Ran:
    """Run a command offline on 2 CPUs; `files` are laid out first: bytes, or a file or folder, by absolute path.

    The files below `out` come back in memory, or are written below `save`. Raises docker's errors.
    """
    client = connect(timeout=1800)
    limits = client.create_host_config(
        network_mode="none", nano_cpus=2_000_000_000, mem_limit=memory, memswap_limit=memory, pids_limit=256, init=True
    )
    container = client.create_container(
        image,
        list(command),
        environment={**QUIET, **(environment or {})},
        host_config=limits,
        labels=LABELS,
        working_dir="/tmp",
    )["Id"]
    try:
        client.put_archive(container, "/", _archive(files, out))
        client.start(container)
        code = client.wait(container)["StatusCode"]
        log = client.logs(container).decode(errors="replace")
        return Ran(code, log, _collect(client, container, out, save))
    finally:
        client.remove_container(container, force=True, v=True)


def _archive(files: Mapping[str, bytes | Path], out: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        folder = tarfile.TarInfo(out.lstrip("/"))
        folder.type, folder.mode = tarfile.DIRTYPE, 0o777
        tar.addfile(folder)
        for name, content in files.items():
            if isinstance(content, Path):
                tar.add(content.resolve(), name.lstrip("/"))
            else:
                entry = tarfile.TarInfo(name.lstrip("/"))
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _collect(client: docker.APIClient, container: str, out: str, save: Path | None) -> dict[str, bytes]:
    chunks, _ = client.get_archive(container, out)
    stream = tempfile_of(chunks)
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream) as tar:
        for entry in tar:
            name = entry.name.partition("/")[2]
            content = tar.extractfile(entry) if entry.isfile() else None
            if content is None:
                continue
            if save is None:
                found[name] = content.read()
            else:
                target = save / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    return found


def tempfile_of(chunks: object) -> io.BytesIO:
    """Return the joined chunks of a stream as a file."""
    return io.BytesIO(b"".join(chunks))  # type: ignore[arg-type]
