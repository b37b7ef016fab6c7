"""Commands that the documentation shows exist, with each of the options that it shows."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from django.core.management import get_commands, load_command_class

from evaluators.cli.app import app as evaluators
from sandbox.cli import app as sandbox

ROOT = Path(__file__).resolve().parents[2]
APPS: dict[str, Any] = {
    "evaluators": typer.main.get_command(evaluators),
    "sandbox": typer.main.get_command(sandbox),
}
COMMAND = re.compile(r"(?:python -m (?P<module>evaluators|sandbox)|manage\.py) (?P<rest>[^`\n|]+)")


def shown() -> Iterator[tuple[str, str]]:
    """Each command on a line of code, and each between backticks: by which program, and what follows."""
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for line in page.read_text().splitlines():
            for part in [line] if line.startswith("    ") else re.findall(r"`[^`]+`", line):
                for found in COMMAND.finditer(part):
                    yield found["module"] or "manage.py", re.sub(r"[\[\]]", "", found["rest"])


SHOWN = sorted(set(shown()))


def options_of(program: str, words: list[str]) -> set[str]:
    """The options that a command takes; raises KeyError where there is no such command."""
    if program == "manage.py":
        parser = load_command_class(get_commands()[words[0]], words[0]).create_parser("manage.py", words[0])
        return set(_options(parser, words[1:]))
    command = APPS[program]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def _options(parser: argparse.ArgumentParser, words: list[str]) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            yield from _options(action.choices[words[0]], words[1:])
        elif words and action.choices is not None and not action.option_strings and words[0] not in action.choices:
            raise KeyError(words[0])


@pytest.mark.parametrize(("program", "rest"), SHOWN)
def test_a_command_in_the_documentation_is_there_with_its_options(program: str, rest: str) -> None:
    words = shlex.split(rest)
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert options <= options_of(program, words)


def test_the_documentation_shows_commands_of_every_program() -> None:
    assert {program for program, _ in SHOWN} == {"manage.py", "evaluators", "sandbox"}


@pytest.mark.parametrize(("program", "words"), [("sandbox", ["ruin"]), ("manage.py", ["image", "burn"])])
def test_a_command_that_is_not_there_is_noticed(program: str, words: list[str]) -> None:
    with pytest.raises(KeyError):
        options_of(program, words)
