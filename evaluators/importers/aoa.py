"""Age of acquisition: when a model learns a word, against when children do.

Layout: the folder aoa (2024: cdi_childes) of the BabyLM evaluation pipeline of 2025: cdi_childes.json, an object from a
word to a list of {"context": …}, and cdi_human.csv, a row for each word with the column `word` and a column for each
month of age, whose cells are the share of children that know it. As there, words of one letter are left out; so are
words without child data, which nothing could be compared with. As there, one blank stands between a context and the
word.
"""

from pathlib import Path

from evaluators.importers.interface import UNSTATED, Collector, Imported, Importer, Options
from evaluators.importers.sources import Row, json_document, one_file, table
from evaluators.protocol.problems import Problem, ProblemsFound

CONTEXTS = 8005
WORDS_FILE, CHILDREN_FILE = "cdi_childes.json", "cdi_human.csv"


def read(source: Path, options: Options) -> Imported:
    """Every word with its contexts in the source's order; the item's id is the word."""
    contexts = _contexts(one_file(source, WORDS_FILE))
    children = _children(one_file(source, CHILDREN_FILE))
    collector = Collector(options)
    left_out = []
    for word, texts in contexts.items():
        known = children.get(word, {})
        if not known or not texts:
            left_out.append(word)
            continue
        item = {"id": word, "group": "aoa", "word": word, "contexts": texts}
        months = sorted(known)
        collector.add(item, {"id": word, "months": months, "known": [known[month] for month in months]})
    notes = (f"{len(left_out)} words of the source have no child data or no context and are left out.",)
    return collector.imported(counts={"contexts": sum(map(len, contexts.values()))}, notes=notes)


def _contexts(path: Path) -> dict[str, list[str]]:
    """The contexts of each word of more than one letter; raises ProblemsFound."""
    value = json_document(path)
    if not isinstance(value, dict):
        raise ProblemsFound([Problem("E-IMPORT-FIELD", "an object from words to contexts is required", path.name)])
    found: dict[str, list[str]] = {}
    for word, entries in value.items():
        if len(word) < 2:
            continue
        if not isinstance(entries, list) or not all(
            isinstance(entry, dict) and isinstance(entry.get("context"), str) for entry in entries
        ):
            message = 'a list of {"context": text} is required'
            raise ProblemsFound([Problem("E-IMPORT-FIELD", message, path.name, field=word[:80])])
        found[word] = [_before_a_word(str(entry["context"])) for entry in entries]
    return found


def _before_a_word(context: str) -> str:
    """The context as the word follows it: with one blank at its end, where it is not empty."""
    text = context.strip()
    return f"{text} " if text else ""


def _children(path: Path) -> dict[str, dict[int, float]]:
    """By word and month the share of children that know it; of rows that name a word twice, the first counts."""
    found: dict[str, dict[int, float]] = {}
    for row in table(path, required=("word",)):
        months = [name for name in row.values if name.isdigit()]
        if not months:
            raise row.refused("word", "the table has no column for a month of age")
        found.setdefault(row.text("word"), _shares(row, months))
    return found


def _shares(row: Row, months: list[str]) -> dict[int, float]:
    shares: dict[int, float] = {}
    for month in months:
        share = row.number(month)
        if share is None:
            continue
        if not 0 <= share <= 1:
            raise row.refused(month, "a share between 0 and 1 is required")
        shares[int(month)] = share
    return shares


IMPORTER = Importer(
    name="aoa",
    title="Age of acquisition",
    source="words and contexts of CHILDES and child data of Wordbank, as in the BabyLM evaluation pipeline of 2025",
    license=UNSTATED,
    form="A word, contexts that it continues, and the share of children that know it at each age. A model is asked at "
    "each checkpoint; the score is the correlation of the points at which it and the children learn the words.",
    read=read,
    manifest={
        "task": "acquisition", "metric": "pearson", "range": [-1, 1], "direction": "higher", "items": "public",
        "version": "2025.1",
    },
    citation="@article{chang-bergen-2022-word, title={Word Acquisition in Neural Language Models}, author={Chang, "
    "Tyler A. "
    "and Bergen, Benjamin K.}, journal={Transactions of the ACL}, volume={10}, year={2022}}",
    expected={"contexts": CONTEXTS},
)  # fmt: skip
