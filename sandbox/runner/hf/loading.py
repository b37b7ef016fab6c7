"""Loading a Hugging Face folder: safetensors only, code of the folder's where the job says so, every weight known."""

import json
import traceback
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from sandbox.runner.errors import RunFailed
from sandbox.runner.hf.causal import CausalBackend
from sandbox.runner.hf.dual_encoder import DualEncoderBackend
from sandbox.runner.hf.encoder_decoder import EncoderDecoderBackend
from sandbox.runner.hf.masked import MaskedBackend
from sandbox.runner.hf.mntp import MntpBackend
from sandbox.runner.hf.pictures import Pictures
from sandbox.runner.hf.tokens import Tokens
from sandbox.runner.hf.vision import VisionBackend
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
FAMILIES = {
    "causal": transformers.AutoModelForCausalLM,
    "masked": transformers.AutoModelForMaskedLM,
    "mntp": transformers.AutoModelForMaskedLM,
    "encoder-decoder": transformers.AutoModelForSeq2SeqLM,
    "vision": transformers.AutoModelForImageTextToText,
    "dual-encoder": transformers.AutoModel,
}
LIMITS = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len", "seq_length")
DEFAULT_LIMIT = 2048
NEW_CLASS = "TokenizersBackend"
Backend = CausalBackend | MaskedBackend | EncoderDecoderBackend | VisionBackend | DualEncoderBackend


def load_model(folder: Path, job: RunnerJob, reporter: Reporter) -> Backend:
    """Load model and tokenizer, and make the backend the job asks for; raises RunFailed."""
    torch.set_num_threads(job.threads)
    check_folder(folder)
    model = load_weights(folder, job)
    tokenizer = load_tokenizer(folder, job)
    reporter.event("model", parameters=model.num_parameters(), architecture=type(model).__name__, threads=job.threads)
    limit = position_limit(model, tokenizer)
    if job.backend == "dual-encoder":
        return DualEncoderBackend(model, tokenizer, load_pictures(folder, job), limit=limit, reporter=reporter)
    tokens = Tokens(tokenizer, rows=rows_of(model))
    common: dict[str, Any] = {"limit": limit, "batch_size": job.batch_size, "reporter": reporter}
    if job.backend == "masked":
        return MaskedBackend(model, tokens, **common)
    if job.backend == "mntp":
        return MntpBackend(model, tokens, **common)
    if job.backend == "encoder-decoder":
        return EncoderDecoderBackend(model, tokens, scoring=job.scoring, **common)
    if job.backend == "vision":
        return VisionBackend(model, tokens, load_pictures(folder, job), bos=job.bos, **common)
    return CausalBackend(model, tokens, bos=job.bos, **common)


def rows_of(model: Any) -> int:
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


def check_folder(folder: Path) -> None:
    """Refuse a folder without configuration or weights; raises RunFailed with E-RUN-FOLDER."""
    if not (folder / "config.json").is_file():
        raise RunFailed("E-RUN-FOLDER", "there is no config.json")
    if not any(folder.glob("*.safetensors")):
        raise RunFailed("E-RUN-FOLDER", "there is no *.safetensors file")


def load_weights(folder: Path, job: RunnerJob) -> Any:
    """Load the model for the job's backend, every weight of it from the folder; raises RunFailed."""
    faults = STRANGE if job.remote_code else FAULTS
    try:
        model, info = _family(folder, job).from_pretrained(
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


def _family(folder: Path, job: RunnerJob) -> Any:
    """Return the class that loads the model: for models that see images, what the configuration knows."""
    if job.backend != "vision":
        return FAMILIES[job.backend]
    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=job.remote_code)
    named = getattr(config, "auto_map", None) or {}
    known = type(config) in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    if "AutoModelForImageTextToText" in named or (known and "AutoModelForCausalLM" not in named):
        return FAMILIES["vision"]
    return FAMILIES["causal"]


def load_pictures(folder: Path, job: RunnerJob) -> Pictures:
    """Load what the folder says of images; raises RunFailed with E-RUN-MODEL where there is nothing."""
    faults = STRANGE if job.remote_code else FAULTS
    options = {"local_files_only": True, "trust_remote_code": job.remote_code}
    try:
        processor = transformers.AutoProcessor.from_pretrained(folder, **options)
        if not hasattr(processor, "image_processor"):
            processor = transformers.AutoImageProcessor.from_pretrained(folder, **options)
    except faults as error:
        traceback.print_exc()
        raise RunFailed("E-RUN-MODEL", f"the image processor: {type(error).__name__}: {error}") from error
    return Pictures(processor, media=job.media)


def _tokenizer_class(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Return the class that loads the tokenizer, and what it has to be told.

    Folders that transformers 5 wrote may name a class that transformers 4 lacks; their tokenizer.json says everything.
    """
    file = folder / "tokenizer_config.json"
    if not hasattr(transformers, NEW_CLASS) and (folder / "tokenizer.json").is_file() and file.is_file():
        settings = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(settings, dict) and settings.get("tokenizer_class") == NEW_CLASS:
            more = settings.get("extra_special_tokens")
            named = {"extra_special_tokens": {}, "additional_special_tokens": more} if isinstance(more, list) else {}
            return transformers.PreTrainedTokenizerFast, named
    return transformers.AutoTokenizer, {}


def load_tokenizer(folder: Path, job: RunnerJob) -> Any:
    """Load the folder's tokenizer; raises RunFailed with E-RUN-TOKENIZER where it has no vocabulary."""
    faults = STRANGE if job.remote_code else FAULTS
    try:
        family, named = _tokenizer_class(folder)
        tokenizer = family.from_pretrained(folder, local_files_only=True, trust_remote_code=job.remote_code, **named)
    except faults as error:
        traceback.print_exc()
        raise RunFailed("E-RUN-TOKENIZER", f"{type(error).__name__}: {error}") from error
    # Where its files are missing, transformers makes an empty one, to which every text is nothing at all.
    if len(tokenizer.get_vocab()) <= len(tokenizer.all_special_ids):
        raise RunFailed("E-RUN-TOKENIZER", "the tokenizer has no vocabulary")
    return tokenizer
