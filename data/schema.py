"""The one schema that traffic flows in."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

By = Literal["session", "account"]

LABELS = ("organic", "extraction")
INSUFFICIENT = "insufficient_evidence"

TRUTH = ("label", "kind", "area", "campaign", "source", "template", "group")
"""Columns that only labelled traffic has. No measure ever reads them."""

SCHEMA = pa.schema(
    [
        pa.field("prompt", pa.large_string(), nullable=False),
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string()),
        pa.field("account_from", pa.string()),
        pa.field("timestamp", pa.timestamp("us", tz="UTC")),
        pa.field("model", pa.string()),
        pa.field("system", pa.large_string()),
        pa.field("prompt_chars", pa.int64(), nullable=False),
        pa.field("request_id", pa.string()),
        pa.field("organisation", pa.string()),
        pa.field("network", pa.string()),
        pa.field("client", pa.string()),
        pa.field("payment", pa.string()),
        *(pa.field(name, pa.string()) for name in TRUTH),
    ]
)
"""One row per prompt. Rows of one session stand together, in time order.

`account_from` says what the account is: user, end_user, api_key, organisation or network.
`prompt_chars` is the prompt's length in the log, before a very long one was cut. `network` is an
address or its hash, `client` a user agent, `payment` a payment method's id.
"""

IDENTIFIERS = ("account_id", "organisation", "network", "payment")
"""Columns that can name a person; hashed on the way in where that is asked for."""

COLUMNS = tuple(name for name in SCHEMA.names if name != "prompt_chars")
"""The columns that a log format can fill, as text."""
