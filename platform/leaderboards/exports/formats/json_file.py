"""JSON: one object that says what the file is, its columns, and its rows as objects, one a line."""

import json
from typing import IO, Any

from leaderboards.exports.formats.spooling import Body
from leaderboards.exports.table import Table


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def write(table: Table, out: IO[bytes]) -> None:
    """Write the table."""
    with Body() as body:
        columns = [{"name": one.name, "kind": str(one.kind), "says": one.says} for one in table.fields]
        body.add('"columns": [\n' + ",\n".join(map(_text, columns)) + "\n],\n" + '"rows": [')
        names = [one.name for one in table.fields]
        for number, row in enumerate(table.rows):
            body.add(("," if number else "") + "\n" + _text(dict(zip(names, row, strict=True))))
        body.add("\n]\n}\n")
        about = ",\n".join(_text([fact.name, fact.value]) for fact in table.facts())
        head = ["{\n", f'"about": [\n{about}\n],\n']
        body.write(out, [*head, f'"checksum": "{body.checksum(head)}",\n'])
