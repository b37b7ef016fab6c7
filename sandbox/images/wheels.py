"""An image's Python packages: wheels fetched once by pip on the host, then unpacked into a folder."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from sandbox.errors import ImageBuildFailed
from sandbox.images.recipe import PYTHON_VERSION, Part

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# What only compilers and PyTorch's own tests read: a quarter of its size.
DROPPED = ("torch/test", "torch/include", "torch/share", "bin")
KEPT_PROGRAM = "torch_shm_manager"


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise ImageBuildFailed(f"pip could not fetch the image's packages: {' '.join(lines[-3:])}")


def _download(folder: Path, requirements: list[str], *index: str) -> None:
    _pip(
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        f"--python-version={PYTHON_VERSION}",
        f"--dest={folder}",
        *index,
        *requirements,
    )


def _brings_cuda(wheel: Path) -> bool:
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return b"Requires-Dist: nvidia-" in archive.read(metadata)


def _cpu_only(folder: Path, say: Callable[[str], None]) -> None:
    """Replace a PyTorch that brings CUDA, as the index of packages has it for Linux, by the CPU build."""
    for wheel in folder.glob("torch-*.whl"):
        if _brings_cuda(wheel):
            version = wheel.name.split("-")[1]
            say(f"this torch {version} brings CUDA; fetching the CPU build from {CPU_INDEX}")
            wheel.unlink()
            _download(folder, [f"torch=={version}"], "--index-url", CPU_INDEX)


def wheelhouse(part: Part, *, cache: Path, torch_index: str | None, say: Callable[[str], None]) -> Path:
    """Return the folder with the part's wheels, filled once per lock; raises ImageBuildFailed."""
    digest = hashlib.sha256(f"{torch_index or ''}\n{part.lock.read_text()}".encode()).hexdigest()
    folder = cache / part.name
    stamp = folder / "lock.sha256"
    if stamp.is_file() and stamp.read_text() == digest:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"{part.name}: fetching wheels")
    _download(folder, [f"--requirement={part.lock}"], *(["--extra-index-url", torch_index] if torch_index else []))
    if torch_index is None:
        _cpu_only(folder, say)
    stamp.write_text(digest)
    return folder


def site(wheels: Path) -> tempfile.TemporaryDirectory[str]:
    """Unpack the wheels into a temporary folder, as `pip install --target` does, without what is never read."""
    folder = tempfile.TemporaryDirectory(prefix="site-", dir=wheels.parent)
    _pip(
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--only-binary=:all:",
        f"--python-version={PYTHON_VERSION}",
        f"--target={folder.name}",
        *sorted(str(wheel) for wheel in wheels.glob("*.whl")),
    )
    root = Path(folder.name)
    for dropped in DROPPED:
        shutil.rmtree(root / dropped, ignore_errors=True)
    for unused in root.rglob("*.a"):
        unused.unlink()
    for program in (root / "torch" / "bin").glob("*"):
        if program.is_file() and program.name != KEPT_PROGRAM:
            program.unlink()
    return folder
