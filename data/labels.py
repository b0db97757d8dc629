"""Labels of sessions, from the traffic's own column or from a labels file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from .errors import InputError
from .reader import connect, read_documents
from .schema import LABELS
from .skipped import Skipped

FIELDS = "rows with session_id and label, organic or extraction"


def read_labels(path: Path) -> dict[str, str]:
    """Read a labels file: JSON lines, CSV or Parquet with `session_id` and `label`.

    The last label of a session counts. Rows of another label, such as "unsure", are left out.

    Raises:
        InputError: the file is missing, a row is broken, or no row has a label.
    """
    with TemporaryDirectory(prefix="capscope-") as spill, connect(Path(spill)) as db:
        db.execute("CREATE TABLE labels (session_id VARCHAR, label VARCHAR)")
        for _, _, documents in read_documents([str(path)], db, Skipped(strict=True)):
            _insert(documents, db, path)
        found = dict(db.execute("SELECT session_id, label FROM labels").fetchall())
    labels = {session: label for session, label in found.items() if label in LABELS}
    if not labels:
        raise InputError(f"no label in {path}", FIELDS, "Check the labels file.")
    return labels


def _insert(
    documents: pa.Table | pa.RecordBatch, db: duckdb.DuckDBPyConnection, path: Path
) -> None:
    db.register("documents", documents)
    broken = db.execute(
        "SELECT line FROM documents WHERE NOT json_valid(doc) ORDER BY 1"
    ).fetchall()
    if broken:
        raise InputError(f"{path}:{broken[0][0]} is not valid JSON", FIELDS, "Mend the row.")
    db.execute("""
        INSERT INTO labels SELECT doc ->> '$.session_id', doc ->> '$.label' FROM documents
        WHERE doc ->> '$.session_id' IS NOT NULL AND doc ->> '$.label' IS NOT NULL
    """)
    db.unregister("documents")
