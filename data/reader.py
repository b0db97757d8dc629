"""Logs in: files of any container to one Arrow table of traffic."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files

import duckdb
import pyarrow as pa

from .errors import InputError
from .inputs import READABLE, InputFile, input_files
from .lines import json_lines
from .schema import SCHEMA
from .skipped import Skipped
from .streams import Stream
from .tables import csv_rows, parquet_rows
from .traffic import Traffic

GAP = timedelta(minutes=30)
"""A pause of an account longer than this opens a new session where the log names none."""

TIME = """
CREATE MACRO seconds(number) AS number / CASE
    WHEN number >= 1e17 THEN 1e9 WHEN number >= 1e14 THEN 1e6 WHEN number >= 1e11 THEN 1e3 ELSE 1
END;
CREATE MACRO to_time(text) AS CASE
    WHEN isfinite(try_cast(text AS TIMESTAMPTZ)) THEN try_cast(text AS TIMESTAMPTZ)
    WHEN seconds(try_cast(text AS DOUBLE)) BETWEEN 0 AND 4102444800
        THEN to_timestamp(seconds(try_cast(text AS DOUBLE)))
END
"""
"""Times as ISO 8601 (UTC where no zone is given) or as an epoch in s, ms, µs or ns, told apart by
size; NULL for what is neither."""


@dataclass(frozen=True, slots=True)
class Format:
    """How one log format's fields project onto the traffic schema."""

    name: str
    fields: list[str]
    structure: str
    columns: dict[str, str]


def load_format(name: str) -> Format:
    """Load a shipped format's description."""
    text = files(__package__).joinpath("formats", f"{name}.toml").read_text(encoding="utf-8")
    return Format(**tomllib.loads(text))


def read_traffic(inputs: Sequence[str], *, strict: bool = False) -> Traffic:
    """Read every file that `inputs` name (files, folders, globs, `-`) into one `Traffic`.

    Rows that cannot be read are skipped and counted; rows without a session id get one by
    account and `GAP`, named after the account and the time of its first prompt.

    Raises:
        InputError: a name matches nothing, no prompt is found at all, or a row is bad and
            `strict` is set.
    """
    skipped = Skipped(strict)
    layout = load_format("plain")
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as db:
        db.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = true")
        db.execute(TIME)
        columns = ", ".join(f'"{f.name}" {_sql_type(f.type)}' for f in SCHEMA)
        db.execute(f"CREATE TABLE staged ({columns}, row BIGINT, input BIGINT)")
        blocks = enumerate(read_documents(inputs, db, skipped))
        for block, (ordinal, name, documents) in blocks:
            _stage(documents, layout, name, ordinal, block, db, skipped)
        query = files(__package__).joinpath("traffic.sql").read_text(encoding="utf-8")
        table = db.sql(query, params={"gap": GAP}).to_arrow_table().cast(SCHEMA)
    if not table.num_rows:
        raise InputError(
            f"no prompt in {', '.join(inputs)} ({skipped.describe()})"
            if skipped.total
            else f"{', '.join(inputs)} is empty",
            f"rows with the field {', '.join(layout.fields)}, in {READABLE}",
            "Check that these are the logs that you mean.",
        )
    return Traffic(table, skipped)


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


def _stage(
    documents: pa.Table | pa.RecordBatch,
    layout: Format,
    name: str,
    ordinal: int,
    block: int,
    db: duckdb.DuckDBPyConnection,
    skipped: Skipped,
) -> None:
    """Project one block of documents into the table `staged`; count what is no prompt."""
    db.register("documents", documents)
    projected = ", ".join(f'{sql} AS "{column}"' for column, sql in layout.columns.items())
    db.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE projected AS
        WITH checked AS (SELECT line, doc, json_valid(doc) AS valid FROM documents
                         WHERE trim(doc, chr(9) || chr(10) || chr(13) || ' ') <> ''),
        parsed AS (SELECT line, valid, CASE WHEN valid THEN json_type(doc) = 'OBJECT' END AS object,
                          CASE WHEN valid THEN json_transform(doc, $structure) END AS d
                   FROM checked),
        fields AS (SELECT line, valid, object, {projected} FROM parsed)
        SELECT * REPLACE (prompt ->> '$' AS prompt), CASE
            WHEN NOT valid THEN 'not valid JSON'
            WHEN NOT object THEN 'not a JSON object'
            WHEN prompt IS NULL OR json_type(prompt) = 'NULL' THEN 'no prompt'
            WHEN json_type(prompt) <> 'VARCHAR' THEN 'the prompt is not text'
            WHEN NOT regexp_matches(prompt ->> '$', '[^\\s\\p{{Z}}\\p{{C}}]')
                THEN 'the prompt is only white space'
        END AS reason
        FROM fields
        """,
        {"structure": layout.structure},
    )
    db.unregister("documents")
    db.execute(
        f"""
        INSERT INTO staged
        SELECT {", ".join(_cleaned(field.name) for field in SCHEMA)},
               $block::BIGINT << 32 | line, $ordinal
        FROM projected WHERE reason IS NULL
        """,
        {"block": block, "ordinal": ordinal},
    )
    bad = "SELECT reason, count(*), min(line) FROM projected WHERE reason IS NOT NULL"
    for reason, rows, line in db.execute(f"{bad} GROUP BY ALL ORDER BY min(line)").fetchall():
        skipped.add(reason, name, line, rows)


def _cleaned(column: str) -> str:
    if column == "timestamp":
        return "to_time(timestamp)"
    return column if column == "prompt" else f"nullif(trim(\"{column}\"), '')"


def _sql_type(kind: pa.DataType) -> str:
    return "TIMESTAMPTZ" if pa.types.is_timestamp(kind) else "VARCHAR"
