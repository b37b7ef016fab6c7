"""Each format by its name: how it is written, what it is served as, and whether it is for reading in print."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from leaderboards.exports.formats import csv_file, json_file, latex_file, markdown_file, parquet_file, xlsx_file
from leaderboards.exports.query import Format
from leaderboards.exports.table import Table


@dataclass(frozen=True)
class Written:
    """A format; `brief`: its usual columns are the few that fit a page."""

    title: str
    content_type: str
    write: Callable[[Table, IO[bytes]], None]
    brief: bool = False


FORMATS: dict[Format, Written] = {
    "csv": Written("CSV", "text/csv; charset=utf-8", csv_file.write),
    "json": Written("JSON", "application/json", json_file.write),
    "parquet": Written("Parquet", "application/vnd.apache.parquet", parquet_file.write),
    "xlsx": Written(
        "XLSX (Excel)", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx_file.write
    ),
    "tex": Written("LaTeX (booktabs)", "application/x-tex", latex_file.write, brief=True),
    "md": Written("Markdown", "text/markdown; charset=utf-8", markdown_file.write, brief=True),
}
