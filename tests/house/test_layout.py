"""The house stands as it was drawn."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
TOP = {
    ".ci", ".dockerignore", ".gitignore", "CHANGELOG.md", "Makefile", "README.md", "client", "compose.yaml", "docs",
    "evaluators", "manage.py", "platform", "pyproject.toml", "requirements.in", "requirements.txt", "sandbox", "tests",
}  # fmt: skip
APPS = [app for app in settings.INSTALLED_APPS if (ROOT / "platform" / app).is_dir()]
MAX_LINES = 400


def tracked(*patterns: str) -> list[Path]:
    """The files that git knows, so that nothing built or downloaded is judged."""
    output = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in output.splitlines() if (ROOT / name).is_file()]


def test_platform_is_a_source_root_and_never_a_package() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_the_standard_library_module_platform_wins_in_the_root() -> None:
    code = "import platform; print(platform.python_implementation())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "CPython"


def test_no_app_is_called_like_a_module_of_the_standard_library_or_of_an_installed_package() -> None:
    taken = set(sys.stdlib_module_names) | set(packages_distributions())
    assert not taken & {*APPS, "config", "evaluators", "sandbox"}


def test_every_app_stands_in_the_layers_that_the_linter_holds() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {name.strip() for layer in contracts[0]["layers"] for name in layer.split("|")}
    assert set(APPS) <= layers
    assert set(contracts[-1]["containers"]) == set(APPS)


def test_nothing_new_stands_at_the_top() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP


def test_no_source_file_grows_past_400_lines() -> None:
    files = [path for path in tracked("*.py", "*.js") if not {"migrations", "tests"} & set(path.parts)]
    assert [str(path) for path in files if path.read_text().count("\n") > MAX_LINES] == []


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_readme_names_the_two_commands_and_make_has_them(target: str) -> None:
    assert f"make {target}" in (ROOT / "README.md").read_text()
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_relative_links_in_the_documentation_lead_somewhere() -> None:
    links = [
        (page, target)
        for page in tracked("*.md")
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if not target.startswith(("http://", "https://", "mailto:"))
    ]
    assert [
        f"{page.relative_to(ROOT)}: {target}" for page, target in links if not (page.parent / target).exists()
    ] == []
