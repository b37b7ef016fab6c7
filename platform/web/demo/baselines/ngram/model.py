"""An interpolated Kneser-Ney trigram model over words, in plain Python."""

import math
import re
from collections import Counter, defaultdict
from pathlib import Path

START, END, UNKNOWN = "<s>", "</s>", "<unk>"
ORDER = 3
WORD = re.compile(r"\w+|[^\w\s]")

Gram = tuple[str, ...]


def tokens(text: str) -> list[str]:
    """Lower-case words and marks."""
    return WORD.findall(text.lower())


class Level:
    """The counts of one order, ready for its share of the interpolation."""

    def __init__(self, counts: Counter[Gram]) -> None:
        once, twice = (sum(1 for count in counts.values() if count == times) for times in (1, 2))
        self.discount = once / (once + 2 * twice) if once and twice else 0.5
        self.counts = counts
        self.totals: defaultdict[Gram, int] = defaultdict(int)
        self.kinds: defaultdict[Gram, int] = defaultdict(int)
        for gram, count in counts.items():
            self.totals[gram[:-1]] += count
            self.kinds[gram[:-1]] += 1

    def share(self, gram: Gram) -> tuple[float, float]:
        """The discounted probability of the last word after the others, and the weight of the lower order."""
        total = self.totals.get(gram[:-1], 0)
        if not total:
            return 0.0, 1.0
        kept = max(self.counts.get(gram, 0) - self.discount, 0.0) / total
        return kept, self.discount * self.kinds[gram[:-1]] / total


class Model:
    """Counts `train.txt` beside this file, one sentence a line."""

    def __init__(self, path: str | None = None) -> None:
        folder = Path(path) if path else Path(__file__).parent
        sentences = [tokens(line) for line in (folder / "train.txt").read_text(encoding="utf-8").splitlines()]
        self.vocabulary = {word for sentence in sentences for word in sentence} | {END, UNKNOWN}
        highest: Counter[Gram] = Counter()
        for sentence in sentences:
            padded = [START] * (ORDER - 1) + sentence + [END]
            highest.update(zip(*(padded[start:] for start in range(ORDER)), strict=False))
        grams, self.levels = highest, [Level(highest)]
        for _ in range(ORDER - 1):
            # A lower order counts in how many contexts a gram occurs, not how often.
            grams = Counter(gram[1:] for gram in grams)
            self.levels.append(Level(grams))

    def probability(self, gram: Gram) -> float:
        """P(last word | the words before it), interpolated down to the uniform distribution."""
        result, weight = 0.0, 1.0
        for level in self.levels:
            kept, rest = level.share(gram)
            result += weight * kept
            weight *= rest
            gram = gram[1:]
        return result + weight / len(self.vocabulary)

    def loglikelihood(self, requests: list[dict[str, str]]) -> list[float]:
        """The natural log-probability of each continuation after its context, the end of the sentence included."""
        return [self._one(request["context"], request["continuation"]) for request in requests]

    def _one(self, context: str, continuation: str) -> float:
        before = [START] * (ORDER - 1) + tokens(context)
        words = [
            word if word in self.vocabulary or word == START else UNKNOWN
            for word in [*before, *tokens(continuation), END]
        ]
        return sum(
            math.log(self.probability(tuple(words[end - ORDER : end])))
            for end in range(len(before) + 1, len(words) + 1)
        )
