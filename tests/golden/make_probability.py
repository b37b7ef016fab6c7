"""Makes probability.json: `python make_probability.py > probability.json`, with numpy and scipy.

Invented log-probabilities and human shares, with ties in both; softmax by hand, correlations by scipy on the plain
lists: nothing of this project takes part.
"""

import json
import math
import sys

import numpy as np
from scipy.stats import pearsonr, spearmanr


def main() -> None:
    random = np.random.default_rng(11)
    human = random.choice(np.linspace(0, 1, 21), 40).round(2).tolist()
    pairs = [
        [round(-8 + 2 * share + float(random.normal()), 1), round(-7 + float(random.normal(0, 0.2)), 1)]
        for share in human
    ]
    # Equal odds must be equal numbers, or their last digits would decide which of two items ranks first.
    model = [round(math.exp(first) / (math.exp(first) + math.exp(second)), 12) for first, second in pairs]
    found = {
        "spearman": float(spearmanr(model, human).statistic),
        "pearson": float(pearsonr(model, human).statistic),
    }
    json.dump({"made": "make_probability.py, scipy", "human": human, "logprobs": pairs, **found}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
