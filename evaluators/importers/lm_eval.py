"""Any multiple-choice task of lm-evaluation-harness: its documents, or the samples that it logs.

Layouts, line by line of one file of JSON lines: a document in the form query, choices, gold; or a logged sample
(samples_<task>_<time>.jsonl) with arguments, which hold context and continuation of each request as a list of pairs
or as gen_args_<n> with arg_0 and arg_1, and target. The continuation is taken as the harness asks it, blank included.
"""

import re
from pathlib import Path
from typing import Any

from evaluators.importers.interface import UNSTATED, Collector, Imported, Importer, Line, Options, continuations
from evaluators.importers.sources import Row, files, json_lines, plain

SAMPLES = re.compile(r"^samples_(?P<task>.+)_\d{4}-\d{2}-\d{2}T[\d.:-]+$")


def read(source: Path, options: Options) -> Imported:
    """Every line; item `<task>/<doc_id>`, or `<task>/<k>` where lines have none."""
    path = files(source, ".jsonl")[0]
    match = SAMPLES.match(path.stem)
    task = match["task"] if match else path.stem
    collector = Collector(options)
    shares: list[float] = []
    seen: set[str] = set()
    for row in json_lines(path):
        candidates, gold = _logged(row) if row.has("arguments") else _document(row)
        identifier = f"{task}/{row.whole('doc_id')}" if row.has("doc_id") else collector.number(task)
        if identifier in seen:
            # Logged once for each filter; the requests are the same.
            continue
        seen.add(identifier)
        shares.append(1 / len(candidates))
        collector.named(identifier, candidates, gold, group=task)
    chance = round(sum(shares) / len(shares), 6) if shares else None
    return collector.imported(manifest={"key": plain(task), "title": task, "chance": chance})


def _document(row: Row) -> tuple[list[Line], int]:
    choices = row.texts("choices", least=2)
    query = row.text("query", empty=True) if row.has("query") else row.text("prompt", empty=True)
    gold = row.whole("gold" if row.has("gold") else "label", below=len(choices))
    return continuations(query, choices), gold


def _logged(row: Row) -> tuple[list[Line], int]:
    candidates = [_request(row, one) for one in _arguments(row)]
    if len(candidates) < 2:
        raise row.refused("arguments", "at least two requests are required: this is no multiple-choice task")
    return candidates, _target(row, candidates)


def _arguments(row: Row) -> list[Any]:
    value = row.values["arguments"]
    if isinstance(value, dict):
        named = [value[name] for name in sorted(value, key=lambda name: int(re.sub(r"\D", "", name) or 0))]
        return [[one.get("arg_0"), one.get("arg_1")] if isinstance(one, dict) else one for one in named]
    return value if isinstance(value, list) else []


def _request(row: Row, value: Any) -> Line:
    texts = value if isinstance(value, list) else []
    if len(texts) != 2 or not all(isinstance(text, str) for text in texts) or not texts[1]:
        raise row.refused("arguments", "a context and a continuation are required for each request")
    return {"context": texts[0], "continuation": texts[1]} if texts[0] else {"continuation": texts[1]}


def _target(row: Row, candidates: list[Line]) -> int:
    """The gold's position: a number, or the text of one continuation."""
    target = row.optional("target").strip()
    texts = [str(one["continuation"]).strip() for one in candidates]
    if texts.count(target) == 1:
        return texts.index(target)
    if target.isdigit() and int(target) < len(candidates):
        return int(target)
    raise row.refused("target", "the target is neither a position nor one of the continuations")


IMPORTER = Importer(
    name="lm-eval",
    title="A task of lm-evaluation-harness",
    source="lm-evaluation-harness, github.com/EleutherAI/lm-evaluation-harness, and the task's own source",
    license=UNSTATED,
    form="A context and several continuations; a model chooses the likeliest. An item's id is `<task>/<number>`.",
    read=read,
    manifest={"task": "choice", "metric": "accuracy", "range": [0, 1], "direction": "higher"},
)
