"""A small GPT-2 with the checkpoints of its training, made once in the model image for each size."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.protocol.submission import WORDS_IN_NAME
from tests.models.containers import run_in
from tests.models.once import alone
from tests.models.runner import model_image

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [Path(__file__).with_name(name) for name in ("make_growing.py", "make_tiny.py")]


@dataclass(frozen=True)
class Size:
    """How large the model is: its width, a multiple of 16, layers and words of its tokenizer; `steps` of training."""

    width: int
    layers: int
    vocabulary: int
    steps: int


def growing_model(text: str, checkpoints: Sequence[str], size: Size) -> Path:
    """Return the folder of the finished model, with checkpoints/<name> below it; `text` is what it learns from.

    Checkpoints lie on the way as the words in their names say, one step apart at least.
    """
    seen = [int(match["millions"]) for name in checkpoints if (match := WORDS_IN_NAME.match(name))]
    steps: dict[str, int] = {}
    last = 0
    for name, words in zip(checkpoints, seen, strict=True):
        last = max(last + 1, round(size.steps * (words / seen[-1])))
        steps[name] = last
    settings = json.dumps(
        {"width": size.width, "layers": size.layers, "vocabulary": size.vocabulary, "steps": steps}, sort_keys=True
    )
    contents = [*(script.read_bytes() for script in SCRIPTS), text.encode(), settings.encode()]
    folder = ROOT / "var" / "models" / f"growing-{hashlib.sha256(b'/'.join(contents)).hexdigest()[:12]}"
    with alone(folder):
        return folder if folder.is_dir() else _make(folder, text, settings)


def _make(folder: Path, text: str, settings: str) -> Path:
    making = folder.with_name(f"{folder.name}.part")
    ran = run_in(
        model_image(),
        ["python3", f"/{SCRIPTS[0].name}", "/text.txt", "/out", settings],
        files={f"/{script.name}": script for script in SCRIPTS} | {"/text.txt": text.encode()},
        save=making,
    )
    if ran.code:
        raise RuntimeError(f"the model could not be made:\n{ran.log}")
    making.rename(folder)
    return folder
