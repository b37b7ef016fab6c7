"""What the tests of importers share: where a source is written, and how it becomes a suite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.importers import IMPORTERS, Options, Written, run
from tests.evaluators.importers.sources_of_tests import SOURCES

Import = Callable[..., Written]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Where a source is written."""
    return tmp_path / "source"


@pytest.fixture
def imported(source: Path, tmp_path: Path) -> Import:
    """`imported(name, **options)`: make the source, import it with any counts into `suite`."""

    def make(
        name: str, *, any_count: bool = True, made: Callable[[Path], None] | None = None, **options: Any
    ) -> Written:
        maker, place, _ = SOURCES[name]
        if not source.exists():
            (made or maker)(source)
        images = source / "images" if (source / "images").is_dir() else None
        chosen = Options(images=images, **options)
        where = source if made else source / place
        return run(IMPORTERS[name], where, tmp_path / "suite", chosen, any_count=any_count)

    return make
