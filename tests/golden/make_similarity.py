"""Makes similarity.json: `python make_similarity.py > similarity.json`, with numpy, scipy and nlopt.

Invented matrices. `choices`: exp(-KL), the softmax's factor sought by nlopt (GN_DIRECT_L, then LN_BOBYQA) from 0.025 to
40, as DevBench does (Tan et al. 2024). `pairs`: scipy's spearmanr over the lower triangles. Nothing of this project
takes part.
"""

import json
import sys

import nlopt
import numpy as np
import scipy
from scipy.stats import spearmanr


def divergence(human: np.ndarray, model: np.ndarray, beta: float) -> float:
    powers = np.exp(beta * (model - model.max(axis=1, keepdims=True)))
    q = np.clip(powers / powers.sum(axis=1, keepdims=True), 1e-10, 1)
    p = np.clip(human, 1e-10, 1)
    return float(np.mean(np.sum(p * np.log(p / q), axis=1)))


def least(human: np.ndarray, model: np.ndarray) -> float:
    found = []
    for method in (nlopt.GN_DIRECT_L, nlopt.LN_BOBYQA):
        search = nlopt.opt(method, 1)
        search.set_lower_bounds([0.025])
        search.set_upper_bounds([40])
        search.set_min_objective(lambda beta, _gradient: divergence(human, model, beta[0]))
        search.set_xtol_abs(1e-10)
        search.set_maxeval(4000)
        search.optimize([1.0])
        found.append(search.last_optimum_value())
    return min(found)


def main() -> None:
    random = np.random.default_rng(4)
    choices = []
    for name, count, scale in (("trials", 20, 3.0), ("flat", 6, 0.05), ("sharp", 12, 40.0)):
        human = random.dirichlet([1, 0.5, 0.5, 0.5], count)
        model = (np.log(human + 0.05) * 0.3 + random.normal(size=(count, 4)) * 0.1) * scale
        value = float(np.exp(-least(human, model)))
        choices.append({"name": name, "human": human.tolist(), "model": model.tolist(), "response-similarity": value})
    human = random.random((9, 9)).round(2)
    human = (human + human.T) / 2
    model = human * 0.5 + random.random((9, 9))
    lower = np.tril_indices(9, -1)
    rsa = float(spearmanr(human[lower], model[lower])[0])
    pairs = {"human": human.tolist(), "model": model.tolist(), "rsa": rsa}
    made = f"make_similarity.py, scipy {scipy.__version__}, nlopt {nlopt.version_major()}.{nlopt.version_minor()}"
    json.dump({"made": made, "choices": choices, "pairs": pairs}, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
