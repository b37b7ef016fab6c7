"""A small hub on loopback: repositories in memory, the answers of a hub's HTTP interface, and faults on demand."""

import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin")
# A fault answers a request in the hub's place; False: it does not, this time.
Fault = Callable[["Handler"], bool]


def tensors() -> bytes:
    """The smallest safetensors file: one number."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


def blob(content: bytes) -> str:
    """What git calls a file of these bytes."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def commit(files: Mapping[str, bytes]) -> str:
    """A commit of 40 hexadecimal digits that stands for these files."""
    text = json.dumps({name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())})
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: "HubServer"

    def do_GET(self) -> None:
        """Answer from the repositories, unless a fault does."""
        hub = self.server
        path = urlsplit(self.path).path
        with hub.lock:
            hub.requests.append((self.path, dict(self.headers.items())))
        if any(pattern.search(self.path) and fault(self) for pattern, fault in list(hub.faults)):
            return
        info = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(refs|revision/([^/]+))", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([0-9a-f]{40})/(.+)", path)
        cdn = re.fullmatch(r"/cdn/([0-9a-f]{64})", path)
        if info and info[1] in hub.repos:
            self._info(info[1], unquote(info[3]) if info[3] else None)
        elif file and (content := hub.commits.get(file[2], {}).get(unquote(file[3]))) is not None:
            if file[3].endswith(LARGE):
                self.redirect(f"{hub.cdn or ''}/cdn/{hashlib.sha256(content).hexdigest()}")
            else:
                self.content(content)
        elif cdn and cdn[1] in hub.large:
            self.content(hub.large[cdn[1]])
        else:
            self.plain(404, b"{}")

    def _info(self, repo: str, revision: str | None) -> None:
        hub = self.server
        branches = hub.repos[repo]
        if revision is None:
            listed = [
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha} for name, sha in branches.items()
            ]
            self.plain(200, json.dumps({"branches": listed, "converts": [], "tags": []}).encode())
            return
        sha = branches.get(revision, revision)
        if sha not in hub.commits:
            self.plain(404, b'{"error": "Revision Not Found"}')
            return
        siblings = [hub.sibling(name, content) for name, content in hub.commits[sha].items()]
        self.plain(200, json.dumps({"id": repo, "sha": sha, "siblings": siblings}).encode())

    def content(self, content: bytes) -> None:
        """A file, or the part of it that is asked for."""
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.headers.get("If-Range", etag) == etag else None
        if start is not None and start >= len(content):
            self.plain(416, b"")
            return
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content) - (start or 0)))
        self.end_headers()
        self.wfile.write(content[start or 0 :])

    def plain(self, status: int, body: bytes, **headers: str) -> None:
        """An answer without more to it; `_` in a header's name stands for `-`."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, location: str) -> None:
        """Send on to another address."""
        self.plain(302, b"", Location=location)

    def cut(self, content: bytes, after: int) -> None:
        """Announce all of it, send `after` bytes, and hang up."""
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:after])
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class HubServer(ThreadingHTTPServer):
    """The hub; `host` is how settings name it, `cdn` the address of the server for large files where it is another."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.repos: dict[str, dict[str, str]] = {}
        self.commits: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.faults: list[tuple[re.Pattern[str], Fault]] = []
        self.cdn = ""
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.base = f"http://{self.host}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asks may hang up at any time; what else goes wrong is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def push(self, repo: str, files: Mapping[str, bytes], branch: str = "main") -> str:
        """Make a branch consist of these files; returns its commit."""
        sha = commit(files)
        self.commits[sha] = dict(files)
        self.repos.setdefault(repo, {})[branch] = sha
        self.large |= {hashlib.sha256(content).hexdigest(): content for content in files.values()}
        return sha

    def sibling(self, name: str, content: bytes) -> dict[str, Any]:
        """What the hub says of a file."""
        said: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": blob(content)}
        if name.endswith(LARGE):
            said["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
            said["blobId"] = blob(b"a pointer")
        return said

    def fail(self, pattern: str, fault: Fault, *, times: int = 10**6) -> None:
        """Have requests whose address matches answered by `fault`, so many times."""
        left = [times]

        def counted(handler: Handler) -> bool:
            with self.lock:
                left[0] -= 1
                if left[0] < 0:
                    return False
            return fault(handler)

        self.faults.append((re.compile(pattern), counted))

    def asked_for(self, pattern: str) -> list[dict[str, str]]:
        """The headers of the requests whose address matches, in their order."""
        return [headers for path, headers in self.requests if re.search(pattern, path)]
