"""Blocks of documents into the table `staged`: projected, cleaned, told apart, masked, hashed."""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import duckdb
import pyarrow as pa

from .formats import UNKNOWN, Format, recognise
from .redact import redact
from .schema import IDENTIFIERS, SCHEMA
from .skipped import Skipped

WORKERS = 2
"""Blocks that are projected side by side."""

BATCH = 8192
"""Rows of a batch that DuckDB reads at a time."""

HEAD, TAIL = 24_000, 8_000
"""Characters kept of the beginning and the end of a longer prompt."""


class Stage:
    """Fills the table `staged` of a database, one row per prompt, and counts what is no prompt."""

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        skipped: Skipped,
        forced: Format | None,
        *,
        masked: bool = False,
    ) -> None:
        """Make the table; `forced` is the format of every file, else each is recognised."""
        self.db, self.skipped, self.forced, self.masked = db, skipped, forced, masked
        self.formats: dict[int, Format] = {}
        self.names: dict[int, str] = {}
        self._workers = ThreadPoolExecutor(WORKERS)
        self._pending: deque[tuple[int, Future[duckdb.DuckDBPyConnection]]] = deque()
        columns = ", ".join(f'"{f.name}" {_sql_type(f.type)}' for f in SCHEMA)
        db.execute(f"""
            CREATE TABLE staged ({columns}, row BIGINT, input BIGINT, line BIGINT,
                                 broken VARCHAR, passed BOOLEAN)
        """)

    def add(
        self, documents: pa.Table | pa.RecordBatch, name: str, ordinal: int, block: int
    ) -> None:
        """Add the rows of a block of a file; `ordinal` numbers files, `block` blocks."""
        self.names[ordinal] = name
        layout = self.forced or self.formats.get(ordinal) or recognise(documents, name, self.db)
        if layout is not None:
            self.formats[ordinal] = layout
        self.skipped.read += documents.num_rows
        projection = (layout or UNKNOWN).projection
        work = self._workers.submit(self._insert, documents, projection, ordinal, block)
        self._pending.append((block, work))
        if len(self._pending) >= WORKERS:
            self._settle()

    def __enter__(self) -> Self:
        """Start the workers."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the workers; a block that one is at work on is waited for."""
        self._workers.shutdown(cancel_futures=True)

    def finish(self) -> None:
        """Wait for all blocks, then drop requests seen again and count what gave no prompt."""
        while self._pending:
            self._settle()
        self._drop_seen_requests()
        if not self.skipped.strict:
            self._tell()

    def _insert(
        self, documents: pa.Table | pa.RecordBatch, projection: str, ordinal: int, block: int
    ) -> duckdb.DuckDBPyConnection:
        """Insert a block in a transaction of its own, which `_settle` commits."""
        db = self.db.cursor()
        db.begin()
        db.register("documents", _sliced(documents))
        projected = PROJECTED.format(projection=projection)
        if self.masked:
            db.register("masked", _mask(db.sql(projected).to_arrow_table()))
            projected = "SELECT * FROM masked"
        stored = ", ".join(_stored(field.name) for field in SCHEMA)
        db.execute(f"""
            INSERT INTO staged
            SELECT {stored}, {block}::BIGINT << 32 | place, {ordinal}, line, broken,
                   broken IS NOT DISTINCT FROM passed AS passed
            FROM ({projected})
        """)
        return db

    def _settle(self) -> None:
        """Commit the oldest block: in order, so that the same input gives the same table."""
        block, work = self._pending.popleft()
        with work.result() as db:
            db.commit()
        if self.skipped.strict:
            self._tell(since=block << 32)

    def _tell(self, since: int = 0) -> None:
        """Count the rows that gave no prompt, by file and reason, in the order of reading."""
        told = self.db.execute(f"""
            SELECT input, broken, bool_and(passed), min(line), count(*) FROM staged
            WHERE broken IS NOT NULL AND row >= {since} GROUP BY input, broken ORDER BY min(row)
        """)
        for ordinal, reason, passed, line, count in told.fetchall():
            self.skipped.add(reason, self.names[ordinal], line, count, passed=passed)

    def _drop_seen_requests(self) -> None:
        """Keep the last row of each request: logs repeat rows as answers stream in."""
        self.db.execute("""
            CREATE TEMP TABLE seen AS SELECT row, input, line FROM staged
            WHERE request_id IS NOT NULL AND broken IS NULL
            QUALIFY row_number() OVER (PARTITION BY request_id, account_id ORDER BY row DESC) > 1
        """)
        self.db.execute("""
            UPDATE staged SET broken = 'a request seen again', passed = true
            WHERE row IN (SELECT row FROM seen)
        """)

    def hash_identifiers(self, key: bytes) -> None:
        """Replace every identifier of a person or account by its HMAC-SHA-256 under `key`."""
        for column in IDENTIFIERS:
            found = self.db.execute(
                f"SELECT DISTINCT {column} FROM staged WHERE {column} IS NOT NULL"
            ).fetchall()
            plain = [value for (value,) in found]
            hashed = [hash_identifier(v, key) for v in plain]
            self.db.register("hashes", pa.table({"plain": plain, "hashed": hashed}))
            self.db.execute(
                f"UPDATE staged SET {column} = hashed FROM hashes WHERE {column} = plain"
            )
            self.db.unregister("hashes")


def hash_identifier(value: str, key: bytes) -> str:
    """Return the first 128 bits of an identifier's HMAC-SHA-256 under `key`, as hexadecimals."""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:32]


PROJECTED = """
SELECT * REPLACE (coalesce(broken, CASE
    WHEN prompt IS NULL THEN coalesce(passed, 'no prompt')
    WHEN prompt = '' THEN 'the prompt is only white space'
END) AS broken), row_number() OVER () AS place
FROM (SELECT * EXCLUDE (suspect) REPLACE (cleaned(prompt, suspect) AS prompt),
             length(prompt) AS prompt_chars
      FROM ({projection}))
"""


def _sliced(documents: pa.Table | pa.RecordBatch) -> pa.Table:
    """Cut a block into batches of `BATCH` rows, which DuckDB reads faster than one large one."""
    batches = documents.to_batches() if isinstance(documents, pa.Table) else [documents]
    starts = [(batch, start) for batch in batches for start in range(0, batch.num_rows, BATCH)]
    slices = [batch.slice(start, BATCH) for batch, start in starts]
    return pa.Table.from_batches(slices, schema=documents.schema)


def _mask(table: pa.Table) -> pa.Table:
    for name in ("prompt", "system"):
        column = redact(table[name].combine_chunks().cast(pa.large_string()))
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def _stored(column: str) -> str:
    if column == "timestamp":
        return "to_time(timestamp)"
    if column == "prompt":
        shortened = f"prompt[:{HEAD}] || chr(10) || '[…]' || chr(10) || prompt[-{TAIL}:]"
        return f"CASE WHEN length(prompt) > {HEAD + TAIL} THEN {shortened} ELSE prompt END"
    return f'"{column}"'


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "BIGINT"
    return "TIMESTAMPTZ" if pa.types.is_timestamp(kind) else "VARCHAR"
