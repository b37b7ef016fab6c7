"""Runs inside the model image: answers requests one at a time with transformers alone, the slow and obvious way.

python3 plain_backends.py JOBS RESULT      JOBS: [{"model", "way", "requests"}]; images lie in /media
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from plain_scores import masked, split  # type: ignore[import-not-found]
from transformers import (
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageTextToText,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoProcessor,
    AutoTokenizer,
)

Tokens = list[int]
MEDIA = Path("/media")


def opened(digest: str) -> Any:
    """Return an image in RGB."""
    from PIL import Image

    return Image.open(MEDIA / digest).convert("RGB")


def picked(logits: torch.Tensor, targets: Tokens) -> float:
    """Return the sum of ln p of targets, the k-th of them after the k-th row of the logits [K, V]."""
    logprobs = torch.log_softmax(logits.double(), dim=-1)
    return float(sum(logprobs[place, token] for place, token in enumerate(targets)))


def words_of(tokenizer: Any, words: list[str]) -> list[Tokens]:
    """Return each word's tokens, its space included."""
    spaced = [word if number == 0 else f" {word}" for number, word in enumerate(words)]
    return [tokenizer(word, add_special_tokens=False)["input_ids"] for word in spaced]


def mntp(model: Any, tokenizer: Any, request: dict[str, Any]) -> float:
    """Hide every token once; read it at the position before; nothing stands after the text."""
    tokens, start = split(tokenizer, request["context"], request["continuation"])
    whole = [tokenizer.cls_token_id, *tokens]
    total = 0.0
    for index in range(start + 1, len(whole)):
        hidden = [*whole[:index], tokenizer.mask_token_id, *whole[index + 1 :]]
        total += picked(model(torch.tensor([hidden])).logits[0, index - 1 : index], [whole[index]])
    return total


def masked_words(model: Any, tokenizer: Any, request: dict[str, Any], *, shift: int = 0) -> list[float]:
    """Predict every token of a word from those before it and three masks."""
    seen = [tokenizer.cls_token_id]
    end = [] if shift else [tokenizer.sep_token_id]
    surprisals = []
    for tokens in words_of(tokenizer, request["words"]):
        total = 0.0
        for token in tokens:
            shown = [*seen, *[tokenizer.mask_token_id] * 3, *end]
            place = len(seen) - shift
            total -= picked(model(torch.tensor([shown])).logits[0, place : place + 1], [token])
            seen.append(token)
        surprisals.append(total)
    return surprisals


def written(model: Any, encoder: Tokens, labels: Tokens, scored: int) -> float:
    """Return the sum of ln p of the last labels; the model itself puts its first token before them."""
    if not scored:
        return 0.0
    logits = model(input_ids=torch.tensor([encoder]), labels=torch.tensor([labels])).logits[0]
    return picked(logits[-scored:], labels[-scored:])


def forced(model: Any, encoder: Tokens, decoder: Tokens, targets: Tokens) -> float:
    """Return the sum of ln p of targets, the last of which follows the last token given to the decoder."""
    logits = model(input_ids=torch.tensor([encoder]), decoder_input_ids=torch.tensor([decoder])).logits[0]
    return picked(logits[-len(targets) :], targets)


def encoder_decoder(model: Any, tokenizer: Any, request: dict[str, Any], *, way: str) -> float:
    """Score a continuation in one of the four ways, by the names that T5's and BART's tokens have."""
    tokens, start = split(tokenizer, request["context"], request["continuation"])
    context, rest = tokens[:start], tokens[start:]
    t5 = model.config.model_type == "t5"
    named = dict(tokenizer.get_vocab())
    begin, end = ([], [named["</s>"]]) if t5 else ([named["<s>"]], [named["</s>"]])
    gap = named["<extra_id_0>"] if t5 else named["<mask>"]
    if way == "prefix":
        return written(model, [*begin, *context, *end], [*begin, *rest], len(rest))
    if way == "fill-in" and t5:
        return written(model, [*context, gap, *end], [gap, *rest, named["<extra_id_1>"]], len(rest) + 1) - written(
            model, [*context, gap, *end], [gap, *rest, named["<extra_id_1>"]], 1
        )
    if way == "fill-in":
        return written(model, [*begin, *context, gap, *end], [*begin, *tokens], len(rest))
    first = gap if t5 else named["<s>"]
    if way == "babylm-prefix":
        return forced(model, [*begin, *context, gap, *end], [first, *rest[:-1]], rest) if rest else 0.0
    hidden = [[*tokens[:place], gap, *tokens[place + 1 :]] for place in range(start, len(tokens))]
    return sum(
        forced(model, [*begin, *shown, *end], [first], [token]) for shown, token in zip(hidden, rest, strict=True)
    )


def written_words(model: Any, tokenizer: Any, request: dict[str, Any]) -> list[float]:
    """Give the encoder the words before a word, and the decoder the word."""
    before = ["", *(" ".join(request["words"][: place + 1]) for place in range(len(request["words"]) - 1))]
    asked = [
        {"context": context, "continuation": word if place == 0 else f" {word}"}
        for place, (context, word) in enumerate(zip(before, request["words"], strict=True))
    ]
    return [-encoder_decoder(model, tokenizer, one, way="prefix") for one in asked]


def seen(model: Any, processor: Any, request: dict[str, Any]) -> float:
    """Give the processor image and text at once, and read the last positions."""
    tokens, start = split(processor.tokenizer, request["context"], request["continuation"])
    mark = "<image>" if model.config.model_type == "llava" else ""
    images = [opened(digest) for digest in request.get("images", ())]
    text = request["context"] + request["continuation"]
    if images:
        inputs = processor(text=mark * len(images) + text, images=images, return_tensors="pt")
    else:
        inputs = processor.tokenizer(text, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    ids = inputs["input_ids"][0].tolist()
    closed = int(ids[-1] != tokens[-1])
    logits = model(**inputs).logits[0]
    last = len(logits) - closed - 1
    rest = tokens[start:]
    return picked(logits[last - len(rest) : last], rest)


def fits(model: Any, processor: Any, request: dict[str, Any]) -> list[list[float]]:
    """Return the mean of ln p of each column's text given each row's image."""
    tokenizer = processor.tokenizer
    texts = [col["text"] for col in request["cols"]]
    lengths = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    asked = [
        [{"context": "", "continuation": text, "images": [row["image"]]} for text in texts] for row in request["rows"]
    ]
    return [[seen(model, processor, one) / length for one, length in zip(row, lengths, strict=True)] for row in asked]


def near(model: Any, tokenizer: Any, images: Any, request: dict[str, Any]) -> list[list[float]]:
    """Return what a dual encoder says of the rows' images and the columns' texts, or of images and images."""
    pixels = [images(images=[opened(row["image"])], return_tensors="pt")["pixel_values"] for row in request["rows"]]
    if "image" in request["cols"][0]:
        vectors = [model.get_image_features(pixel_values=one).pooler_output[0].double() for one in pixels]
        return [[float(torch.cosine_similarity(left, right, dim=0)) for right in vectors] for left in vectors]
    return [
        [
            float(model(pixel_values=one, **tokenizer(col["text"], return_tensors="pt")).logits_per_image)
            for col in request["cols"]
        ]
        for one in pixels
    ]


def answering(folder: str, way: str) -> Callable[[dict[str, Any]], Any]:
    """Return what answers one request in that way."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if way in ("mntp", "masked"):
        hiding = AutoModelForMaskedLM.from_pretrained(folder).eval()
        one = {"mntp": mntp, "masked": plain_masked}[way]
        return lambda request: (
            masked_words(hiding, tokenizer, request, shift=int(way == "mntp"))
            if "words" in request
            else one(hiding, tokenizer, request)
        )
    if way == "seen":
        seeing = AutoModelForImageTextToText.from_pretrained(folder).eval()
        processor = AutoProcessor.from_pretrained(folder)
        return lambda request: (fits if "rows" in request else seen)(seeing, processor, request)
    if way == "near":
        dual, images = AutoModel.from_pretrained(folder).eval(), AutoImageProcessor.from_pretrained(folder)
        return lambda request: near(dual, tokenizer, images, request)
    writing = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    return lambda request: (
        written_words(writing, tokenizer, request)
        if "words" in request
        else encoder_decoder(writing, tokenizer, request, way=way)
    )


def plain_masked(model: Any, tokenizer: Any, request: dict[str, Any]) -> float:
    """Hide every token once, and read it where it stood."""
    tokens, start = split(tokenizer, request["context"], request["continuation"])
    whole = [tokenizer.cls_token_id, *tokens, tokenizer.sep_token_id]
    total: float = masked(model, whole, start + 1, len(tokens) + 1, tokenizer.mask_token_id)
    return total


if __name__ == "__main__":
    torch.set_num_threads(2)
    with torch.inference_mode():
        results = []
        for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
            answer = answering(job["model"], job["way"])
            results.append({request["id"]: answer(request) for request in job["requests"]})
    Path(sys.argv[2]).write_text(json.dumps(results), encoding="utf-8")
