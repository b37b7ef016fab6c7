"""Turns what the benches measured into one table, with the machine and the versions above it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {
    "torch": ROOT / "sandbox" / "images" / "torch" / "requirements.txt",
    "transformers": ROOT / "sandbox" / "images" / "transformers" / "5.txt",
    "lm-eval": ROOT / "tests" / "reference" / "requirements.txt",
}
GIB = 1 << 30
COLUMNS = ("row", "ours", "rival or floor", "ratio or difference", "spread")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, each cell as it is printed."""

    name: str
    ours: str
    other: str
    relation: str
    spread: str


def hf_runner_rows(result: Mapping[str, Any]) -> list[Row]:
    """Sentences a second of our runner and of lm-evaluation-harness, in each precision."""
    return [
        Row(
            f"Hugging Face runner, {row['precision']}",
            f"{row['runner_per_second']:.0f} sentences/s",
            f"lm-eval {row['rival_per_second']:.0f} sentences/s",
            f"{row['ratio']:.2f} times",
            f"scores differ by at most {row['max_difference']:.1e}",
        )
        for row in result["rows"]
    ]


def accepted_to_scored_rows(result: Mapping[str, Any]) -> list[Row]:
    """A trivial submission through the platform beside one `docker run`."""
    return [
        Row(
            "accepted to scored",
            f"{result['accepted_to_scored_s']:.2f} s",
            f"docker run {result['docker_run_s']:.2f} s",
            f"{result['difference_s']:+.2f} s (at most {result['target_s']:+.1f} s)",
            f"{result['spread_s']:.2f} s in {result['rounds']} rounds",
        )
    ]


def sandbox_run_rows(result: Mapping[str, Any]) -> list[Row]:
    """One attempt in the sandbox beside one `docker run`."""
    return [
        Row(
            "sandbox attempt",
            f"{result['attempt_s']:.2f} s",
            f"docker run {result['docker_run_s']:.2f} s",
            f"{result['difference_s']:+.2f} s",
            f"{result['spread_s']:.2f} s in {result['rounds']} rounds",
        )
    ]


def scoring_rows(result: Mapping[str, Any]) -> list[Row]:
    """Scoring beside reading the same responses, for each size; growth and memory stand in the last one."""
    rows = [
        Row(
            f"scoring {row['items']:,} items",
            f"{row['score_s']:.2f} s, {row['items_per_s']:,.0f} items/s",
            f"reading JSON {row['floor_s']:.2f} s",
            f"{row['score_s'] / row['floor_s']:.1f} times",
            f"{row['score_max_s'] - row['score_min_s']:.2f} s in {result['rounds']} rounds",
        )
        for row in result["rows"]
    ]
    sizes = [row["items"] for row in result["rows"]]
    growth = f"{result['growth']:.2f} times the seconds per item"
    peak = f"peak {result['peak_bytes'] / 2**20:.0f} MiB"
    rows.append(Row("scoring, growth", growth, "linear: 1", f"{sizes[0]:,} to {sizes[-1]:,} items", peak))
    blimp = result["blimp"]
    rows.append(
        Row(
            f"all of filtered BLiMP{'' if blimp['real'] else ' (stand-in)'}, {blimp['items']:,} pairs",
            f"{blimp['score_s']:.2f} s, {blimp['cpu_s']:.2f} s of CPU, {blimp['peak_bytes'] / 1e6:.0f} MB",
            f"reading JSON {blimp['floor_s']:.2f} s",
            f"{blimp['score_s'] / blimp['floor_s']:.1f} times "
            f"(at most {blimp['target_s']:.0f} s, {blimp['target_bytes'] / 1e6:.0f} MB)",
            f"{blimp['spread_s']:.2f} s, load average {blimp['load_average']:.1f}",
        )
    )
    return rows


def statistics_rows(result: Mapping[str, Any]) -> list[Row]:
    """Paired draws, standings and a comparison beside scipy's and the floor."""
    paired, ranked, pair = result["paired"], result["standings"], result["comparison"]
    return [
        Row(
            f"paired draws, {paired['submissions']} × {paired['items']:,} × {paired['draws']:,}",
            f"{paired['seconds']:.2f} s, {paired['cpu_s']:.2f} s of CPU, {paired['peak_bytes'] / 1e6:.0f} MB",
            f"scipy bootstrap {paired['rival_s']:.0f} s, scaled",
            f"{paired['rival_s'] / paired['seconds']:.0f} times faster "
            f"(at most {paired['target_s']:.0f} s, {paired['target_bytes'] / 1e9:.0f} GB)",
            f"{paired['spread_s']:.2f} s, load average {result['load_average']:.1f}",
        ),
        Row(
            f"standings, {ranked['entries']:,} × {ranked['draws']:,}",
            f"{ranked['seconds']:.2f} s",
            f"its draws read once {ranked['floor_s']:.2f} s",
            f"{ranked['seconds'] / ranked['floor_s']:.1f} times (at most {ranked['target_s']:.1f} s)",
            f"{ranked['spread_s']:.2f} s",
        ),
        Row(
            f"comparison, {pair['items']:,} × {pair['flips']:,}",
            f"{pair['seconds']:.2f} s",
            f"scipy permutation {pair['rival_s']:.0f} s, scaled",
            f"{pair['rival_s'] / pair['seconds']:.0f} times faster",
            f"{pair['spread_s']:.2f} s",
        ),
    ]


def findings_rows(result: Mapping[str, Any]) -> list[Row]:
    """The findings report beside its figures alone."""
    return [
        Row(
            f"findings report, {result['models']} models{'' if result['real'] else ' (stand-in)'}",
            f"{result['build_s']:.1f} s, {result['numbers']:,} numbers, {result['files']} files",
            f"its {result['figures']} figures {result['figures_s']:.1f} s",
            f"{result['build_s'] / result['figures_s']:.1f} times (at most {result['target_s']:.0f} s)",
            f"{result['spread_s']:.1f} s, peak {result['peak_bytes'] / 2**20:.0f} MiB",
        )
    ]


def edition_rows(result: Mapping[str, Any]) -> list[Row]:
    """A whole edition beside the bare container, the parts that take longest, and what all of it would take."""
    rows = [
        Row(
            f"BabyLM 2026 strict, {result['share']:.0%}",
            f"{result['run_s']:.0f} s, {result['requests_per_s']:,.0f} requests/s",
            f"its container alone {result['floor_s']:.0f} s",
            f"{result['ratio']:.2f} times",
            f"peak {result['container_peak_bytes'] / 2**20:.0f} MiB, "
            f"worker {result['worker_peak_bytes'] / 2**20:.0f} MiB",
        )
    ]
    rows += [
        Row(f"  {part['suite']}", f"{part['seconds']:.1f} s", "", f"{part['requests']:,} requests", "")
        for part in result["parts"]
    ]
    whole = result["whole_s"]
    rows.append(
        Row(
            "  extrapolated to all of it",
            f"{whole['total'] / 60:.0f} min",
            f"without fine-tuning {(whole['total'] - whole['finetuning']) / 60:.0f} min",
            f"{result['checkpoints']} checkpoints here, 28 there",
            f"{result['epochs']} epoch here, 10 there; load average {result['load_average']:.1f}",
        )
    )
    return rows


def throughput_rows(result: Mapping[str, Any]) -> list[Row]:
    """Runs a minute by number of workers, beside the same containers bare; the last cell has `docker run` alone."""
    single = result["docker_run_per_minute"]
    return [
        Row(
            f"throughput, {row['workers']} worker{'s' * (row['workers'] > 1)}",
            f"{row['per_minute']:.0f} runs/min",
            f"its containers {row['bare_per_minute']:.0f} runs/min",
            f"{row['ratio']:.2f} times (at least {result['target']:.2f})",
            f"{row['per_minute'] / single:.2f} times docker run ({single:.0f}/min)",
        )
        for row in result["rows"]
    ]


def chaos_rows(result: Mapping[str, Any]) -> list[Row]:
    """What random faults did to submissions: nothing."""
    return [
        Row(
            "chaos",
            f"{result['faults']} faults, {result['submissions']} runs",
            "0 lost, 0 doubled",
            f"{result['lost']} lost, {result['doubled']} doubled, {result['broken_rules']} wrong",
            f"{result['seconds']:.0f} s",
        )
    ]


def leaderboard_rows(result: Mapping[str, Any]) -> list[Row]:
    """A refresh after one new score, and a page from the snapshot, beside what they may take."""
    size = f"{result['entries']:,} entries × {result['suites']} suites, {result['database']}"
    targets = result["targets"]
    return [
        Row(
            "leaderboard, refresh after one score",
            f"{result['refresh_s']:.2f} s",
            f"at most {targets['refresh_s']:.0f} s",
            size,
            f"{result['refresh_spread_s']:.2f} s in {result['rounds']} rounds",
        ),
        Row(
            "leaderboard, a page",
            f"{result['page_s'] * 1000:.0f} ms, {result['page_queries']} queries",
            f"at most {targets['page_s'] * 1000:.0f} ms, {targets['page_queries']} queries",
            f"of which reading {result['board_s'] * 1000:.0f} ms, {result['board_queries']} queries",
            f"{result['page_spread_s'] * 1000:.0f} ms in {result['rounds']} rounds",
        ),
    ]


BUILDERS: dict[str, Callable[[Mapping[str, Any]], list[Row]]] = {
    "hf_runner": hf_runner_rows,
    "accepted_to_scored": accepted_to_scored_rows,
    "sandbox_run": sandbox_run_rows,
    "scoring": scoring_rows,
    "statistics": statistics_rows,
    "leaderboard": leaderboard_rows,
    "findings": findings_rows,
    "throughput": throughput_rows,
    "chaos": chaos_rows,
    "edition": edition_rows,
}


def rows_of(name: str, outcome: Mapping[str, Any]) -> list[Row]:
    """A bench's lines; one that failed says so in a line of its own."""
    if "error" in outcome:
        return [Row(name, "failed", "", str(outcome["error"]), "")]
    return BUILDERS[name](outcome["result"])


def table(outcomes: Mapping[str, Mapping[str, Any]]) -> Table:
    """The table of every bench, in the order they ran."""
    made = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    for column in COLUMNS:
        made.add_column(column, overflow="fold")
    for name, outcome in outcomes.items():
        for row in rows_of(name, outcome):
            cells = (row.name, row.ours, row.other, row.relation, row.spread)
            made.add_row(*cells, style="red" if "error" in outcome else None)
    return made


def machine() -> dict[str, Any]:
    """Cores, CPU model and memory of this machine."""
    cpus = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in cpus if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": len(os.sched_getaffinity(0)), "cpu": models[0] if models else "unknown", "memory_bytes": memory}


def versions() -> dict[str, str]:
    """Python's and Docker's versions, and those that the locks of the images name."""
    done = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, check=False
    )
    found = {"Python": sys.version.split()[0], "Docker": done.stdout.strip() or "does not answer"}
    return found | {name: locked(lock, name) for name, lock in LOCKS.items()}


def locked(lock: Path, name: str) -> str:
    """The version of a package in a lock."""
    for line in lock.read_text(encoding="utf-8").splitlines():
        package, _, version = line.partition("==")
        if package.strip().replace("_", "-") == name:
            return version.split()[0]
    return "unknown"


def show(document: Mapping[str, Any], console: Console) -> None:
    """Print machine, versions and the table."""
    about = document["machine"]
    console.print(f"{about['cores']} cores, {about['cpu']}, {about['memory_bytes'] / GIB:.0f} GiB", highlight=False)
    console.print(", ".join(f"{name} {version}" for name, version in document["versions"].items()), highlight=False)
    console.print()
    console.print(table(document["benches"]))


def result_of(text: str, name: str) -> dict[str, Any]:
    """A bench's outcome from what it printed; an error where that is not JSON, or lacks what its lines need."""
    try:
        outcome = {"result": json.loads(text)}
        rows_of(name, outcome)
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        return {"error": f"its result can't be read: {type(error).__name__} {error}"}
    return outcome
