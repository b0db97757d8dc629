"""The one schema that traffic flows in."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

By = Literal["session", "account"]

LABELS = ("organic", "extraction")
INSUFFICIENT = "insufficient_evidence"

TRUTH = ("label", "kind", "area", "campaign", "source", "group")
"""Columns that only labelled traffic has. No measure ever reads them."""

SCHEMA = pa.schema(
    [
        pa.field("prompt", pa.large_string(), nullable=False),
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string()),
        pa.field("timestamp", pa.timestamp("us", tz="UTC")),
        pa.field("model", pa.string()),
        pa.field("system", pa.large_string()),
        *(pa.field(name, pa.string()) for name in TRUTH),
    ]
)
"""One row per prompt. Rows of one session stand together, in time order."""

COLUMNS = tuple(SCHEMA.names)
"""The columns that a log format can fill, as text."""
