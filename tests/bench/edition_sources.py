"""Stand-in sources of BabyLM 2026, English: every file in its published layout and size, every word in it invented.

At a share below 1 each part (a file, a domain, a cell, a training file) has that share of its lines, though never so
few that nothing could be computed of them.
"""

import csv
import json
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.importers import IMPORTERS, Options, run
from evaluators.importers.blimp import FILTERED
from evaluators.importers.reading import MEASURES

# Sizes of the files that are learnt from: of MNLI and QQP the 10,000 lines that the pipeline of 2025 draws, else all of
# the upstream file's, since nobody states how many of these the filter keeps.
TRAINING = {
    "boolq": 9_427, "mnli": 10_000, "mrpc": 3_668, "multirc": 27_243, "qqp": 10_000, "rte": 2_490, "wsc": 554,
}  # fmt: skip
CLASSES = {"mnli": 3}
CELLS = ("regular", "ambiref", "move_contents")
OPTIONS = 5
AOA_WORDS, AOA_LEAST = 500, 60
MONTHS = range(16, 31)
READING_LEAST = 12  # sentences
SEED = 2026


@dataclass(frozen=True)
class Part:
    """A suite of the edition: its key, its importer, and where below the sources its own lies."""

    key: str
    importer: str
    place: str
    language: str = ""


PARTS = (
    Part("blimp-filtered", "blimp-filtered", "blimp_filtered"),
    Part("blimp-supplement", "blimp-supplement", "supplement_filtered"),
    Part("ewok", "ewok", "ewok_filtered"),
    Part("entity-tracking", "entity-tracking-2026", "entity_tracking"),
    Part("comps", "comps", "comps"),
    Part("global-piqa-parallel-eng-latn", "global-piqa", "global_piqa_parallel", "parallel/eng_latn"),
    Part("global-piqa-nonparallel-eng-latn", "global-piqa", "global_piqa_nonparallel", "nonparallel/eng_latn"),
    Part("glue", "glue", "glue_filtered"),
    Part("reading-eye-tracking", "reading-eye-tracking", "reading"),
    Part("reading-self-paced", "reading-self-paced", "reading"),
    Part("aoa", "aoa", "aoa"),
    Part("blimp-fast", "blimp-fast", "blimp_fast"),
    Part("blimp-supplement-fast", "blimp-supplement-fast", "supplement_fast"),
    Part("ewok-fast", "ewok-fast", "ewok_fast"),
    Part("entity-tracking-fast", "entity-tracking-fast-2026", "entity_tracking_fast"),
)
PRACTICE = ("blimp-filtered", "glue", "reading-self-paced", "aoa")
SYLLABLES = (
    "ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su",
    "ta", "ve", "wi", "zo", "ka", "le", "mi", "no", "pu", "ra",
)  # fmt: skip


class Words:
    """Invented sentences, the same each time; frequent words are drawn often, as in any text."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        made = random.Random(SEED)
        self.all = sorted({"".join(made.choices(SYLLABLES, k=made.randint(1, 3))) for _ in range(1_200)})
        made.shuffle(self.all)
        self._shares = [1 / (rank + 3) for rank in range(len(self.all))]

    def some(self, count: int) -> list[str]:
        """So many words."""
        return self.random.choices(self.all, self._shares, k=count)

    def sentence(self, least: int = 4, most: int = 11) -> str:
        """One sentence."""
        words = self.some(self.random.randint(least, most))
        return " ".join([words[0].capitalize(), *words[1:]]) + "."

    def text(self, words: int) -> str:
        """Sentences of about so many words in all."""
        return " ".join(self.sentence() for _ in range(max(1, words // 7)))


class Sources:
    """Writes every source of the edition below a folder."""

    def __init__(self, folder: Path, share: float) -> None:
        self.folder, self.share = folder, share
        self.learning = 1.0  # of the share of the lines to learn from

    def scaled(self, count: int, least: int = 4) -> int:
        """The share of a part's lines; `least` where it has as many."""
        return max(min(count, least), round(count * self.share))

    def write(self) -> None:
        """Write all of them."""
        self.write_blimp()
        self._pairs("blimp_fast", IMPORTERS["blimp-fast"].expected or {}, least=2, term="invented")
        self._pairs("supplement_filtered", IMPORTERS["blimp-supplement"].expected or {})
        self._pairs("supplement_fast", IMPORTERS["blimp-supplement-fast"].expected or {})
        self._ewok("ewok_filtered", IMPORTERS["ewok"].expected or {})
        self._ewok("ewok_fast", IMPORTERS["ewok-fast"].expected or {})
        self._entity_tracking("entity_tracking", CELLS)
        self._entity_tracking("entity_tracking_fast", CELLS[:1])
        self._comps()
        for part, count in (("parallel", 103), ("nonparallel", 100)):
            self._piqa(f"global_piqa_{part}", count)
        self._glue()
        self._reading()
        self._aoa()

    def write_blimp(self) -> None:
        """Write filtered BLiMP alone."""
        self._pairs("blimp_filtered", FILTERED, least=2, term="invented")

    def _lines(self, path: str, rows: Iterable[dict[str, Any]]) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def _table(self, path: str, rows: list[dict[str, Any]]) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def _pairs(self, place: str, sizes: Any, *, least: int = 4, term: str = "") -> None:
        words = Words(len(place))
        for name, count in sizes.items():
            rows = []
            for _ in range(self.scaled(count, least)):
                good = words.sentence()
                # Some other word, seldom as frequent as the one that stands there.
                bad = " ".join([*good.split()[:-1], words.random.choice(words.all) + "."])
                rows.append(
                    {"sentence_good": good, "sentence_bad": bad, **({"linguistics_term": term} if term else {})}
                )
            self._lines(f"{place}/{name}.jsonl", rows)

    def _ewok(self, place: str, sizes: Any) -> None:
        words = Words(len(place))
        for domain, count in sizes.items():
            rows = [
                {
                    "Domain": domain, "MetaTemplateID": number // 4, "ContextType": "direct", "ContextDiff": "antonym",
                    "Context1": words.sentence(6, 16), "Context2": words.sentence(6, 16),
                    "Target1": words.sentence(), "Target2": words.sentence(),
                }
                for number in range(self.scaled(count))
            ]  # fmt: skip
            self._lines(f"{place}/{domain}.jsonl", rows)

    def _entity_tracking(self, place: str, files: Iterable[str]) -> None:
        """Every line of 2025; those that 2026 leaves out have an option that says nothing."""
        words = Words(len(place))
        before, kept = IMPORTERS["entity-tracking"].expected or {}, IMPORTERS["entity-tracking-2026"].expected or {}
        for name in files:
            rows = []
            for operations in range(6):
                cell = f"{name}_{operations}_ops"
                asked = self.scaled(kept[cell] or 0)
                for number in range(asked + self.scaled((before[cell] or 0) - (kept[cell] or 0), 1)):
                    things = [f" the {' and the '.join(words.some(2))}." for _ in range(OPTIONS)]
                    if number >= asked:
                        things[-1] = " nothing."
                    moves = " ".join(words.sentence(8, 12) for _ in range(operations))
                    boxes = " ".join(f"Box {box} contains the {words.some(1)[0]}," for box in range(7))
                    rows.append(
                        {
                            "input_prefix": f"{boxes} {moves} Box {number % 7} contains", "options": things,
                            "numops": operations, "sample_id": number // 3,
                        }
                    )  # fmt: skip
            self._lines(f"{place}/{name}.jsonl", rows)

    def _comps(self) -> None:
        words = Words(5)
        names = ("comps_base", "comps_wugs", "comps_wugs_dist-before", "comps_wugs_dist-in-between")
        for name, size in zip(names, (IMPORTERS["comps"].expected or {}).values(), strict=True):
            longer = 0 if name == "comps_base" else 8
            rows = []
            for _ in range(self.scaled(size or 0)):
                rest = words.some(longer)
                good, bad = (" ".join(["A", *words.some(1), *rest]) for _ in range(2))
                phrase = " ".join(["can", *words.some(4)]) + "."
                rows.append(
                    {
                        "prefix_acceptable": good, "prefix_unacceptable": bad, "property_phrase": phrase,
                        "property": phrase, "negative_sample_type": "random",
                    }
                )  # fmt: skip
            self._lines(f"comps/{name}.jsonl", rows)

    def _piqa(self, place: str, count: int) -> None:
        words = Words(len(place))
        rows = [
            {
                "prompt": words.sentence(8, 16),
                "solution0": words.sentence(10, 20), "solution1": words.sentence(10, 20),
                "label": number % 2, "example_id": f"example-{number}",
            }
            for number in range(self.scaled(count))
        ]  # fmt: skip
        self._lines(f"{place}/eng_latn.jsonl", rows)

    def _glue(self) -> None:
        words = Words(3)

        def passage(text: int, question: int) -> Callable[[], tuple[str, ...]]:
            return lambda: (words.text(words.random.randint(text // 2, text * 3 // 2)), words.text(question))

        texts: dict[str, tuple[tuple[str, ...], Callable[[], tuple[str, ...]]]] = {
            "boolq": (("passage", "question"), passage(100, 9)),
            "mnli": (("premise", "hypothesis"), passage(20, 10)),
            "mrpc": (("sentence1", "sentence2"), passage(22, 22)),
            "multirc": (("paragraph", "question"), passage(260, 12)),
            "qqp": (("question1", "question2"), passage(11, 11)),
            "rte": (("sentence1", "sentence2"), passage(44, 9)),
            "wsc": (("text", "span1_text"), lambda: (words.text(25), words.some(1)[0])),
        }
        more = {"multirc": "answer", "wsc": "span2_text"}
        for task, (names, made) in texts.items():
            sizes = {"valid": (IMPORTERS["glue"].expected or {})[task] or 0, "train": TRAINING[task]}
            for kind, size in sizes.items():
                rows = []
                lines = self.scaled(size, 6) if kind == "valid" else max(6, round(size * self.share * self.learning))
                for number in range(lines):
                    row: dict[str, Any] = dict(zip(names, made(), strict=True))
                    if task in more:
                        row[more[task]] = " ".join(words.some(2))
                    rows.append({**row, "label": number % CLASSES.get(task, 2), "idx": number})
                self._lines(f"glue_filtered/{task}.{kind}.jsonl", rows)

    def _reading(self) -> None:
        words = Words(4)
        sentences = self.scaled(205, READING_LEAST)
        # Of 205 sentences 86 have nine measured words and the others eight: 1,726.
        lengths = [9 if number < round(86 * sentences / 205) else 8 for number in range(sentences)]
        rows = []
        for number, length in enumerate(lengths):
            said = words.some(length + 1)
            for place in range(1, length + 1):
                times = [round(words.random.gauss(240, 40), 3) for _ in MEASURES]
                rows.append(
                    {
                        "sent_id": number, "item": " ".join(said[:place]), "word": said[place],
                        "context_length": place, "length": len(said[place]),
                        "Subtlex_log10": round(words.random.gauss(4, 1), 4), **dict(zip(MEASURES, times, strict=True)),
                    }
                )  # fmt: skip
        words.random.shuffle(rows)
        self._table("reading/reading_data.csv", rows)

    def _aoa(self) -> None:
        words = Words(6)
        contexts = self.scaled(8_005, 2 * AOA_LEAST)
        known = self.scaled(AOA_WORDS, AOA_LEAST)
        names = [word for word in words.all if len(word) > 1][:known]
        value: dict[str, list[dict[str, str]]] = {name: [] for name in names}
        for number in range(contexts):
            value[names[number % known]].append({"context": " ".join(words.some(words.random.randint(3, 9)))})
        folder = self.folder / "aoa"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cdi_childes.json").write_text(json.dumps(value), encoding="utf-8")
        rows = []
        for place, name in enumerate(names):
            # Words that are frequent in the invented text are learnt early, as they are by the model.
            age = 18 + 9 * place / known + words.random.gauss(0, 1)
            shares = {str(month): round(1 / (1 + math.exp(age - month)), 4) for month in MONTHS}
            rows.append({"word": name, **shares})
        self._table("aoa/cdi_human.csv", rows)


def training_text(lines: int = 4_000) -> str:
    """Text of the same invented language, one sentence a line, for a tokenizer and a tiny model to be trained on."""
    words = Words(9)
    return "\n".join(words.sentence(4, 14) for _ in range(lines))


def import_all(sources: Path, suites: Path, share: float) -> dict[str, int]:
    """Import every suite below `suites`, by its key; returns items by suite.

    At share 1 the importers compare every count with what is known of the benchmark; below, they are told not to.
    """
    items = {}
    for part in PARTS:
        options = Options(language=part.language)
        written = run(IMPORTERS[part.importer], sources / part.place, suites / part.key, options, any_count=share < 1)
        if share >= 1 and not written.asserted:
            raise SystemExit(f"The counts of {part.key} were compared with nothing.")
        items[part.key] = written.items
    return items


def import_practice(sources: Path, suites: Path) -> list[Path]:
    """Import one suite of each kind as a version to rehearse on, whose items anybody may read; returns their folders.

    An importer puts what it reads into one split, so that an organizer who wants rehearsals brings a version for them.
    """
    folders = []
    for part in PARTS:
        if part.key in PRACTICE:
            options, dest = Options(split="dev", language=part.language), suites / part.key
            practice = {"version": "practice", "gold": "public"}
            run(IMPORTERS[part.importer], sources / part.place, dest, options, any_count=True, overrides=practice)
            folders.append(dest)
    return folders
