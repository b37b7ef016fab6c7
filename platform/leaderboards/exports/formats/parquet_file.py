"""Parquet: a column for each column, and under the key `export` of the file's metadata what the file is."""

import json
from itertools import islice
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from leaderboards.exports.cells import Field, Kind
from leaderboards.exports.formats import csv_file
from leaderboards.exports.formats.spooling import Body
from leaderboards.exports.table import Table

KEY = "export"
TYPES = {Kind.TEXT: pa.string(), Kind.INTEGER: pa.int64(), Kind.NUMBER: pa.float64(), Kind.BOOLEAN: pa.bool_()}
ROWS = 20_000  # of a row group


def _column(field: Field) -> pa.Field:
    return pa.field(field.name, TYPES[field.kind], metadata={"says": field.says, "kind": str(field.kind)})


def write(table: Table, out: IO[bytes]) -> None:
    """Write the table."""
    with Body() as body:
        schema = pa.schema([_column(field) for field in table.fields])
        with pq.ParquetWriter(out, schema, compression="zstd") as writer:
            kept = csv_file.kept(table, body)
            while rows := list(islice(kept, ROWS)):
                columns = [
                    pa.array(cells, field.type) for cells, field in zip(zip(*rows, strict=True), schema, strict=True)
                ]
                writer.write_batch(pa.record_batch(columns, schema=schema))
            facts = table.facts()
            about = {"about": facts, "checksum": body.checksum(csv_file.head(facts))}
            writer.add_key_value_metadata({KEY: json.dumps(about, ensure_ascii=False)})
