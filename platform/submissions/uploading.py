"""The upload's endpoints, in the shape of tus: create, ask how far, send the next chunk at its offset, give up."""

import json
import re
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from challenges.models import Challenge
from evaluators.protocol.problems import Problem
from submissions import uploads
from submissions.errors import UploadRefused
from submissions.models import Registration, UploadSession

# Empty where the sender computed none.
SHA256 = re.compile(r"(?:[0-9a-fA-F]{64})?")


def _told(session: UploadSession, status: int = 200) -> JsonResponse:
    value: dict[str, Any] = {
        "id": str(session.pk),
        "url": reverse("upload", args=[session.pk]),
        "filename": session.filename,
        "size": session.size,
        "received": session.received,
        "chunk_bytes": settings.UPLOAD_CHUNK_BYTES,
        "state": session.state,
        "digest": session.artifact.digest if session.artifact else None,
    }
    response = JsonResponse(value, status=status)
    response["Upload-Offset"] = str(session.received)
    return response


def _refused(error: UploadRefused) -> JsonResponse:
    problem = error.problem
    value = {"code": problem.code, "message": problem.message, "remedy": problem.remedy, "received": error.received}
    return JsonResponse(value, status=error.status)


def _bad(code: str, message: str, remedy: str = "", status: int = 400) -> JsonResponse:
    return _refused(UploadRefused(Problem(code, message, remedy=remedy), status=status))


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """Open an upload: {challenge, filename, size, sha256?}."""
    if not request.user.is_authenticated:
        return _bad("E-UP-LOGIN", "you are not logged in", "Log in, and choose the file again.", 401)
    try:
        value = json.loads(request.body)
        challenge, filename, size = value["challenge"], value["filename"], value["size"]
        digest = value.get("sha256") or ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _bad("E-UP-REQUEST", "challenge, filename and size are required", "Send them as a JSON object.")
    if not (isinstance(filename, str) and type(size) is int and isinstance(digest, str) and SHA256.fullmatch(digest)):
        return _bad("E-UP-REQUEST", "filename is a text, size a whole number, sha256 64 hexadecimal digits")
    shown = get_object_or_404(Challenge.objects.visible_to(request.user), key=str(challenge))
    if not Registration.objects.filter(challenge=shown, team__members=request.user).exists():
        return _bad("E-REG-MEMBER", f"none of your teams takes part in {shown.title}", "Take part first.", 403)
    try:
        session = uploads.create(user=request.user, challenge=shown, filename=filename, size=size, digest=digest)
    except UploadRefused as error:
        return _refused(error)
    return _told(session, 201)


@require_http_methods(["GET", "HEAD", "PATCH", "DELETE"])
def upload(request: HttpRequest, pk: Any) -> HttpResponse:
    """One upload of mine."""
    if not request.user.is_authenticated:
        return _bad("E-UP-LOGIN", "you are not logged in", "Log in, and choose the file again.", 401)
    session = UploadSession.objects.filter(pk=pk, user=request.user).select_related("artifact").first()
    if session is None:
        raise Http404
    try:
        if request.method == "PATCH":
            session = _patch(request, session)
        elif request.method == "DELETE":
            uploads.abandon(session=session)
            return HttpResponse(status=204)
    except UploadRefused as error:
        return _refused(error)
    return _told(session)


def _patch(request: HttpRequest, session: UploadSession) -> UploadSession:
    """Take the body as the next chunk; a body that was cut off is not taken at all."""
    try:
        offset = int(request.headers.get("Upload-Offset", ""))
        length = int(request.headers.get("Content-Length", ""))
    except ValueError as error:
        raise UploadRefused(Problem("E-UP-REQUEST", "Upload-Offset and Content-Length are required")) from error
    if not 0 <= length <= settings.UPLOAD_CHUNK_BYTES:
        raise UploadRefused(
            Problem("E-UP-CHUNK", f"a chunk has at most {settings.UPLOAD_CHUNK_BYTES:,} bytes", remedy="Send less."),
            status=413, received=session.received,
        )  # fmt: skip
    try:
        chunk = request.read(length)
    except UnreadablePostError as error:
        raise UploadRefused(Problem("E-UP-TRUNCATED", "the chunk was cut off"), received=session.received) from error
    if len(chunk) != length:
        raise UploadRefused(
            Problem("E-UP-TRUNCATED", "the chunk was cut off", remedy="Send it again."), received=session.received
        )
    return uploads.append(session=session, offset=offset, chunk=chunk)
