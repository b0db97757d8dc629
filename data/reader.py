"""Logs in: files of any container and format to one Arrow table of traffic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from .errors import InputError
from .formats import load_formats, named_format
from .inputs import READABLE, InputFile, input_files
from .lines import json_lines
from .schema import SCHEMA
from .skipped import Skipped
from .stage import Stage
from .streams import Stream
from .tables import csv_rows, parquet_rows
from .traffic import Traffic
from .write import check_output, replacing

GAP = timedelta(minutes=30)
"""A pause of an account longer than this opens a new session where the log names none."""

MEMORY = "1GB"
"""What DuckDB may hold in memory; it spills the rest to a temporary folder."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How logs are read.

    Attributes:
        format: the name of a log format, or "auto" to recognise each file's.
        gap: a longer pause opens a new session where the log names none.
        strict: raise at the first row that cannot be read.
        redact: mask e-mail addresses, phone and card numbers and keys in prompts.
        hash_key: where given, accounts and the like are replaced by their HMAC under it.
    """

    format: str = "auto"
    gap: timedelta = GAP
    strict: bool = False
    redact: bool = False
    hash_key: bytes | None = None


def read_traffic(inputs: Sequence[str], options: ReadOptions | None = None) -> Traffic:
    """Read every file that `inputs` name (files, folders, globs, `-`) into one `Traffic`.

    Rows that cannot be read are skipped and counted; rows without a session id get one by
    account and gap, named after the account and the time of its first prompt.

    Raises:
        InputError: a name matches nothing, a file fits two formats, no prompt is found at all, or
            a row is bad and `strict` is set.
    """
    with staged(inputs, options or ReadOptions()) as (db, query, skipped):
        table = db.sql(f"""
            SELECT * EXCLUDE (row) FROM ({query})
            ORDER BY min(row) OVER (PARTITION BY session_id, account_id), timestamp NULLS LAST, row
        """)
        return Traffic(table.to_arrow_table().cast(SCHEMA), skipped)


@contextmanager
def staged(
    inputs: Sequence[str], options: ReadOptions, spill: Path | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, str, Skipped]]:
    """Read logs into a database that spills to disk, and yield the query that gives traffic.

    Args:
        inputs: files, folders, globs or `-`.
        options: how logs are read.
        spill: an existing folder for what memory cannot hold; the system's own where None.
    """
    skipped = Skipped(options.strict)
    forced = None if options.format == "auto" else named_format(options.format)
    with (
        TemporaryDirectory(prefix="capscope-", dir=spill) as spilled,
        _spilling(Path(spilled)),
        connect(Path(spilled)) as db,
    ):
        with Stage(db, skipped, forced, masked=options.redact) as stage:
            for block, (ordinal, file, documents) in enumerate(read_documents(inputs, db, skipped)):
                stage.add(documents, file, ordinal, block)
            stage.finish()
        if options.hash_key is not None:
            stage.hash_identifiers(options.hash_key)
        query = files(__package__).joinpath("traffic.sql").read_text(encoding="utf-8")
        db.execute(f"SET VARIABLE gap = INTERVAL {int(options.gap.total_seconds())} SECOND")
        skipped.kept, skipped.repeats = db.execute("""
            SELECT count(*), count(*) - count(DISTINCT hash(prompt)) FROM staged
            WHERE broken IS NULL
        """).fetchall()[0]
        if not skipped.kept:
            raise _nothing_found(inputs, skipped)
        yield db, query, skipped


@contextmanager
def _spilling(folder: Path) -> Iterator[None]:
    """Tell of a disk that cannot take what memory cannot hold."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise InputError(
            f"the database cannot spill into {folder} ({str(error).splitlines()[0]})",
            "room there for about twice the traffic",
            "Free some, or write the output on another disk.",
        ) from error


def _nothing_found(inputs: Sequence[str], skipped: Skipped) -> InputError:
    names = ", ".join(inputs)
    known = ", ".join(f.name for f in load_formats().values())
    return InputError(
        f"no prompt in {names} ({skipped.describe()})" if skipped.counts else f"{names} is empty",
        f"rows with a field prompt, or logs of a format such as {known}, in {READABLE}",
        "See capscope formats, and check that these are the logs that you mean.",
    )


def read_key(path: Path) -> bytes:
    """Read the key for hashing identifiers from a file, surrounding white space left out.

    Raises:
        InputError: the file cannot be read or holds fewer than 16 bytes.
    """
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise InputError(
            f"the key file {path} cannot be read", "a file with a secret key", "Check the path."
        ) from error
    if len(key) < 16:
        raise InputError(
            f"a key of {len(key)} bytes in {path}",
            "at least 16",
            "Make one, such as with: openssl rand -hex 32.",
        )
    return key


@contextmanager
def connect(spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database in UTC with the macros of `macros.sql`, that spills to a folder."""
    with duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "memory_limit": MEMORY,
            "temp_directory": str(spill),
        }
    ) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute(files(__package__).joinpath("macros.sql").read_text(encoding="utf-8"))
        yield db


def read_documents(
    inputs: Sequence[str], db: duckdb.DuckDBPyConnection, skipped: Skipped
) -> Iterator[tuple[int, str, pa.Table | pa.RecordBatch]]:
    """Yield every file's rows as blocks of JSON documents, with the file's ordinal and name."""
    with input_files(inputs) as found:
        for ordinal, file in enumerate(found):
            for documents in _documents(file, db, skipped):
                yield ordinal, file.name, documents


def _documents(
    file: InputFile, db: duckdb.DuckDBPyConnection, skipped: Skipped
) -> Iterator[pa.Table | pa.RecordBatch]:
    stream = Stream(file.path, file.packing)
    container = file.container or sniff(stream)
    if container == "parquet":
        return parquet_rows(file, db, skipped)
    if container == "csv":
        return csv_rows(file, db, skipped)
    return json_lines(stream, file.name, skipped)


def sniff(stream: Stream) -> str:
    """Tell JSON lines from CSV by the first character; Parquet is known by its magic before."""
    head = next(stream.blocks(), b"").lstrip(b"\xef\xbb\xbf \t\r\n")
    return "csv" if head and not head.startswith((b"{", b"[")) else "jsonl"


def convert(inputs: Sequence[str], output: Path, options: ReadOptions | None = None) -> Skipped:
    """Write the traffic in `inputs` to a .parquet, .csv or .jsonl file, in bounded memory.

    Raises:
        InputError: as `read_traffic`, or the output cannot be written.
    """
    check_output(output)
    copy = {".parquet": "FORMAT parquet, COMPRESSION zstd", ".csv": "FORMAT csv, HEADER"}
    how = copy.get(output.suffix.lower(), "FORMAT json")
    with staged(inputs, options or ReadOptions()) as (db, query, skipped), replacing(output) as new:
        path = str(new).replace("'", "''")
        db.execute(f"COPY (SELECT * EXCLUDE (row) FROM ({query})) TO '{path}' ({how})")
        return skipped
