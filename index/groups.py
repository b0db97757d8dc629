"""Which prompts are asked about, and how they fall into accounts, sessions or one group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import LABELS, InputError

Unit = Literal["account", "session", "group"]


PROMPTS: dict[Unit, int] = {"account": 20, "session": 10, "group": 20}
"""What groups are brought to, unless another number is asked for (docs/coverage.md)."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked about.

    Attributes:
        accounts: their ids; all accounts where empty.
        by: a record for each account, for each session, or one for all of them together.
        since: not before this time.
        until: not after this time.
        prompts: how many prompts every group is brought to; by default as `PROMPTS` says.
    """

    accounts: tuple[str, ...] = ()
    by: Unit = "account"
    since: datetime | None = None
    until: datetime | None = None
    prompts: int | None = None

    @property
    def size(self) -> int:
        """How many prompts every group is brought to."""
        return self.prompts or PROMPTS[self.by]

    def named(self, rows: pa.Table) -> NDArray[np.bool_]:
        """Return which rows are of the accounts (rows,); all where none are named.

        Raises:
            InputError: an account has no row.
        """
        if not self.accounts:
            return np.ones(rows.num_rows, dtype=bool)
        wanted = pa.array(self.accounts, rows.schema.field("account_id").type)
        known = pc.is_in(wanted, value_set=pc.unique(rows["account_id"]))
        missing = wanted.filter(pc.invert(known)).to_pylist()
        if missing:
            more = f" and of {len(missing) - 1:,} more accounts" if len(missing) > 1 else ""
            raise InputError(
                f"no prompt of the account {missing[0]}{more} in the index",
                "accounts that the index holds",
                "Leave the option out to see all of them.",
            )
        return np.asarray(pc.is_in(rows["account_id"], value_set=wanted))

    def within(self, rows: pa.Table) -> NDArray[np.bool_]:
        """Return which rows are of the time (rows,); where one is set, none without a time."""
        kept = np.ones(rows.num_rows, dtype=bool)
        times = rows["timestamp"]
        for limit, test in ((self.since, pc.greater_equal), (self.until, pc.less_equal)):
            if limit is not None:
                passes = test(times, pa.scalar(limit, times.type))
                kept &= np.asarray(pc.fill_null(passes, False))
        return kept


def usual(rows: pa.Table) -> NDArray[np.bool_]:
    """Return which rows may be of the background (rows,).

    Those labelled organic; in an index that labels none so, all but those labelled extraction.
    """
    organic, extraction = (
        np.asarray(pc.fill_null(pc.equal(rows["label"], label), False)) for label in LABELS
    )
    return organic if organic.any() else ~extraction


def read_accounts(path: Path) -> tuple[str, ...]:
    """Read a file of account ids, one a line.

    Raises:
        InputError: it cannot be read, or names no account.
    """
    try:
        lines: Iterable[str] = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({type(error).__name__})",
            "a text file with one account id a line",
            "Check the path.",
        ) from error
    accounts = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not accounts:
        raise InputError(
            f"no account in {path}", "one account id a line", "Write the ids into the file."
        )
    return accounts
