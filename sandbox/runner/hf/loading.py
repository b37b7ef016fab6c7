"""Loading a Hugging Face folder: safetensors only, code of the folder's where the job says so, every weight known."""

import traceback
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from sandbox.runner.errors import RunFailed
from sandbox.runner.hf.causal import CausalBackend
from sandbox.runner.hf.masked import MaskedBackend
from sandbox.runner.hf.tokens import Tokens
from sandbox.runner.job import RunnerJob
from sandbox.runner.progress import Reporter

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
FAULTS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RuntimeError,
    ImportError,
    IndexError,
    SafetensorError,
)
STRANGE: tuple[type[BaseException], ...] = (Exception, SystemExit)  # what a folder's own code may end in
FAMILIES = {"causal": transformers.AutoModelForCausalLM, "masked": transformers.AutoModelForMaskedLM}
LIMITS = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len", "seq_length")
DEFAULT_LIMIT = 2048


def load_model(folder: Path, job: RunnerJob, reporter: Reporter) -> CausalBackend | MaskedBackend:
    """Load model and tokenizer, and make the backend the job asks for; raises RunFailed."""
    torch.set_num_threads(job.threads)
    _check_folder(folder)
    model = _load_weights(folder, job)
    tokens = Tokens(_load_tokenizer(folder, job), rows=_rows(model))
    reporter.event("model", parameters=model.num_parameters(), architecture=type(model).__name__, threads=job.threads)
    limit = position_limit(model, tokens.tokenizer)
    if job.backend == "masked":
        return MaskedBackend(model, tokens, limit=limit, batch_size=job.batch_size, reporter=reporter)
    return CausalBackend(model, tokens, bos=job.bos, limit=limit, batch_size=job.batch_size, reporter=reporter)


def _rows(model: Any) -> int:
    """Return how many tokens have an embedding; raises RunFailed where a model of its own kind does not say."""
    try:
        return int(model.get_input_embeddings().weight.shape[0])
    except (NotImplementedError, AttributeError, TypeError) as error:
        detail = "the model has no get_input_embeddings() that returns an embedding"
        raise RunFailed("E-RUN-MODEL", detail) from error


def position_limit(model: Any, tokenizer: Any) -> int:
    """Return how many tokens the model sees at once."""
    config = model.config.get_text_config()
    for name in LIMITS:
        value = getattr(config, name, None)
        if isinstance(value, int) and value > 0:
            return value - _reserved_positions(model)
    known: int = getattr(tokenizer, "model_max_length", DEFAULT_LIMIT)
    return int(known) if known < 1_000_000 else DEFAULT_LIMIT


def _reserved_positions(model: Any) -> int:
    """RoBERTa and its kin count positions from after the padding token's id."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            return 0 if module.padding_idx is None else module.padding_idx + 1
    return 0


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise RunFailed("E-RUN-FOLDER", "there is no config.json")
    if not any(folder.glob("*.safetensors")):
        raise RunFailed("E-RUN-FOLDER", "there is no *.safetensors file")


def _load_weights(folder: Path, job: RunnerJob) -> Any:
    faults = STRANGE if job.remote_code else FAULTS
    try:
        model, info = FAMILIES[job.backend].from_pretrained(
            folder,
            dtype=DTYPES[job.precision],
            local_files_only=True,
            trust_remote_code=job.remote_code,
            use_safetensors=True,
            output_loading_info=True,
        )
    except faults as error:
        traceback.print_exc()
        raise RunFailed("E-RUN-MODEL", f"{type(error).__name__}: {error}") from error
    # Weights that are missing would be drawn at random, and nobody would notice.
    for kind in ("missing_keys", "mismatched_keys"):
        if info.get(kind):
            name = min(str(key) for key in info[kind])
            raise RunFailed("E-RUN-WEIGHTS", f"{kind.partition('_')[0]}: {name}")
    return model.eval()


def _load_tokenizer(folder: Path, job: RunnerJob) -> Any:
    faults = STRANGE if job.remote_code else FAULTS
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=job.remote_code
        )
    except faults as error:
        traceback.print_exc()
        raise RunFailed("E-RUN-TOKENIZER", f"{type(error).__name__}: {error}") from error
    # Where its files are missing, transformers makes an empty one, to which every text is nothing at all.
    if len(tokenizer.get_vocab()) <= len(tokenizer.all_special_ids):
        raise RunFailed("E-RUN-TOKENIZER", "the tokenizer has no vocabulary")
    return tokenizer
