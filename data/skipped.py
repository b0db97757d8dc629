"""A tally of the rows that could not be read, told at the end of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import InputError


@dataclass(slots=True)
class Skipped:
    """Counts skipped rows by reason and keeps where each reason was first met.

    With `strict` the first skipped row raises `InputError` instead.
    """

    strict: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, name: str, line: int, count: int = 1) -> None:
        """Count `count` rows skipped for `reason`, the first at line `line` of file `name`."""
        if self.strict:
            raise InputError(
                f"{name}:{line}: {reason}",
                "every row to be readable, because of --strict",
                "Mend the row, or leave out --strict to skip it and count it.",
            )
        self.counts[reason] = self.counts.get(reason, 0) + count
        self.first.setdefault(reason, f"{name}:{line}")

    @property
    def total(self) -> int:
        """Rows skipped for any reason."""
        return sum(self.counts.values())

    def describe(self) -> str:
        """Say in one line what was skipped, why, and where first.

        >>> tally = Skipped()
        >>> tally.add("no prompt", "a.jsonl", 3)
        >>> tally.add("no prompt", "a.jsonl", 9)
        >>> tally.describe()
        '2 rows skipped: no prompt 2 (first a.jsonl:3)'
        """
        reasons = [f"{why} {n:,} (first {self.first[why]})" for why, n in self.counts.items()]
        rows = "row" if self.total == 1 else "rows"
        return f"{self.total:,} {rows} skipped" + (f": {', '.join(reasons)}" if reasons else "")
