"""The grammar's pairs as two suite folders, and its text as a file."""

from collections.abc import Sequence
from pathlib import Path

from evaluators.grammar.pairs import HALVES, PAIRS, Pair, draw_pairs, training_text
from evaluators.protocol.items import Candidate, ChoiceGold, ChoiceItem
from evaluators.protocol.suite import SuiteManifest
from evaluators.suites import write_suite

SENTENCES = 30_000
LICENSE = "CC0-1.0"
GIVEN_OUT = 12  # every twelfth twin of the hidden suite may be read: what rehearsals run on
VERSION = "1"
TEXT_NAME = "train.txt"

README = """# {title}

English minimal pairs made by a small grammar: {phenomena} phenomena, {pairs} pairs. In each pair one sentence is
grammatical and the other is not; a model is right where it gives the grammatical one the higher probability.

**Source.** `python -m evaluators.grammar --seed {seed}` writes this folder again, to the byte. The lexicon and the
rules are original work. **Licence.** {license}.

**How it is balanced.** Pairs are drawn as twins that change the same words in opposite directions (*this dog / these
dog* and *these dogs / this dogs*), so any scorer that adds up a number per word, such as length or frequency, gets
exactly half. The grammatical sentence stands first in half of the pairs of each phenomenon. A twin is a cluster.
Every twelfth twin of the hidden suite is public: a sample to rehearse on.

**How it was checked.** Tests hold the balance above, that no sentence stands in two pairs or in both suites, and that
none stands in the training text, which is made of other combinations of the same words.
"""


def manifest(half: str) -> SuiteManifest:
    """The manifest of the public or the hidden suite."""
    return SuiteManifest.from_value(
        {
            "schema": "suite/1",
            "key": f"minimal-pairs-{half}",
            "title": f"Minimal pairs, {half}",
            "version": VERSION,
            "task": "choice",
            "metric": "accuracy",
            "chance": 0.5,
            "range": [0, 1],
            "direction": "higher",
            "items": half,
            "gold": half,
            "license": LICENSE,
        },
        file="suite.yaml",
    )


def write_all(folder: Path, *, seed: int, pairs: int = PAIRS, sentences: int = SENTENCES) -> tuple[Path, Path, Path]:
    """Write both suites and train.txt below `folder`; returns their paths: public, hidden, text."""
    drawn = draw_pairs(seed, pairs=pairs)
    public, hidden, text = (folder / name for name in ("minimal-pairs-public", "minimal-pairs-hidden", TEXT_NAME))
    for half, path, chosen in (("public", public, drawn.public), ("hidden", hidden, drawn.hidden)):
        _write(path, half, chosen, seed)
    lines = training_text(seed, sentences, without=drawn.sentences())
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return public, hidden, text


def _given_out(pairs: Sequence[Pair]) -> frozenset[str]:
    """The clusters that form the public sample: evenly from every phenomenon, and never all of one."""
    clusters: dict[str, list[str]] = {}
    for pair in pairs:
        names = clusters.setdefault(pair.phenomenon, [])
        if pair.cluster not in names:
            names.append(pair.cluster)
    return frozenset(name for names in clusters.values() if len(names) > 1 for name in names[::GIVEN_OUT])


def _write(path: Path, half: str, pairs: Sequence[Pair], seed: int) -> None:
    """Write one suite folder."""
    path.mkdir(parents=True, exist_ok=True)
    described = manifest(half)
    given_out = _given_out(pairs) if half == "hidden" else frozenset()
    write_suite(
        path,
        described,
        [
            ChoiceItem(
                id=pair.id,
                group=pair.phenomenon,
                tags=(pair.tag,),
                split="public" if pair.cluster in given_out else HALVES[half],
                cluster=pair.cluster,
                choices=tuple(Candidate(continuation=text) for text in pair.candidates),
            )
            for pair in pairs
        ],
        [ChoiceGold(id=pair.id, gold=pair.gold) for pair in pairs],
    )
    phenomena = len({pair.phenomenon for pair in pairs})
    (path / "README.md").write_text(
        README.format(title=described.title, phenomena=phenomena, pairs=len(pairs), seed=seed, license=LICENSE),
        encoding="utf-8",
    )
