"""Runs inside a model image: one job of the runner after another in one process, since importing PyTorch takes seconds.

python3 run_jobs.py JOBS OUT      JOBS: [{"name", "model", "job", "files": {path below eval/: text}}]

Leaves OUT/<name>/log, what the runner said, and OUT/<name>/responses/…, what it answered.
"""

import contextlib
import io
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from sandbox.runner.__main__ import main as run


def work(entry: dict[str, Any], out: Path) -> None:
    """Lay a job out as the sandbox does, run it, and keep what it left."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "submission").symlink_to(entry["model"])
        files = {"job.json": json.dumps(entry["job"]), **entry["files"]}
        for name, text in files.items():
            file = root / "eval" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            code = run(["--root", str(root)])
        out.mkdir(parents=True)
        (out / "log").write_text(said.getvalue() + f"\nexit {code}\n", encoding="utf-8")
        if (root / "eval" / "responses").is_dir():
            shutil.copytree(root / "eval" / "responses", out / "responses")


if __name__ == "__main__":
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        work(job, Path(sys.argv[2]) / job["name"])
