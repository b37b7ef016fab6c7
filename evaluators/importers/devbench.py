"""DevBench: words and sentences for which children chose one of four images, and how alike people find things.

Layout: the folder devbench of the BabyLM evaluation pipelines: assets/<task>/manifest.csv with image1 … and text1,
paths relative to it, and evals/<task>/human.csv with trial (from 1), image1 to image4 (the share of people that chose
each) and, for the vocabulary, age_bin; for things evals/sem-things/spose_similarity.mat with the matrix spose_sim.
The first image of a trial is the one that is meant, so the images of an item are put in an order drawn from the
trial's digest.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from evaluators.importers.interface import UNSTATED, Collector, Imported, Importer, Line, Options, clip
from evaluators.importers.sources import Row, one_file, table
from evaluators.protocol.problems import Problem, ProblemsFound

IMAGES = ("image1", "image2", "image3", "image4")
THINGS = 1854
# Six digits after the point are more than people's judgements bear, and keep the matrix at a few tens of megabytes.
DIGITS = 6


def _manifest(source: Path, task: str) -> tuple[list[Row], Path]:
    folder = source / "assets" / task
    return list(table(one_file(folder, "manifest.csv"))), folder


def _image(row: Row, name: str, folder: Path, media: dict[str, Path]) -> str:
    path = folder / row.text(name)
    if not path.is_file() or not path.resolve().is_relative_to(folder.parent.resolve()):
        raise row.refused(name, f"there is no image {row.text(name)!r} below {folder.name}")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    media[digest] = path
    return digest


def _trials(task: str, source: Path, options: Options) -> Imported:
    """An item for each trial, or for each trial and age; the target's place follows from the trial's digest."""
    rows, folder = _manifest(source, task)
    people = list(table(one_file(source / "evals" / task, "human.csv"), required=("trial", *IMAGES)))
    media: dict[str, Path] = {}
    trials = [[_image(row, name, folder, media) for name in IMAGES] for row in rows]
    collector = Collector(options)
    for answer in people:
        trial = answer.whole("trial")
        if not 1 <= trial <= len(rows):
            raise answer.refused("trial", f"the manifest has trials 1 to {len(rows)}")
        age = clip(answer.optional("age_bin"))
        identifier = f"{task}/{trial - 1}" + (f"/{age}" if age else "")
        shares = [answer.number(name) for name in IMAGES]
        place = hashlib.sha256(f"{task}/{trial}".encode()).digest()[0] % len(IMAGES)
        order = [1, 2, 3]
        order.insert(place, 0)
        item: Line = {
            "id": identifier, "group": age or task, "cluster": f"{task}/{trial - 1}",
            "rows": [{"text": rows[trial - 1].text("text1")}],
            "cols": [{"image": trials[trial - 1][position]} for position in order],
        }  # fmt: skip
        gold = {"id": identifier, "matrix": [[shares[position] for position in order]], "target": [place]}
        collector.add(item, gold)
    return collector.imported(media=media, counts={"trials": len(rows)})


def read_lexical(source: Path, options: Options) -> Imported:
    """The visual vocabulary, by age; item `lex-viz_vocab/<k>/<age>`."""
    return _trials("lex-viz_vocab", source, options)


def read_grammatical(source: Path, options: Options) -> Imported:
    """The test for the reception of grammar; item `gram-trog/<k>`."""
    return _trials("gram-trog", source, options)


def read_semantic(source: Path, options: Options) -> Imported:
    """The THINGS objects, each against each; the one item `sem-things/0`."""
    rows, folder = _manifest(source, "sem-things")
    media: dict[str, Path] = {}
    seen = [{"image": _image(row, "image1", folder, media)} for row in rows]
    matrix = _similarities(one_file(source / "evals" / "sem-things", "spose_similarity.mat"), len(rows))
    collector = Collector(options)
    item: Line = {"id": "sem-things/0", "group": "sem-things", "rows": seen, "cols": seen}
    collector.add(item, {"id": "sem-things/0", "matrix": matrix})
    return collector.imported(media=media, counts={"objects": len(rows)})


def _similarities(path: Path, size: int) -> list[list[float]]:
    """The matrix spose_sim of a .mat file; raises ProblemsFound where it is not of that size."""
    import numpy as np
    from scipy.io import loadmat

    try:
        matrix = np.asarray(loadmat(path).get("spose_sim"), dtype=float)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise ProblemsFound(
            [Problem("E-DOC-SYNTAX", "this is no .mat file with a matrix spose_sim", path.name)]
        ) from error
    if matrix.shape != (size, size) or not np.isfinite(matrix).all():
        message = f"{size} × {size} numbers are required, here are {' × '.join(map(str, matrix.shape)) or 'none'}"
        raise ProblemsFound([Problem("E-IMPORT-COUNT", message, path.name, field="spose_sim")])
    rounded: list[list[float]] = matrix.round(DIGITS).tolist()
    return rounded


SOURCE = "Tan et al. 2024, DevBench, github.com/alvinwmtan/dev-bench, as in the BabyLM evaluation pipelines"
CITATION = (
    "@article{tan2024devbench, title={{DevBench}: A multimodal developmental benchmark for language learning}, "
    "author={Tan, "
    "Alvin Wei Ming and others}, journal={arXiv preprint arXiv:2406.10215}, year={2024}}"
)
CHOICE: Mapping[str, object] = {
    "task": "similarity", "metric": "accuracy", "chance": 0.25, "range": [0, 1], "direction": "higher",
    "version": "2024.1",
}  # fmt: skip
LEXICAL = Importer(
    name="devbench-lexical",
    title="DevBench, visual vocabulary",
    source=SOURCE,
    license=UNSTATED,
    form="A word and four images, and the share of people of an age that chose each. An item's id is "
    "`lex-viz_vocab/<k>/<age>`; its images stand in an order drawn from its digest.",
    read=read_lexical,
    manifest=CHOICE,
    citation=CITATION,
    expected={"trials": 119},
)
GRAMMATICAL = Importer(
    name="devbench-grammatical",
    title="DevBench, reception of grammar",
    source=SOURCE,
    license=UNSTATED,
    form="A sentence and four images, and the share of people that chose each. An item's id is `gram-trog/<k>`; its "
    "images "
    "stand in an order drawn from its digest.",
    read=read_grammatical,
    manifest=CHOICE,
    citation=CITATION,
    expected={"trials": 76},
)
SEMANTIC = Importer(
    name="devbench-semantic",
    title="DevBench, THINGS",
    source=SOURCE,
    license=UNSTATED,
    form="1,854 images of things, each against each, and how alike people find them.",
    read=read_semantic,
    manifest={
        "task": "similarity", "metric": "rsa", "range": [-1, 1], "direction": "higher", "version": "2024.1",
    },
    citation=CITATION,
    expected={"objects": THINGS},
)  # fmt: skip
