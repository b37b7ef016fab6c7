"""A participant as the platform meets one: a browser's requests, nothing that only the demo could do."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
ERROR = re.compile(r'<(ul|p|div) class="(?:errors|notice bad)"[^>]*>(.*?)</\1>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")
TIMEOUT = 60.0


class ParticipantRefused(Exception):
    """The platform did not take what the participant sent; the message is what its page said."""


class Participant:
    """A person at a browser; `close` it in the end."""

    def __init__(self, site: str) -> None:
        self._http = httpx2.Client(base_url=site, follow_redirects=True, timeout=TIMEOUT)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def log_in(self, email: str, password: str) -> None:
        """Log in by the form; raises ParticipantRefused."""
        page = self._post_form("/accounts/login/", {"login": email, "password": password})
        if page.url.path.startswith("/accounts/login"):
            raise _refused(page)

    def open_team(self, name: str) -> str:
        """Open a team; returns its slug."""
        page = self._post_form("/teams/new", {"name": name})
        match = re.fullmatch(r"/teams/([^/]+)/", page.url.path)
        if match is None or match[1] == "new":
            raise _refused(page)
        return match[1]

    def register(self, challenge: str, team: str) -> None:
        """Take part in the challenge with the team."""
        page = self._post_form(f"/c/{challenge}/register", {"team": team})
        if page.url.path != f"/c/{challenge}/":
            raise _refused(page)

    def upload(self, challenge: str, file: Path) -> str:
        """Upload the file in chunks; returns the upload's id."""
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        value = {"challenge": challenge, "filename": file.name, "size": file.stat().st_size, "sha256": digest}
        told = _json(self._http.post("/uploads/", json=value, headers=self._token()))
        for offset, chunk in _chunks(file, told["chunk_bytes"]):
            headers = {**self._token(), "Upload-Offset": str(offset)}
            told = _json(self._http.patch(told["url"], content=chunk, headers=headers))
        return str(told["id"])

    def hand_in(self, challenge: str, track: str, upload: str, phases: list[int]) -> str:
        """Hand the upload in for the phases, described by the submission.yaml in it; returns the submission's page."""
        fields = {"upload": upload, "source": "archive", "phases": [str(phase) for phase in phases]}
        page = self._post_form(f"/c/{challenge}/{track}/submit", fields)
        if page.url.path.endswith("/submit"):
            raise _refused(page)
        return str(page.url.path)

    def enter_phase(self, submission: str, phase: int) -> None:
        """Enter the submission into another phase, by the form of its page."""
        page = self._post_form(f"{submission.rstrip('/')}/advance", {"phase": str(phase)}, form=submission)
        if page.url.path != submission:
            raise _refused(page)

    def events(self, submission: str) -> dict[str, Any]:
        """What the submission's page polls."""
        return _json(self._http.get(f"{submission.rstrip('/')}/events.json"))

    def _post_form(self, path: str, fields: dict[str, Any], *, form: str | None = None) -> httpx2.Response:
        """Fetch the page with the form, then send it back with its token."""
        page = self._http.get(form or path)
        token = TOKEN.search(page.text)
        if page.is_error or token is None:
            raise _refused(page)
        headers = {"Referer": str(page.url)}
        sent = self._http.post(path, data={**fields, "csrfmiddlewaretoken": token[1]}, headers=headers)
        if sent.is_error:
            raise _refused(sent)
        return sent

    def _token(self) -> dict[str, str]:
        """The header that the page's script sends."""
        return {"X-CSRFToken": self._http.cookies.get("csrftoken") or "", "Referer": str(self._http.base_url)}


def _chunks(file: Path, size: int) -> Iterator[tuple[int, bytes]]:
    """The file's chunks with their offsets."""
    with file.open("rb") as opened:
        offset = 0
        while chunk := opened.read(size):
            yield offset, chunk
            offset += len(chunk)


def _json(response: httpx2.Response) -> dict[str, Any]:
    """The answer's object; raises ParticipantRefused where it is an error."""
    if response.is_error:
        raise _refused(response)
    value: dict[str, Any] = response.json()
    return value


def _refused(page: httpx2.Response) -> ParticipantRefused:
    """An error that says what the page says."""
    said = [" ".join(TAG.sub(" ", part).split()) for _, part in ERROR.findall(page.text)]
    what = "; ".join(part for part in said if part) or page.text[:200]
    return ParticipantRefused(f"{page.request.method} {page.url.path} answered {page.status_code}: {what}")
