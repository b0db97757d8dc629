"""What people decided of sessions: appended, never changed, and the labels that follow from it."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ..data import LABELS, FolderError, json_line

FOLDER, FILE = "reviews", "reviews.jsonl"
Decision = Literal["agree", "disagree", "unsure"]
UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Review:
    """One decision of one person.

    Attributes:
        session_id: of the session.
        account_id: None where the log had none.
        decision: on the verdict.
        label: what the session is by it: organic, extraction or unsure.
        verdict: the label that was judged.
        score: of the verdict.
        model: the `seal` of the model that gave it.
        note: in the reviewer's words.
        reviewer: who decided.
        time: when, ISO 8601 in UTC.
    """

    session_id: str
    account_id: str | None
    decision: Decision
    label: str
    verdict: str
    score: float
    model: str
    note: str
    reviewer: str
    time: str


class Reviews:
    """The reviews beside an index; several servers may append to them."""

    def __init__(self, index: Path) -> None:
        """Read none yet."""
        self._path = index / FOLDER / FILE
        self._lock = threading.Lock()
        self._read = 0
        self._all: list[Review] = []

    def add(self, review: Review) -> None:
        """Append a review; it is on the disk when this returns.

        Raises:
            FolderError: it cannot be written.
        """
        line = json_line(asdict(review)).encode()
        try:
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("ab+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                size = file.seek(0, os.SEEK_END)
                # A write that a crash cut short ends without a newline, and is passed over.
                if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                    line = b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unusable("written", error) from error

    def all(self) -> list[Review]:
        """Return every review, oldest first; a broken line is passed over.

        Raises:
            FolderError: they cannot be read.
        """
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    file.seek(self._read)
                    new = file.read()
            except FileNotFoundError:
                return []
            except OSError as error:
                raise self._unusable("read", error) from error
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
            self._all = [*self._all, *_parsed(whole)]
            return self._all

    def latest(self) -> dict[tuple[str | None, str], Review]:
        """Return the last review of each session, by its account and its id."""
        return {(review.account_id, review.session_id): review for review in self.all()}

    def labels(self) -> list[dict[str, Any]]:
        """Return the rows of a labels file: one per session id, by its last review.

        A labels file knows a session by its id alone: where accounts share one and were decided
        differently, its label is unsure.
        """
        rows: dict[str, dict[str, Any]] = {}
        for review in self.latest().values():
            row = {
                "session_id": review.session_id,
                "label": review.label,
                "reviewer": review.reviewer,
                "time": review.time,
                "note": review.note,
            }
            before = rows.get(review.session_id)
            if before is not None and before["label"] != review.label:
                row["label"] = UNSURE
            rows[review.session_id] = row
        return list(rows.values())

    def _unusable(self, what: str, error: OSError) -> FolderError:
        return FolderError(
            f"{self._path} cannot be {what} ({type(error).__name__})",
            "a file that this server may read and write",
            "Check what is there and its permissions.",
        )


def now() -> str:
    """Return the time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def label_of(verdict: str, decision: Decision) -> str:
    """Return what a session is by a decision on its verdict.

    >>> label_of("organic", "disagree"), label_of("organic", "unsure")
    ('extraction', 'unsure')
    """
    if decision == "unsure":
        return UNSURE
    return verdict if decision == "agree" else LABELS[1 - LABELS.index(verdict)]


def _parsed(lines: bytes) -> Iterator[Review]:
    for line in lines.splitlines():
        try:
            yield Review(**json.loads(line))
        except (ValueError, TypeError):
            continue
