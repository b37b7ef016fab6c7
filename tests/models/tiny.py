"""Tiny Hugging Face folders of several architectures, made once in the model image.

python -m tests.models.tiny      prints the folder that holds them
"""

import hashlib
import json
from pathlib import Path

from tests.models.blimp import blimp_requests
from tests.models.containers import run_in
from tests.models.once import alone
from tests.models.runner import model_image

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "blimp"
SCRIPT = Path(__file__).with_name("make_tiny.py")
SEEING = Path(__file__).with_name("make_seeing.py")


def tiny_models(data: Path = DATA) -> Path:
    """Return a folder with one folder a model.

    gpt2, llama, gptneox, opt, bloom, gemma2, mamba; bert, roberta; t5, bart.
    """
    return _made("tiny", [SCRIPT], data)


def seeing_models(data: Path = DATA) -> Path:
    """Return a folder with one folder a model: git, llava, clip."""
    return _made("seeing", [SEEING, SCRIPT], data)


def _made(name: str, scripts: list[Path], data: Path) -> Path:
    """Return what the first of the scripts makes of BLiMP's sentences, made anew where a script changed."""
    contents = [script.read_bytes() for script in scripts]
    folder = ROOT / "var" / "models" / f"{name}-{hashlib.sha256(b''.join(contents)).hexdigest()[:12]}"
    with alone(folder):
        return folder if folder.is_dir() else _make(folder, scripts, contents, data)


def _make(folder: Path, scripts: list[Path], contents: list[bytes], data: Path) -> Path:
    sentences = sorted({request["continuation"] for request in blimp_requests(data, pairs=30)})
    making = folder.with_name(f"{folder.name}.part")
    files = {f"/{script.name}": content for script, content in zip(scripts, contents, strict=True)}
    ran = run_in(
        model_image(),
        ["python3", f"/{scripts[0].name}", "/text.txt", "/out"],
        files=files | {"/text.txt": "\n".join(sentences).encode()},
        save=making,
    )
    if ran.code:
        raise RuntimeError(f"the tiny models could not be made:\n{ran.log}")
    making.rename(folder)
    return folder


if __name__ == "__main__":
    print(json.dumps(sorted(str(path) for path in tiny_models().iterdir())))
