"""Which pickled files of a model folder are its weights, which of them become safetensors, and which are left out."""

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from sandbox.inside import strict_json
from sandbox.inside.refusals import Refused
from sandbox.inside.zips import STORED, read_directory

CONFIG = "config.json"
RESULT = "model.safetensors"
WEIGHTS = (".bin", ".pt", ".pth", ".ckpt")
INDEX = ".index.json"
INDEX_BYTES = 32_000_000
USUAL = "pytorch_model.bin"
SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.(?:bin|pt|pth|ckpt)\Z")
# What training leaves beside the weights: never opened, and gone from what predict sees.
BESIDE = re.compile(r"(?:training_args|optimizer|scheduler|scaler|rng_state(?:_\d+)?)\.(?:bin|pt|pth|ckpt)\Z")
MAX_RECORDS = 200_000  # tensors in one file
MAX_SOURCES = 200  # files to be converted in one submission: their names travel in a program's arguments


class Conversion(NamedTuple):
    """What becomes of one folder's pickled files: `sources` are converted, `others` only go."""

    folder: str
    sources: list[str]
    others: list[str]

    @property
    def result(self) -> str:
        """The path of the file that takes the sources' place."""
        return f"{self.folder}/{RESULT}".removeprefix("/")


def may_be_weights(path: str, there: Collection[str]) -> bool:
    """Say whether a pickled file stands beside a config.json under a name that weights have."""
    folder = path.rpartition("/")[0]
    return path.lower().endswith(WEIGHTS) and f"{folder}/{CONFIG}".removeprefix("/") in there


def plan(
    weights: Collection[str], there: Collection[str], read_index: Callable[[str], dict[str, Any]]
) -> list[Conversion]:
    """Say for each folder what is converted; `read_index` reads an index file. Raises Refused."""
    conversions = []
    for folder in sorted({path.rpartition("/")[0] for path in weights}):
        names = sorted(path.rpartition("/")[2] for path in weights if path.rpartition("/")[0] == folder)
        prefix = f"{folder}/" if folder else ""
        here = {path.removeprefix(prefix) for path in there if path.startswith(prefix)}
        indexes = sorted(name for name in here if "/" not in name and name.lower().endswith(_index_names()))
        if any(name.lower().endswith(".safetensors") and "/" not in name for name in here):
            chosen: list[str] = []
        else:
            chosen = _choose(names, indexes, prefix, read_index)
        others = [name for name in (*names, *indexes) if name not in chosen]
        conversions.append(Conversion(folder, [prefix + name for name in chosen], [prefix + name for name in others]))
    sources = [source for conversion in conversions for source in conversion.sources]
    if len(sources) > MAX_SOURCES:
        raise Refused("E-WEIGHTS-MANY", f"There are more than {MAX_SOURCES} files of weights.", sources[MAX_SOURCES])
    return conversions


def _index_names() -> tuple[str, ...]:
    return tuple(ending + INDEX for ending in WEIGHTS)


def _choose(
    names: list[str], indexes: list[str], prefix: str, read_index: Callable[[str], dict[str, Any]]
) -> list[str]:
    """Return the files that together are the weights; raises Refused where that is not clear."""
    candidates = [name for name in names if not BESIDE.match(name)]
    if len(indexes) > 1:
        raise Refused("E-WEIGHTS-MANY", "There are several indexes of weights.", prefix + indexes[1])
    if indexes:
        return _indexed(candidates, prefix + indexes[0], read_index(prefix + indexes[0]))
    if not candidates:
        message = "There are no weights, only what training leaves beside them."
        raise Refused("E-WEIGHTS-FORM", message, prefix + names[0])
    if USUAL in candidates:
        return [USUAL]
    shards = [match for name in candidates if (match := SHARD.match(name))]
    if len(shards) == len(candidates):
        return _sharded(shards, prefix)
    if len(candidates) > 1:
        raise Refused("E-WEIGHTS-MANY", "Several files could be the weights.", prefix + candidates[1])
    return candidates


def _sharded(shards: list[re.Match[str]], prefix: str) -> list[str]:
    numbers = [int(shard[2]) for shard in shards]
    stems = {(shard[1], shard[3]) for shard in shards}
    if len(stems) > 1 or numbers != list(range(1, int(shards[0][3]) + 1)):
        message = "Shards of the weights are missing, or belong to several models."
        raise Refused("E-WEIGHTS-INDEX", message, prefix + shards[0][0])
    return [shard[0] for shard in shards]


def _indexed(candidates: list[str], path: str, index: dict[str, Any]) -> list[str]:
    table = index.get("weight_map")
    if not isinstance(table, dict) or not table or not all(isinstance(name, str) for name in table.values()):
        raise Refused("E-WEIGHTS-INDEX", "The index holds no table of which file holds which tensor.", path)
    named = sorted(set(table.values()))
    if any(name not in candidates for name in named):
        raise Refused("E-WEIGHTS-INDEX", "The index names a file of weights that is not there.", path)
    return named


def read_index(root: str, path: str) -> dict[str, Any]:
    """Return an index of shards; raises Refused."""
    with open(f"{root}/{path}", "rb") as file:  # noqa: PTH123
        raw = file.read(INDEX_BYTES + 1)
    if len(raw) > INDEX_BYTES:
        raise Refused("E-WEIGHTS-INDEX", "The index of the weights is larger than 32 MB.", path)
    try:
        value = strict_json.loads(raw, max_depth=4)
    except strict_json.NotStrict as error:
        raise Refused("E-WEIGHTS-INDEX", f"The index is not strict JSON: {error}.", path) from None
    if not isinstance(value, dict):
        raise Refused("E-WEIGHTS-INDEX", "The index is not a JSON object.", path)
    return value


def check_container(root: str, path: str) -> None:
    """Check that weights in a zip are plain records, none packed or overlapping; raises Refused.

    The library that reads them takes offsets and sizes as they stand.
    """
    with open(f"{root}/{path}", "rb") as file:  # noqa: PTH123
        if file.read(4) != b"PK\x03\x04":
            return
        try:
            entries = read_directory(file, max_entries=MAX_RECORDS)
        except Refused:
            raise Refused("E-WEIGHTS-DAMAGED", "The file of weights is damaged or broken off.", path) from None
    if any(entry.method != STORED or entry.flags & 0x2041 or entry.size != entry.packed for entry in entries):
        raise Refused("E-WEIGHTS-DAMAGED", "The file of weights holds packed or encrypted records.", path)
