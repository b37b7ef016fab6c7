"""Whatever has a name has its entry in the documentation."""

import re
from pathlib import Path

from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
CODE = re.compile(r"""["']((?:E|W)-[A-Z]+-[A-Z0-9-]+)["']""")
SETTING = re.compile(r"""["'](PROCTOR_[A-Z_]+)["']""")


def sources(*folders: str) -> list[str]:
    return [
        path.read_text()
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    ]


def test_every_error_code_has_its_entry() -> None:
    page = (REFERENCE / "errors.md").read_text()
    used = {code for text in sources("evaluators", "sandbox", "platform") for code in CODE.findall(text)}
    assert sorted(code for code in used if f"`{code}`" not in page) == []


def test_no_entry_is_about_a_code_that_is_gone() -> None:
    page = (REFERENCE / "errors.md").read_text()
    used = {code for text in sources("evaluators", "sandbox", "platform") for code in CODE.findall(text)}
    assert sorted(set(re.findall(r"`((?:E|W)-[A-Z]+-[A-Z0-9-]+)`", page)) - used) == []


def test_every_setting_has_its_entry() -> None:
    page = (REFERENCE / "settings.md").read_text()
    used = {name for text in sources("platform", "sandbox") for name in SETTING.findall(text)}
    assert sorted(name for name in used if f"`{name}`" not in page) == []


def test_every_management_command_has_its_entry() -> None:
    page = (REFERENCE / "commands.md").read_text()
    ours = [name for name, app in get_commands().items() if (ROOT / "platform" / app).is_dir()]
    assert sorted(name for name in ours if f"manage.py {name}" not in page) == []
