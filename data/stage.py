"""Blocks of documents into the table `staged`: projected, cleaned, told apart, masked, hashed."""

from __future__ import annotations

import hashlib
import hmac

import duckdb
import pyarrow as pa

from .formats import UNKNOWN, Format, recognise
from .redact import redact
from .schema import IDENTIFIERS, SCHEMA
from .skipped import Skipped

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
        columns = ", ".join(f'"{f.name}" {_sql_type(f.type)}' for f in SCHEMA)
        db.execute(f"CREATE TABLE staged ({columns}, row BIGINT, input BIGINT, line BIGINT)")

    def add(
        self, documents: pa.Table | pa.RecordBatch, name: str, ordinal: int, block: int
    ) -> None:
        """Add the rows of a block of a file; `ordinal` numbers files, `block` blocks."""
        self.names[ordinal] = name
        layout = self.forced or self.formats.get(ordinal) or recognise(documents, name, self.db)
        if layout is not None:
            self.formats[ordinal] = layout
        self.skipped.read += documents.num_rows
        self.db.register("documents", documents)
        projected = self.db.sql(PROJECTED.format(projection=(layout or UNKNOWN).projection))
        table = projected.to_arrow_table()
        self.db.unregister("documents")
        if self.masked:
            table = _mask(table)
        self.db.register("projected", table)
        stored = ", ".join(_stored(field.name) for field in SCHEMA)
        self.db.execute(f"""
            INSERT INTO staged
            SELECT {stored}, {block}::BIGINT << 32 | place, {ordinal}, line
            FROM projected WHERE broken IS NULL
        """)
        told = self.db.execute("""
            SELECT broken, count(*), min(line), broken IS NOT DISTINCT FROM any_value(passed)
            FROM projected WHERE broken IS NOT NULL GROUP BY broken ORDER BY min(place)
        """)
        for reason, rows, line, passed in told.fetchall():
            self.skipped.add(reason, name, line, rows, passed=passed)
        self.db.unregister("projected")

    def drop_seen_requests(self) -> None:
        """Keep the last row of each request: logs repeat rows as answers stream in."""
        self.db.execute("""
            CREATE TEMP TABLE seen AS SELECT row, input, line FROM staged
            WHERE request_id IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY request_id, account_id ORDER BY row DESC) > 1
        """)
        told = "SELECT input, min(line), count(*) FROM seen GROUP BY input ORDER BY input"
        for ordinal, line, count in self.db.execute(told).fetchall():
            name = self.names[ordinal]
            self.skipped.add("a request seen again", name, line, count, passed=True)
        self.db.execute("DELETE FROM staged WHERE row IN (SELECT row FROM seen)")

    def hash_identifiers(self, key: bytes) -> None:
        """Replace every identifier of a person or account by its HMAC-SHA-256 under `key`."""
        for column in IDENTIFIERS:
            found = self.db.execute(
                f"SELECT DISTINCT {column} FROM staged WHERE {column} IS NOT NULL"
            ).fetchall()
            plain = [value for (value,) in found]
            hashed = [hmac.new(key, v.encode(), hashlib.sha256).hexdigest()[:32] for v in plain]
            self.db.register("hashes", pa.table({"plain": plain, "hashed": hashed}))
            self.db.execute(
                f"UPDATE staged SET {column} = hashed FROM hashes WHERE {column} = plain"
            )
            self.db.unregister("hashes")


PROJECTED = """
SELECT * REPLACE (coalesce(broken, CASE
    WHEN prompt IS NULL THEN coalesce(passed, 'no prompt')
    WHEN prompt = '' THEN 'the prompt is only white space'
END) AS broken), row_number() OVER () AS place
FROM (SELECT * EXCLUDE (suspect) REPLACE (cleaned(prompt, suspect) AS prompt),
             length(prompt) AS prompt_chars
      FROM ({projection}))
"""


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
