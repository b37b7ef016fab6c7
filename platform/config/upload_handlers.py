"""How files that come with a plain form are taken: to disk, and only so many bytes of them."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import TemporaryFileUploadHandler

# Forms for people who are not logged in bring no files: logging in, signing up, choosing a new password.
STRANGERS_BYTES = 64 * 1024


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Refuses a form whose body is larger than this person's may be; larger files come in chunks, which are counted."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any) -> None:  # noqa: N803 - Django's name
        """Refuse by the announced length, before a byte is written: the body is read before any view is asked."""
        person = getattr(self.request, "user", None)
        known = person is not None and person.is_authenticated
        most = settings.FORM_MAX_BYTES if known else min(STRANGERS_BYTES, settings.FORM_MAX_BYTES)
        if content_length > most:
            hint = "" if known else " Log in first."
            raise RequestDataTooBig(f"A form may bring {most:,} bytes.{hint}")
