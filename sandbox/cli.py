"""The sandbox's command line: images, run, selftest."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sandbox.errors import SandboxError, SubmissionFailed
from sandbox.figures import parse_size, parse_time
from sandbox.images import recipe
from sandbox.interface import Progress
from sandbox.limits import Limits
from sandbox.runner.job import BACKENDS, SCORINGS

if TYPE_CHECKING:
    from sandbox.running import FolderRun

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Proctor's sandbox, usable alone.")
images = typer.Typer(no_args_is_help=True, help="The images that submissions run in.")
app.add_typer(images, name="images")


NAMES = ", ".join((*recipe.IMAGES, *recipe.ALIASES))


@images.command("build")
def build_images(
    names: Annotated[list[str] | None, typer.Argument(help=f"{NAMES}; all where none is named")] = None,
    torch_index: Annotated[
        str | None, typer.Option(envvar="TORCH_INDEX", help="another package index to take PyTorch from")
    ] = None,
) -> None:
    """Build the images whose content changed."""
    from sandbox.images.build import build

    chosen = [_image(name) for name in names or recipe.IMAGES]
    for built in build(chosen, torch_index=torch_index, say=typer.echo):
        typer.echo(f"{built.name}  {built.tag}  {built.image_id}")


@images.command("list")
def list_images(as_json: Annotated[bool, typer.Option("--json", help="print the images as JSON")] = False) -> None:
    """List the images: name, what it holds, and its id where this engine has it built."""
    from sandbox.docker_sandbox import DockerSandbox

    rows = DockerSandbox().images()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        names = ", ".join((row.name, *row.aliases))
        holds = ", ".join(f"{package} {version}" for package, version in row.versions.items())
        typer.echo(f"{names}\n    {row.image_id or 'not built on this engine'}\n    {holds}")


@images.command("save")
def save_image(
    name: Annotated[str, typer.Argument(help=f"{NAMES}, or an image's id")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="where the archive goes")],
) -> None:
    """Write an image to a file, so that other workers run the same bytes."""
    from sandbox.docker_sandbox import DockerSandbox

    sandbox = DockerSandbox()
    image_id = name if name.startswith("sha256:") else sandbox.image_id(_image(name))
    with file.open("wb") as opened:
        saved = sandbox.save_image(image_id, opened)
    typer.echo(f"{image_id}  {saved.size:,} bytes  sha256 {saved.sha256}")


@images.command("load")
def load_image(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="an archive that `images save` wrote")],
    image_id: Annotated[str | None, typer.Option("--id", help="the id that it must have")] = None,
) -> None:
    """Load an image from a file; one that holds another image than the id says, or more than one, is refused."""
    from sandbox.docker_sandbox import DockerSandbox
    from sandbox.images.archive import identify

    with file.open("rb") as opened:
        wanted = image_id or identify(opened)
        DockerSandbox().load_image(opened, wanted)
    typer.echo(wanted)


def _image(name: str) -> str:
    if recipe.full_name(name) not in recipe.IMAGES:
        raise typer.BadParameter(f"There is no image '{name}'; choose from: {NAMES}.")
    return name


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _time(text: str) -> float:
    try:
        return parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _checkpoints(named: list[str]) -> dict[str, str]:
    paths = {}
    for text in named:
        name, equals, path = text.partition("=")
        if not equals or not name or not path or name in paths:
            raise typer.BadParameter(f"'{text}' must look like NAME=PATH, each name once.")
        paths[name] = path
    return paths


@app.command()
def run(
    submission: Annotated[Path, typer.Option(exists=True, file_okay=False, help="the submission's folder")],
    requests: Annotated[Path, typer.Option(exists=True, file_okay=False, help="a folder of requests.jsonl")],
    responses: Annotated[Path, typer.Option(file_okay=False, help="where the responses go")],
    image: Annotated[str | None, typer.Option(help=f"{NAMES}; by the submission's kind where not said")] = None,
    kind: Annotated[str | None, typer.Option(help="model or code; else as submission.yaml says")] = None,
    entry: Annotated[str | None, typer.Option(help="for code: file.py:Class")] = None,
    path: Annotated[str | None, typer.Option(help="for models: the folder inside the submission")] = None,
    backend: Annotated[str | None, typer.Option(help=f"for models: {', '.join(BACKENDS)}")] = None,
    bos: Annotated[str | None, typer.Option(help="for causal models: none, tokenizer or a token")] = None,
    scoring: Annotated[str | None, typer.Option(help=f"for encoder-decoders: {', '.join(SCORINGS)}")] = None,
    precision: Annotated[str | None, typer.Option(help="for models: fp32 or bf16")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="for models: requests at a time")] = None,
    remote_code: Annotated[bool, typer.Option("--remote-code", help="for models: run the folder's own code")] = False,
    checkpoint: Annotated[
        list[str] | None, typer.Option(metavar="NAME=PATH", help="a checkpoint's folder in the submission; repeatable")
    ] = None,
    cpus: Annotated[float, typer.Option(min=0.1)] = 2.0,
    memory: Annotated[str, typer.Option(help="such as 512m or 8g")] = "8g",
    pids: Annotated[int, typer.Option(min=2)] = 256,
    wall: Annotated[str, typer.Option(help="such as 90s or 2h")] = "2h",
    disk: Annotated[str, typer.Option(help="bound on the responses")] = "2g",
    tmp: Annotated[str, typer.Option(help="size of /tmp, which counts as memory")] = "256m",
    as_json: Annotated[bool, typer.Option("--json", help="print the outcome as JSON")] = False,
) -> None:
    """Run a submission's folder on a folder of requests; exit 2 where the submission failed."""
    from sandbox.running import run_folder

    limits = Limits(cpus=cpus, memory=_size(memory), pids=pids, wall=_time(wall), disk=_size(disk), tmp=_size(tmp))
    options = {
        "kind": kind,
        "entry": entry,
        "path": path,
        "backend": backend,
        "bos": bos,
        "scoring": scoring,
        "precision": precision,
        "batch_size": batch_size,
        "remote_code": remote_code,
        "checkpoints": _checkpoints(checkpoint or []),
    }
    done = run_folder(
        submission,
        requests,
        responses,
        limits=limits,
        image=image,
        options=options,
        on_progress=None if as_json else _show_progress,
    )
    if as_json:
        typer.echo(json.dumps(done.document(), indent=2))
    else:
        _show(done)
    if not done.ok:
        raise typer.Exit(2)


def _show_progress(progress: Progress) -> None:
    typer.echo(f"{progress.suite} ({progress.position} of {progress.of}): {progress.done:,} of {progress.total:,}")


def _show(done: "FolderRun") -> None:
    outcome = done.outcome
    typer.echo(f"{outcome.verdict}, exit code {outcome.exit_code}, {outcome.wall.total:.2f} s")
    if outcome.error:
        typer.echo(f"{outcome.error['code']} {outcome.error['message']}")
    if outcome.log_tail and not done.ok:
        typer.echo(outcome.log_tail)
    for problem in done.collected.problems:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        typer.echo(f"{problem.code} {place}: {problem.message}")
    for file, count in done.written.items():
        typer.echo(f"{count:,} responses in {file}")


@app.command()
def selftest(as_json: Annotated[bool, typer.Option("--json", help="print the findings as JSON")] = False) -> None:
    """Try to break out of the sandbox, in real containers; exit 1 where a check fails."""
    from sandbox.engine import selftest as tests

    checks = tests.selftest()
    ok = all(check.ok for check in checks.values())
    if as_json:
        typer.echo(json.dumps({"ok": ok, "checks": {name: asdict(check) for name, check in checks.items()}}, indent=2))
    else:
        for name, check in checks.items():
            typer.echo(f"{'ok  ' if check.ok else 'FAIL'} {name}: {json.dumps(dict(check.measured))}")
    if not ok:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; our own errors end in one sentence and exit 1, the submission's in exit 2."""
    try:
        app()
    except SandboxError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(1) from error
    except SubmissionFailed as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error
