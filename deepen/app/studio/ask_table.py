"""A table somebody pastes into the Playground, read at the desk as every table is: any delimiter, any encoding."""
import base64
import tempfile
from pathlib import Path
from typing import Any

from deepen.core.words import Problem
from deepen.sources._column import understand
from deepen.sources._sheet import read

ROWS, COLUMNS = 5000, 40


def read_bytes(raw: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(raw)
        return read(path)


def read_table(raw: str) -> dict[str, Any]:
    """{names, columns: [{name, values (words) or null, numbers}], left out}: at most ROWS rows."""
    sheet = read_bytes(base64.b64decode(raw))
    told = []
    for name, cells in list(zip(sheet.names, sheet.columns, strict=True))[:COLUMNS]:
        column = understand(name, cells.slice(0, ROWS))
        if column.missing == len(column.numbers):
            continue
        told.append({"name": name, "values": list(column.values[:100]) if column.values is not None else None,
                     "numbers": [None if value != value else value for value in column.numbers.tolist()]})
    if sum(one["values"] is None for one in told) < 2:
        raise Problem("the table needs two columns of numbers at least, to be points of a plane")
    return {"columns": told, "rows": min(len(sheet), ROWS), "of": len(sheet)}
