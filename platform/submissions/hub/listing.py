"""What a repository holds: commits of revisions and branches, and the files of a model among a commit's files."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from evaluators.protocol.problems import Problem, ProblemsFound
from sandbox.inside.names import Names, check_name
from sandbox.inside.refusals import REMEDIES, Refused
from submissions.hub.errors import HubAway
from submissions.hub.network import Web

MAIN = "main"  # how the commit of the finished model is called, beside those of its checkpoints
MOST_ANSWER = 16 * 1024**2  # bytes
MOST_FILES = 5000  # of a hand-in
COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
SUFFIXES = (".safetensors", ".json", ".txt", ".model")
PICKLED = re.compile(r"pytorch_model[\w.-]*\.bin")


@dataclass(frozen=True, slots=True)
class Takes:
    """What all tracks that are entered take beside safetensors and plain files."""

    pickled: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a commit: `path` in the submission, `name` in the repository, `size` in bytes.

    `oid` is what the hub calls the bytes: `sha256:…`, `git:…` (a git blob's SHA-1), or nothing.
    """

    path: str
    name: str
    commit: str
    size: int
    oid: str


def ask(web: Web, path: str) -> Any:
    """The hub's answer as JSON; raises HubAway, ProblemsFound."""
    with web.get(f"{web.base}{path}") as response:
        body = bytearray()
        try:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > MOST_ANSWER:
                    raise HubAway("the hub's answer is too long")
        except web.broken as error:
            raise HubAway("the hub's answer was broken off") from error
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HubAway("the hub's answer is no JSON") from error


def commit_of(web: Web, repo: str, revision: str) -> str:
    """The 40 hexadecimal digits that a branch, tag or commit stands for now; raises HubAway, ProblemsFound."""
    commit = _of_mapping(ask(web, f"/api/models/{repo}/revision/{quote(revision, safe='')}")).get("sha")
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise HubAway("the hub does not say which commit the revision is")
    if COMMIT.fullmatch(revision) and commit != revision:
        raise HubAway("the hub answers with another commit than was asked for")
    return commit


def branches_of(web: Web, repo: str) -> dict[str, str]:
    """Each branch and its commit; raises HubAway, ProblemsFound."""
    found = _of_mapping(ask(web, f"/api/models/{repo}/refs")).get("branches")
    if not isinstance(found, list):
        raise HubAway("the hub does not say which branches there are")
    branches = {}
    for one in map(_of_mapping, found):
        name, commit = one.get("name"), one.get("targetCommit")
        if isinstance(name, str) and isinstance(commit, str) and COMMIT.fullmatch(commit):
            branches[name] = commit
    return branches


def files_of(web: Web, repo: str, commit: str, *, folder: str, takes: Takes) -> list[RemoteFile]:
    """The files of a model at the top of a commit, called as they are in the submission's folder.

    Raises ProblemsFound where one has a name that could mean another place; HubAway.
    """
    answer = _of_mapping(ask(web, f"/api/models/{repo}/revision/{commit}?blobs=true"))
    found = answer.get("siblings")
    if answer.get("sha") != commit or not isinstance(found, list):
        raise HubAway("the hub does not list the files of the commit")
    facts = {str(one.get("rfilename")): one for one in map(_of_mapping, found)}
    return [
        RemoteFile(f"{folder}/{name}" if folder else name, name, commit, *_size_and_oid(facts[name]))
        for name in names_of_a_model(facts, takes, folder=folder)
    ]


def names_of_a_model(names: Iterable[str], takes: Takes, *, folder: str = "") -> list[str]:
    """Those of the names that a model folder needs; raises ProblemsFound where one could mean another place."""
    suffixes = (*SUFFIXES, ".py") if takes.code else SUFFIXES
    wanted = [name for name in names if name.endswith(suffixes) or PICKLED.fullmatch(PurePosixPath(name).name)]
    taken = Names()
    try:
        top = sorted(name for name in wanted if "/" not in check_name(name))
        for name in top:
            taken.take(check_name(f"{folder}/{name}" if folder else name), folder=False)
    except Refused as error:
        shown = "".join(character if character.isprintable() else "?" for character in error.file)[:200]
        raise ProblemsFound([Problem(error.code, str(error), shown, remedy=REMEDIES[error.code])]) from error
    safe = any(name.endswith(".safetensors") for name in top)
    return [name for name in top if (takes.pickled and not safe) or not PICKLED.fullmatch(name)]


def _of_mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise HubAway("the hub's answer is not what was asked for")
    return value


def _size_and_oid(facts: Mapping[str, Any]) -> tuple[int, str]:
    lfs = facts.get("lfs") if isinstance(facts.get("lfs"), dict) else None
    size = (lfs or facts).get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise HubAway("the hub does not say how large the files are")
    sha256, blob = (lfs or {}).get("sha256"), facts.get("blobId")
    if isinstance(sha256, str) and SHA256.fullmatch(sha256):
        return size, f"sha256:{sha256}"
    # With large files the blob is a pointer to the bytes, and not the bytes themselves.
    return size, f"git:{blob}" if lfs is None and isinstance(blob, str) and COMMIT.fullmatch(blob) else ""
