"""What every test shares: the folder of real files, and no silent skipping where everything is required."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real files beside the checkout."""
    if not DATA.is_dir():
        pytest.skip("the folder of real files is not beside this checkout")
    return DATA


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where everything is required, a test of Docker, a model, the browser or the database may not skip."""
    report = yield
    required = {"docker", "model", "browser"}
    marked = required & {mark.name for mark in item.iter_markers()}
    if report.skipped and marked and os.environ.get("PROCTOR_REQUIRE_ALL") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped, and {', '.join(sorted(marked))} tests may not be: {report.longrepr}"
        )
    return report
