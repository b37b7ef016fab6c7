"""Tiny Hugging Face folders of several architectures, made once in the model image by make_tiny.py.

python -m tests.models.tiny      prints the folder that holds them
"""

import hashlib
import json
from pathlib import Path

from tests.models.blimp import blimp_requests
from tests.models.containers import run_in
from tests.models.runner import model_image

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "blimp"
SCRIPT = Path(__file__).with_name("make_tiny.py")


def tiny_models(data: Path = DATA) -> Path:
    """Return a folder with one folder a model: gpt2, llama, gptneox, opt, bloom, gemma2, mamba, bert, roberta."""
    script = SCRIPT.read_bytes()
    folder = ROOT / "var" / "models" / f"tiny-{hashlib.sha256(script).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    sentences = sorted({request["continuation"] for request in blimp_requests(data, pairs=30)})
    making = folder.with_name(f"{folder.name}.part")
    ran = run_in(
        model_image(),
        ["python3", "/make_tiny.py", "/text.txt", "/out"],
        files={"/make_tiny.py": script, "/text.txt": "\n".join(sentences).encode()},
        save=making,
    )
    if ran.code:
        raise RuntimeError(f"the tiny models could not be made:\n{ran.log}")
    making.rename(folder)
    return folder


if __name__ == "__main__":
    print(json.dumps(sorted(str(path) for path in tiny_models().iterdir())))
