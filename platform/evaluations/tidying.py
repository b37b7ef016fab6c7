"""What each worker tidies on its own host: what dead attempts, intakes and uploads left behind."""

import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from evaluations.orphans import remove_orphans
from evaluations.selectors import submissions_in_use
from sandbox.engine.reaping import reap
from sandbox.errors import SandboxError
from submissions import engine

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tidied:
    """Containers and volumes of dead attempts, those past their deadline, unpacked submissions, temporary files."""

    orphans: int = 0
    late: int = 0
    unpacked: int = 0
    temporary: int = 0

    def __bool__(self) -> bool:
        return bool(self.orphans or self.late or self.unpacked or self.temporary)


def tidy() -> Tidied:
    """Look once; a host without an engine has only files to tidy."""
    orphans = late = unpacked = 0
    try:
        orphans = remove_orphans()
        # Intakes and readers, which belong to no attempt, and empty control groups go by their deadline.
        late = reap(None, labels=engine.labels(), now=time.time())
        unpacked = engine.remove_unused_volumes(needed=submissions_in_use, keep_bytes=settings.UNPACKED_BYTES)
    except SandboxError as error:
        logger.debug("No engine to tidy here: %s", error)
    return Tidied(orphans, late, unpacked, remove_temporary())


def remove_temporary() -> int:
    """Remove what has lain in the folder for temporary files for too long; returns how many files and folders."""
    oldest = time.time() - settings.TEMPORARY_HOURS * 3600
    removed = 0
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        try:
            if path.lstat().st_mtime >= oldest:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            # Another worker tidies the same folder.
            continue
        removed += 1
    return removed
