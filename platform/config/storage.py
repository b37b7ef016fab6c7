"""Storage without addresses: what lies in it can be opened by code that may, and never linked."""

from django.core.files.storage import FileSystemStorage


class PrivateStorage(FileSystemStorage):
    """A file system storage that has no URLs and whose files only this user reads."""

    def __init__(self, location: str | None = None) -> None:
        super().__init__(location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def url(self, name: str | None) -> str:
        """Refuse: a private file has no URL."""
        raise ValueError("A private file has no URL; serve it through a view that checks who asks.")
