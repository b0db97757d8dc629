"""Records out: JSON lines, CSV or Parquet by the output's ending, whole or not at all."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from .errors import InputError

ENDINGS = (".jsonl", ".csv", ".parquet")
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
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it replaces `path` when the block ends well."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_records(records: Iterable[Mapping[str, Any]], output: Path | None) -> None:
    """Write records to `output`, or as JSON lines to standard output.

    In CSV and Parquet, nested values are JSON text.
    """
    if output is None:
        for record in records:
            sys.stdout.write(json_line(record))
        sys.stdout.flush()
        return
    with replacing(output) as temporary:
        if output.suffix.lower() in (".jsonl", ".json"):
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(map(json_line, records))
            return
        table = pa.Table.from_pylist([_flat(record) for record in records])
        if output.suffix.lower() == ".csv":
            pacsv.write_csv(table, temporary)
        else:
            pq.write_table(table, temporary)


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
