"""What minicons and lm-evaluation-harness say of the same requests, each run in the reference image."""

import json
from pathlib import Path
from typing import Any

from tests.models.blimp import as_lines
from tests.models.containers import run_in
from tests.reference.image import reference_image

HERE = Path(__file__).parent


def minicons(model: Path, requests: list[dict[str, Any]], *, backend: str, bos: bool = False) -> dict[str, float]:
    """Return minicons' log-probabilities of the requests' continuations as whole sentences."""
    return dict(_run("minicons_scores.py", model, requests, [backend], ["--bos"] if bos else [])["scores"])


def lm_eval(
    model: Path,
    requests: list[dict[str, Any]],
    *,
    precision: str = "fp32",
    batch_size: int = 32,
    threads: int = 2,
    bos: str | None = None,
) -> dict[str, Any]:
    """Return lm-evaluation-harness's {"scores": {id: logprob}, "load", "seconds", "peak_bytes"}."""
    options = [f"--precision={precision}", f"--batch-size={batch_size}", f"--threads={threads}"]
    return _run("lm_eval_scores.py", model, requests, [], [*options, *([f"--bos={bos}"] if bos else [])])


def _run(
    script: str, model: Path, requests: list[dict[str, Any]], first: list[str], options: list[str]
) -> dict[str, Any]:
    ran = run_in(
        reference_image(),
        ["python3", "/script.py", *first, "/model", "/requests.jsonl", "/out/result.json", *options],
        files={
            "/script.py": (HERE / script).read_bytes(),
            "/model": model,
            "/requests.jsonl": as_lines(requests),
        },
    )
    if ran.code:
        raise RuntimeError(f"{script} failed:\n{ran.log[-2000:]}")
    result: dict[str, Any] = json.loads(ran.out["result.json"])
    return result
