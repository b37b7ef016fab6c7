"""Causal models that see images: ln p of the continuation's tokens, given images and context.

The sequence is: the declared first token, what stands for the images, context, continuation. Models with a token for an
image (LLaVA and its kin, Flamingo) get it before the text, as often as their own processor says; models without (GIT)
get the image beside the text. Requests without images are answered as those of a causal model.

Similarity of a text and an image: the mean of ln p of the text's tokens given the image, which is what BabyLM's
DevBench takes (there with the closing token, and in a sentence that is the suite's business here). Of two images or
two texts: the cosine of the means of their last hidden states.
"""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Request, Response
from sandbox.runner.hf import engines
from sandbox.runner.hf.batching import tokens_at_once
from sandbox.runner.hf.causal import CausalBackend
from sandbox.runner.hf.heads import logits_of, padded
from sandbox.runner.hf.pictures import Look, Pictures
from sandbox.runner.hf.splitting import Split, Window, headed_windows, split_texts
from sandbox.runner.hf.tally import Tally
from sandbox.runner.hf.tokens import Tokens
from sandbox.runner.progress import Reporter
from sandbox.runner.values import finite

# Requests whose images are in memory at once.
SLAB = 128
# How texts with images are run, the fastest first: several texts beside one image that is given once, several with
# an image each, one at a time.
LAYOUTS = ("shared", "padded", "single")
Seen = dict[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """A window of a text after a look; `group` says which look it is."""

    group: int
    look: Look
    window: Window


class VisionBackend:
    """Answers with a causal model about texts and images."""

    def __init__(
        self,
        model: Any,
        tokens: Tokens,
        pictures: Pictures,
        *,
        bos: str,
        limit: int,
        batch_size: int,
        reporter: Reporter,
    ) -> None:
        self._model = model
        self._tokens = tokens
        self._pictures = pictures
        self._first = tokens.first_token(bos)
        self._limit = limit
        self._at_once = tokens_at_once(batch_size)
        self._parameters = set(inspect.signature(model.forward).parameters)
        self._text = CausalBackend(model, tokens, bos=bos, limit=limit, batch_size=batch_size, reporter=reporter)
        self.layout, difference = self._choose()
        reporter.event("images", layout=self.layout, difference=difference)

    def loglikelihood(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield responses; requests with the same images are answered together."""
        plain = [request for request in requests if not request.get("images")]
        if plain:
            yield from self._text.loglikelihood(plain)
        shown = [request for request in requests if request.get("images")]
        pairs = [(request["context"], request["continuation"]) for request in shown]
        splits = split_texts(pairs, self._tokens.encode)
        order = sorted(range(len(shown)), key=lambda index: (shown[index]["images"], splits[index].tokens))
        for start in range(0, len(order), SLAB):
            slab = order[start : start + SLAB]
            yield from self._answer([shown[index] for index in slab], [splits[index] for index in slab])

    def surprisal(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield the surprisals of words, as of a causal model."""
        yield from self._text.surprisal(requests)

    def similarity(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield matrices; raises RunFailed with E-RUN-ANSWER where texts and images are mixed among rows or columns."""
        for request in requests:
            rows, cols = request["rows"], request["cols"]
            sides = {kind_of(rows), kind_of(cols)}
            if sides == {"text", "image"}:
                matrix = self._fits(rows, cols)
            else:
                # What stands among both rows and columns is looked at once.
                once = {tuple(sorted(seen.items())): seen for seen in (*rows, *cols)}
                features = {name: self._feature(seen) for name, seen in once.items()}
                matrix = cosines(*([features[tuple(sorted(seen.items()))] for seen in side] for side in (rows, cols)))
            yield [{"id": request["id"], "matrix": matrix}]

    def _answer(self, requests: Sequence[Request], splits: Sequence[Split]) -> Iterator[list[Response]]:
        looks: dict[tuple[str, ...], tuple[int, Look]] = {}
        asked: list[list[Shown]] = []
        for request, split in zip(requests, splits, strict=True):
            images = tuple(request["images"])
            if images not in looks:
                opened = [self._pictures.open(digest) for digest in images]
                looks[images] = len(looks), self._pictures.look(opened, self._tokens)
            asked.append(self._shown(*looks[images], split))
        tally = Tally(requests, [[len(shown.window.targets) for shown in of] for of in asked])
        yield from tally.empty()
        flat = [shown for of in asked for shown in of]
        for batch in self._batches(flat, layout=self.layout):
            with engines.answering():
                values = self._score([flat[index] for index in batch], layout=self.layout)
            yield tally.add((index, value) for index, of in zip(batch, values, strict=True) for value in of)

    def _shown(self, group: int, look: Look, split: Split) -> list[Shown]:
        """Return the windows of a text after a look, each with the look's own tokens before it."""
        stands = look.tokens or split.start
        head = (self._first.always if stands else self._first.when_empty) + look.tokens
        return [Shown(group, look, window) for window in headed_windows(head, split, self._limit)]

    def _batches(self, shown: Sequence[Shown], *, layout: str) -> Iterator[list[int]]:
        """Yield indices in groups that may go through the model together, the longest first."""

        def group_of(one: Shown) -> tuple[Any, ...]:
            shapes = tuple(sorted((name, tuple(value.shape[1:])) for name, value in one.look.inputs.items()))
            return (one.group,) if layout == "shared" else shapes

        groups = [group_of(one) for one in shown]
        order = sorted(
            range(len(shown)),
            key=lambda index: (groups[index], -len(shown[index].window.inputs), shown[index].window.inputs),
        )
        tokens = 1 if layout == "single" else self._at_once
        batch: list[int] = []
        for index in order:
            if batch and (
                groups[batch[0]] != groups[index] or (len(batch) + 1) * len(shown[batch[0]].window.inputs) > tokens
            ):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _score(self, shown: Sequence[Shown], *, layout: str) -> list[list[float]]:
        """Return the log-probabilities of each window's targets, in their order."""
        with torch.inference_mode():
            inputs = self._inputs(shown, layout=layout)
            width = inputs["input_ids"].shape[1]
            logits = logits_of(self._model(**inputs))
            # Models that take an image beside the text put its positions before those of the text.
            logits = logits[:, logits.shape[1] - width :]
            scored = []
            for number, one in enumerate(shown):
                where = torch.tensor([position for position, _ in one.window.targets])
                token = torch.tensor([token for _, token in one.window.targets])
                rows = torch.log_softmax(logits[number, where].float(), dim=-1)
                scored.append(rows[torch.arange(len(token)), token].tolist())
        return scored

    def _inputs(self, shown: Sequence[Shown], *, layout: str) -> dict[str, Any]:
        """Return what the model is given: texts padded on the right, and their images."""
        ids, mask = padded([one.window.inputs for one in shown], padding=self._tokens.padding)
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        width = ids.shape[1]
        looks = [shown[0].look] if layout == "shared" else [one.look for one in shown]
        for name in looks[0].inputs:
            value = torch.cat([look.inputs[name] for look in looks])
            inputs[name] = value.to(self._model.dtype) if value.is_floating_point() else value
        for name in set(looks[0].kinds) & self._parameters:
            inputs[name] = torch.tensor([_kinds(one, name, width) for one in shown])
        if "use_cache" in self._parameters:
            inputs["use_cache"] = False
        return inputs

    def _choose(self) -> tuple[str, float]:
        """Return the fastest layout that agrees with one text at a time, and the largest difference."""
        from PIL import Image

        generator = torch.Generator().manual_seed(0)
        special = set(self._tokens.tokenizer.all_special_ids)
        shown = []
        for group in range(2):
            pixels = torch.randint(0, 256, (48, 64, 3), generator=generator, dtype=torch.uint8)
            look = self._pictures.look([Image.fromarray(pixels.numpy())], self._tokens)
            for length in (1, 4, 9):
                drawn = torch.randint(0, self._tokens.rows, (8 * length,), generator=generator).tolist()
                plain = tuple(token for token in drawn if token not in special and token not in look.tokens)
                shown.extend(self._shown(group, look, Split(plain[:length], 0)))
        shown = [one for one in shown if one.window.targets]

        def together(layout: str) -> torch.Tensor:
            found: dict[int, list[float]] = {}
            for batch in self._batches(shown, layout=layout):
                found |= zip(batch, self._score([shown[index] for index in batch], layout=layout), strict=True)
            return torch.tensor([value for index in range(len(shown)) for value in found[index]])

        def alone() -> torch.Tensor:
            return torch.tensor([value for one in shown for value in self._score([one], layout="single")[0]])

        found = engines.fastest(LAYOUTS[:-1], together, plain=alone, dtype=self._model.dtype)
        return found or (LAYOUTS[-1], 0.0)

    def _fits(self, rows: Sequence[Seen], cols: Sequence[Seen]) -> list[list[float]]:
        """Return the mean of ln p of each text's tokens given each image."""
        asked: list[Request] = []
        for row in rows:
            for col in cols:
                both = row | col
                asked.append({"id": len(asked), "context": "", "continuation": both["text"], "images": [both["image"]]})
        found = {response["id"]: response for batch in self.loglikelihood(asked) for response in batch}
        means = [found[number]["logprob"] / max(1, found[number]["tokens"]) for number in range(len(asked))]
        return [means[start : start + len(cols)] for start in range(0, len(means), len(cols))]

    def _feature(self, seen: Seen) -> torch.Tensor:
        """Return the mean of the last hidden states over a text, an image, or an image with a text [H]."""
        image, text = seen.get("image"), seen.get("text", "")
        look = self._pictures.look([self._pictures.open(image)], self._tokens) if image else Look((), {}, {})
        ids = (self._first.always + look.tokens + tuple(self._tokens.encode([text])[0]))[: self._limit]
        ids = ids or self._first.when_empty
        if not ids:
            raise RunFailed("E-RUN-ANSWER", "there is no token to look at: declare a first token")
        shown = [Shown(0, look, Window(ids, ()))]
        with engines.answering(), torch.inference_mode():
            inputs = self._inputs(shown, layout="single")
            states: torch.Tensor = self._model(**inputs, output_hidden_states=True).hidden_states[-1]
        return states[0].float().mean(dim=0)


def _kinds(one: Shown, name: str, width: int) -> list[int]:
    """Return one of the looks' numbers for each position, 0 for text and padding."""
    own = one.look.kinds[name]
    length = len(one.look.tokens)
    begin = next(start for start in range(width) if one.window.inputs[start : start + length] == one.look.tokens)
    return [*([0] * begin), *own, *([0] * (width - begin - length))]


def kind_of(seen: Sequence[Seen]) -> str:
    """Return what rows or columns are: text, image or both; raises RunFailed with E-RUN-ANSWER for a mixture."""
    kinds = {"both" if len(one) > 1 else next(iter(one)) for one in seen}
    if len(kinds) > 1:
        raise RunFailed("E-RUN-ANSWER", "rows, and columns, have to be of one kind each: texts or images")
    return kinds.pop()


def cosines(rows: Sequence[torch.Tensor], cols: Sequence[torch.Tensor]) -> list[list[float]]:
    """Return the cosine of each row's vector with each column's."""
    left, right = (torch.nn.functional.normalize(torch.stack(list(side)), dim=-1) for side in (rows, cols))
    return [[finite(value) for value in row] for row in (left @ right.T).tolist()]
