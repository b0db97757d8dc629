"""A tally of the rows that gave no prompt, told at the end of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import InputError


@dataclass(slots=True)
class Skipped:
    """Counts rows without a prompt by reason and keeps where each reason was first met.

    Some are broken; others are as they should be but hold no prompt, such as a tool's answer, and
    are passed over. With `strict` the first broken row raises `InputError` instead.

    Attributes:
        strict: whether to raise.
        read: rows read, whatever came of them.
        kept: prompts kept.
        repeats: of those, the ones that repeat another to the letter.
        counts: rows by reason.
        first: file and line by reason.
        passed: the reasons for which rows were passed over.
    """

    strict: bool = False
    read: int = 0
    kept: int = 0
    repeats: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)

    def add(
        self, reason: str, name: str, line: int, count: int = 1, *, passed: bool = False
    ) -> None:
        """Count `count` rows without a prompt for `reason`, the first at line `line` of `name`."""
        if self.strict and not passed:
            raise InputError(
                f"{name}:{line}: {reason}",
                "every row to be readable, because of --strict",
                "Mend the row, or leave out --strict to skip it and count it.",
            )
        self.counts[reason] = self.counts.get(reason, 0) + count
        self.first.setdefault(reason, f"{name}:{line}")
        if passed:
            self.passed.add(reason)

    @property
    def total(self) -> int:
        """Rows skipped because they are broken."""
        return sum(n for reason, n in self.counts.items() if reason not in self.passed)

    def describe(self) -> str:
        """Say in one line what was read and kept, and what was not, why, and where first.

        >>> tally = Skipped(read=9, kept=6, repeats=1)
        >>> tally.add("no prompt", "a.jsonl", 3)
        >>> tally.add("an answer", "a.jsonl", 4, 2, passed=True)
        >>> tally.describe().split("; ")  # doctest: +NORMALIZE_WHITESPACE
        ['9 rows read, 6 prompts kept (1 repeats), 1 row skipped: no prompt 1 (first a.jsonl:3)',
         'passed over: an answer 2 (first a.jsonl:4)']
        """
        rows = "row" if self.total == 1 else "rows"
        said = f"{self.read:,} rows read, {self.kept:,} prompts kept ({self.repeats:,} repeats), "
        said += f"{self.total:,} {rows} skipped"
        if skipped := self._reasons(set(self.counts) - self.passed):
            said += f": {skipped}"
        if over := self._reasons(self.passed):
            said += f"; passed over: {over}"
        return said

    def _reasons(self, chosen: set[str]) -> str:
        told = [
            f"{reason} {count:,} (first {self.first[reason]})"
            for reason, count in self.counts.items()
            if reason in chosen
        ]
        return ", ".join(told)
