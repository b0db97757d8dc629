"""Records out: JSON lines, CSV or Parquet by the output's ending, whole or not at all."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from .errors import InputError

ENDINGS = (".jsonl", ".csv", ".parquet")
GROUP = 65_536
"""Records of a Parquet row group; as many are in memory."""
UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Characters that can steer a terminal or reorder what a person reads."""


def check_output(path: Path, endings: tuple[str, ...] = ENDINGS) -> None:
    """Refuse an output that could not be written, before any work is done.

    Raises:
        InputError: its folder does not exist or may not be written, or its ending is unknown.
    """
    if path.suffix.lower() not in endings:
        raise InputError(
            f"the output {path}", f"a name ending in {', '.join(endings)}", "Rename the output."
        )
    if path.is_dir():
        raise InputError(f"the output {path} is a folder", "a file", "Name a file in it.")
    check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Refuse an output folder that does not exist or may not be written."""
    if not folder.is_dir():
        raise InputError(
            f"the output folder {folder} does not exist",
            "an existing folder",
            "Make it first, or name another output.",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"the output folder {folder} may not be written",
            "a folder with write permission",
            "Change its permissions, or name another output.",
        )


@contextmanager
def replacing(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path, which replaces `path` when the block ends well.

    It lies beside `path`, or in `folder`, which must be on the same file system.
    """
    beside = folder or path.parent
    with NamedTemporaryFile(dir=beside, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class StoredRecords:
    """The records of some files of JSON lines, read anew each time that they are asked for."""

    paths: Sequence[Path]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the records of one file after the other."""
        for path in self.paths:
            with path.open(encoding="utf-8", newline="\n") as lines:
                yield from map(json.loads, lines)


def write_records(
    records: Iterable[Mapping[str, Any]], output: Path | None, folder: Path | None = None
) -> None:
    """Write records to `output`, or as JSON lines to standard output.

    In CSV and Parquet, nested values are JSON text. Both take two passes: an iterator is read into
    memory for them, anything that can be iterated again is not. The file is written in `folder`,
    or beside `output`, and put in place when it is whole.
    """
    if output is None:
        for record in records:
            sys.stdout.write(json_line(record))
        sys.stdout.flush()
        return
    with replacing(output, folder) as temporary:
        if output.suffix.lower() in (".jsonl", ".json"):
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(map(json_line, records))
            return
        again = list(records) if isinstance(records, Iterator) else records
        schemas = [table.schema for table in _tables(again)]
        schema = pa.unify_schemas(schemas, promote_options="permissive")
        write = pacsv.CSVWriter if output.suffix.lower() == ".csv" else pq.ParquetWriter
        with write(temporary, schema) as writer:
            for table in _tables(again, schema):
                writer.write_table(table)


def _tables(
    records: Iterable[Mapping[str, Any]], schema: pa.Schema | None = None
) -> Iterator[pa.Table]:
    """Yield the records as tables of `GROUP` rows, and of none where there is none."""
    rows = map(_flat, records)
    yield pa.Table.from_pylist(list(islice(rows, GROUP)), schema)
    while group := list(islice(rows, GROUP)):
        yield pa.Table.from_pylist(group, schema)


def json_line(record: Mapping[str, Any]) -> str:
    r"""Return a record as one line of JSON that is safe to show on a terminal.

    >>> json_line({"prompt": chr(0x9b) + "31m é"})
    '{"prompt": "\\u009b31m é"}\n'
    """
    text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
        for key, value in record.items()
    }


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
