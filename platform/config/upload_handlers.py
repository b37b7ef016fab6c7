"""How files that come with a plain form are taken: to disk, and only so many bytes of them."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import TemporaryFileUploadHandler


class BoundedUploadHandler(TemporaryFileUploadHandler):
    """Refuses a form whose body is larger than a form may be; larger files come in chunks, which are counted."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any) -> None:  # noqa: N803 - Django's name
        """Refuse by the announced length, before a byte is written."""
        if content_length > settings.FORM_MAX_BYTES:
            raise RequestDataTooBig(f"A form may bring {settings.FORM_MAX_BYTES:,} bytes.")
