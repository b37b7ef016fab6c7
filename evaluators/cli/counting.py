"""`python -m evaluators words`: the count of a training budget, as BabyLM counts."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from evaluators.budgets import byte_premium, count_files
from evaluators.cli.output import out, refusals
from evaluators.protocol.problems import Problem, ProblemsFound


def words_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Texts in UTF-8, plain, .gz or .zst, or folders of them.")
    ],
    language: Annotated[
        str | None, typer.Option(help="ISO 639-3, such as nld or zho_hans: bytes of English it is worth.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Words (split at white space), bytes and, with a language, its byte premium: what a track's budget counts."""
    with refusals(as_json):
        premium = byte_premium(language) if language else None
        if language and premium is None:
            raise ProblemsFound([Problem("E-WORDS-LANGUAGE", f"no byte premium is known for {language!r}",
                                         field="--language",
                                         remedy="Use a code of ISO 639-3, such as nld, or zho_hans.")])  # fmt: skip
        counted = count_files(files)
    words, size = sum(one.words for one in counted), sum(one.bytes for one in counted)
    if as_json:
        english = None if premium is None else size / premium
        out.print_json(data={
            "words": words, "bytes": size, "language": language, "byte_premium": premium, "english_bytes": english,
            "files": [asdict(one) for one in counted],
        })  # fmt: skip
        return
    table = Table()
    for name in ("file", "words", "bytes"):
        table.add_column(name, justify="left" if name == "file" else "right")
    for one in counted:
        table.add_row(one.path, f"{one.words:,}", f"{one.bytes:,}")
    if len(counted) > 1:
        table.add_row("all", f"{words:,}", f"{size:,}")
    out.print(table)
    if premium is not None:
        out.print(f"byte premium of {language} {premium:g}: worth {size / premium:,.0f} bytes of English")
