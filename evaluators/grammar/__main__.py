"""`python -m evaluators.grammar --out DIR --seed N`: both suites and a text to train on."""

import argparse
from pathlib import Path

from evaluators.grammar.folders import SENTENCES, write_all
from evaluators.grammar.pairs import PAIRS


def main() -> None:
    """Write minimal-pairs-public/, minimal-pairs-hidden/ and train.txt below the given folder."""
    parser = argparse.ArgumentParser(prog="python -m evaluators.grammar", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--seed", type=int, required=True, help="what every choice follows from")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="pairs of each phenomenon, a multiple of 4")
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="sentences to train on")
    arguments = parser.parse_args()
    for path in write_all(arguments.out, seed=arguments.seed, pairs=arguments.pairs, sentences=arguments.sentences):
        print(path)


if __name__ == "__main__":
    main()
