"""Storage without addresses: what lies in it can be opened by code that may, and never linked."""

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from config import encryption

# What lies below this name is encrypted, all else is not.
GATED = "gated/"
# A file that is larger is decrypted into an unnamed temporary file instead of memory.
MEMORY_BYTES = 128 * 1024 * 1024


class PrivateStorage(FileSystemStorage):
    """A file system storage that has no URLs and whose files only this user reads."""

    def __init__(self, location: str | None = None) -> None:
        super().__init__(location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def url(self, name: str | None) -> str:
        """Refuse: a private file has no URL."""
        raise ValueError("A private file has no URL; serve it through a view that checks who asks.")


class SealedStorage(PrivateStorage):
    """A private storage in which everything below `gated/` is encrypted under PROCTOR_SEALING_KEYS.

    Opening such a file raises SealingKeyError where its key is not among them or the file was changed.
    """

    def _save(self, name: str, content: "File[Any]") -> str:
        if not name.startswith(GATED):
            return str(super()._save(name, content))  # type: ignore[misc]
        with tempfile.TemporaryFile() as sealed:
            content.seek(0)
            encryption.encrypt(content, sealed, self._keys)
            sealed.seek(0)
            return str(super()._save(name, File(sealed)))  # type: ignore[misc]

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        opened: File[Any] = super()._open(name, mode)  # type: ignore[misc]
        if not name.startswith(GATED):
            return opened
        plain = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
        try:
            with opened:
                encryption.decrypt(opened, plain, self._keys)
        except BaseException:
            plain.close()
            raise
        plain.seek(0)
        return File(plain, name)

    def gated_names(self, folder: str = GATED) -> list[str]:
        """The names of all encrypted files."""
        if not self.exists(folder):
            return []
        folders, files = self.listdir(folder)
        names = [f"{folder}{name}" for name in files]
        return sorted(names + [name for inner in folders for name in self.gated_names(f"{folder}{inner}/")])

    def rotate(self, name: str) -> bool:
        """Encrypt the file anew where it is not under the first key yet; a reader sees the old file or the new one."""
        keys = self._keys
        with super()._open(name, "rb") as sealed:  # type: ignore[misc]
            header = sealed.read(len(encryption.MARK) + encryption.ID_BYTES)
        if encryption.is_under(header, keys[0]):
            return False
        with self._open(name) as plain:
            beside = self._save(f"{name}.new", File(plain))
        Path(self.path(beside)).replace(self.path(name))
        return True

    @property
    def _keys(self) -> list[bytes]:
        return encryption.keys_from(settings.SEALING_KEYS)
