"""Log formats as data: what each is recognised by and how it projects onto the traffic schema."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import duckdb
import pyarrow as pa

from .errors import InputError
from .schema import COLUMNS

LOOKED_AT = 200
"""Rows at the start of a file that its format is recognised by."""

CHECKED = r"""
    SELECT line, doc, valid, CASE WHEN valid THEN json_type(doc) = 'OBJECT' END AS object,
           contains(doc, '\u00') OR contains(doc, '\b') OR contains(doc, '\f')
           OR contains(doc, chr(127)) AS suspect
    FROM (SELECT line, doc, json_valid(doc) AS valid FROM documents WHERE regexp_matches(doc, '\S'))
"""
"""Rows that are not blank. In JSON only a suspect one can hold a control character."""


@dataclass(frozen=True, slots=True)
class Format:
    """One log format. Expressions are DuckDB's, over `paths` and the macros of `macros.sql`.

    Attributes:
        name: as `--format` takes it.
        about: what writes it, in one line.
        fields: what a row needs, for people.
        signature: true for a row of this format and, best, of no other.
        paths: JSON paths read from a row, by the names that expressions know them by.
        whole: fields at the top of a row, read as VARCHAR or JSON under their own names: faster.
        columns: the expression of each traffic column; `prompt` is always among them.
        accounts: expressions for the account, by what each is, the first that is there counts.
        turns: where a row holds a conversation, the list of its turns; each is `turn`, a row.
        passed: why a row without a prompt is as it should be, or NULL.
        broken: why a row without a prompt is broken, or NULL.
    """

    name: str
    about: str
    fields: list[str]
    signature: str
    columns: dict[str, str]
    paths: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    turns: str | None = None
    passed: str = "NULL"
    broken: str = "NULL"

    @property
    def rows(self) -> str:
        """SQL for the fields of each row, and of each turn where a row holds several."""
        paths = ", ".join(f"'{path}'" for path in self.paths.values())
        names = [f'f[{i}] AS "{name}"' for i, name in enumerate(self.paths, start=1)]
        types = ", ".join(f'"{field}": "{kind}"' for field, kind in self.whole.items())
        found = [f"json_extract(doc, [{paths}]) AS f"] if self.paths else []
        found += [f"json_transform(doc, '{{{types}}}') AS t"] if self.whole else []
        columns = ", ".join(["line", "valid", "object", "suspect", *["t.*"] * bool(types), *names])
        rows = f"""
            SELECT {columns} FROM (
                SELECT * REPLACE (NULL AS doc), {", ".join(found)} FROM (
                    SELECT * REPLACE (CASE WHEN object THEN doc END AS doc) FROM ({CHECKED})))
        """
        if self.turns is None:
            return rows
        turns = f"CASE WHEN len({self.turns}) > 0 THEN {self.turns} ELSE [NULL::JSON] END"
        return f"SELECT *, unnest({turns}) AS turn FROM ({rows})"

    @property
    def projection(self) -> str:
        """SQL for the traffic columns of each row, as text, and `skipped`, `passed` reasons."""
        account = ", ".join(self.accounts.values())
        columns = self.columns | (
            {"account_id": f"coalesce({account}, NULL)"} if self.accounts else {}
        )
        kinds = [f"WHEN {sql} IS NOT NULL THEN '{kind}'" for kind, sql in self.accounts.items()]
        if kinds and "account_from" not in columns:
            columns["account_from"] = f"CASE {' '.join(kinds)} END"
        chosen = ", ".join(f'{columns.get(name, "NULL")} AS "{name}"' for name in COLUMNS)
        return f"""
            SELECT line, suspect, {chosen}, CASE
                WHEN NOT valid THEN 'not valid JSON'
                WHEN NOT object THEN 'not a JSON object'
                ELSE {self.broken}
            END AS broken, {self.passed} AS passed
            FROM ({self.rows})
        """


UNKNOWN = Format(
    name="unknown",
    about="rows that no format knows",
    fields=[],
    signature="false",
    paths={"doc": "$"},
    columns={"prompt": "NULL::VARCHAR"},
    broken="'of no known log format'",
)


@cache
def load_formats() -> dict[str, Format]:
    """Load every shipped format by name, the plain row first."""
    folder = files(__package__).joinpath("formats")
    found = [
        Format(**tomllib.loads(entry.read_text(encoding="utf-8")))
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    ]
    return {f.name: f for f in sorted(found, key=lambda f: (f.name != "plain", f.name))}


def named_format(name: str) -> Format:
    """Return the format that `--format` names.

    Raises:
        InputError: there is none of this name.
    """
    formats = load_formats()
    if name not in formats:
        raise InputError(
            f"the format {name}", f"auto, {', '.join(formats)}", "See capscope formats."
        )
    return formats[name]


def recognise(
    documents: pa.Table | pa.RecordBatch, name: str, db: duckdb.DuckDBPyConnection
) -> Format | None:
    """Return the format of a file by its first rows; None where no format knows any of them.

    Raises:
        InputError: two formats know them.
    """
    db.register("documents", documents.slice(0, LOOKED_AT))
    known = [
        candidate
        for candidate in load_formats().values()
        if db.execute(
            f"SELECT count(*) FROM ({candidate.rows}) WHERE object AND ({candidate.signature})"
        ).fetchall()[0][0]
    ]
    db.unregister("documents")
    if len(known) > 1:
        raise InputError(
            f"the rows of {name} fit {' and '.join(f.name for f in known)}",
            "rows of one format in each file",
            f"Say which one it is, such as --format {known[0].name}.",
        )
    return known[0] if known else None
