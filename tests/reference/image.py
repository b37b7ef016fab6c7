"""The reference image: the model image's packages, and beside them minicons and lm-evaluation-harness.

python -m tests.reference.image     builds it where it is missing and prints its tag
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.engine.archives import Entry, tar_stream, tree_entries
from sandbox.engine.connection import connect
from sandbox.images import recipe
from sandbox.images.build import build

HERE = Path(__file__).parent
LOCK = HERE / "requirements.txt"
DOCKERFILE = """ARG SITE
FROM ${SITE}
COPY site /opt/reference
ENV PYTHONPATH=/opt/transformers:/opt/site:/opt/reference HF_HUB_OFFLINE=1 HF_HOME=/tmp/huggingface
"""
# These are published as sources alone; they hold only Python.
SOURCES = ("rouge-score", "sqlitedict", "word2number")
LABELS = {"app": "proctor", "proctor.purpose": "tests"}


def reference_image() -> str:
    """Return the image's tag, built on the first call for this lock."""
    client = connect(timeout=1800)
    build(["model"], say=lambda _: None)
    site = recipe.site_tag("model")
    digest = hashlib.sha256(LOCK.read_bytes() + DOCKERFILE.encode() + site.encode()).hexdigest()
    tag = f"proctor/reference:{digest[:12]}"
    if client.images(name=tag):
        return tag
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "site"
        _install(folder, Path(scratch) / "wheels")
        with tempfile.TemporaryFile() as context:
            for chunk in tar_stream([Entry("Dockerfile", DOCKERFILE.encode()), *tree_entries(folder, "site")]):
                context.write(chunk)
            context.seek(0)
            steps = client.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                buildargs={"SITE": site},
                labels=LABELS,
                network_mode="none",
                rm=True,
                decode=True,
            )
            for step in steps:
                if "error" in step:
                    raise RuntimeError(step["error"])
    return tag


def _install(folder: Path, wheels: Path) -> None:
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    sources = [line for line in lines if line.partition("==")[0] in SOURCES]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", f"--wheel-dir={wheels}", *sources], check=True)
    platform = ["--python-version=3.11", "--only-binary=:all:"]
    binary = [line for line in lines if line not in sources]
    subprocess.run([*pip, "download", "--no-deps", *platform, f"--dest={wheels}", *binary], check=True)
    found = [str(wheel) for wheel in sorted(wheels.iterdir())]
    subprocess.run([*pip, "install", "--no-deps", "--no-compile", *platform, f"--target={folder}", *found], check=True)


if __name__ == "__main__":
    print(reference_image())
