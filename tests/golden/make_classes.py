"""Makes classes.json: `python make_classes.py > classes.json`, with numpy and scikit-learn.

Invented gold and answered classes; every metric by scikit-learn: nothing of this project takes part.
"""

import json
import sys

import numpy as np
import sklearn
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef


def case(name: str, gold: list[str], answered: list[str]) -> dict[str, object]:
    """One case with the metrics; f1 is of the class "1", where there are two."""
    binary = set(gold) | set(answered) == {"0", "1"}
    return {
        "name": name,
        "gold": gold,
        "answered": answered,
        "accuracy": float(accuracy_score(gold, answered)),
        "macro-f1": float(f1_score(gold, answered, average="macro", zero_division=0)),
        "mcc": float(matthews_corrcoef(gold, answered)),
        "f1": float(f1_score(gold, answered, pos_label="1", zero_division=0)) if binary else None,
    }


def main() -> None:
    random = np.random.default_rng(4)

    def binary(count: int, share: float) -> list[str]:
        return [str(int(one)) for one in random.random(count) < share]

    cases = [
        case(f"two classes, {n} items", binary(n, p), binary(n, 0.6)) for n, p in ((40, 0.5), (60, 0.8), (25, 0.3))
    ]
    gold = binary(30, 0.4)
    cases += [
        case("always 1", gold, ["1"] * 30),
        case("always 0", gold, ["0"] * 30),
        case("right", gold, gold),
        case("reversed", gold, [str(1 - int(one)) for one in gold]),
    ]
    for classes, count in ((3, 50), (7, 80)):
        several = [f"c{one}" for one in random.integers(0, classes, count)]
        half = [one if random.random() < 0.5 else f"c{random.integers(0, classes)}" for one in several]
        cases += [case(f"{classes} classes", several, half), case(f"{classes}, always c0", several, ["c0"] * count)]
    cases.append(case("answers outside the gold", ["a", "b", "a", "b", "c"], ["a", "x", "y", "b", "a"]))
    made = f"make_classes.py, scikit-learn {sklearn.__version__}"
    json.dump({"made": made, "cases": cases}, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
