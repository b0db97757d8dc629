"""The development pool: real prompts by source, with what may be done with each."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import InputError

Kind = Literal["organic", "payload", "extraction"]


@dataclass(frozen=True, slots=True)
class PoolSource:
    """One source of the pool.

    Attributes:
        name: as in the pool's catalog.
        kind: organic, payload or extraction.
        may_train: whether a shipped model may learn from it.
        area: the capability area that its prompts exercise; None for organic ones.
        sessions: its prompts in order, a list for each real session, or one for each prompt where
            the source has no sessions.
    """

    name: str
    kind: Kind
    may_train: bool
    area: str | None
    sessions: list[list[str]]

    @property
    def prompts(self) -> list[str]:
        """All prompts in order."""
        return [prompt for session in self.sessions for prompt in session]


def load_pool(folder: Path) -> list[PoolSource]:
    """Load every source that `catalog.json` names.

    Raises:
        InputError: there is no catalog, or a source's file is missing or broken.
    """
    try:
        catalog = json.loads((folder / "catalog.json").read_bytes())
        return [_load(folder, name, about) for name, about in sorted(catalog.items())]
    except (OSError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise InputError(
            f"{folder} is no pool ({error})",
            "a folder with catalog.json and one gzip JSONL file for each source that it names",
            "Check the path.",
        ) from error


def _load(folder: Path, name: str, about: dict[str, object]) -> PoolSource:
    kind = about["kind"]
    if kind not in ("organic", "payload", "extraction"):
        raise ValueError(f"{name} is of the unknown kind {kind}")
    sessions: dict[object, list[str]] = {}
    with gzip.open(folder / kind / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for number, line in enumerate(file):
            row = json.loads(line)
            key = number if row["session_id"] is None else row["session_id"]
            sessions.setdefault(key, []).append(row["text"])
    capability = about["capability"]
    area = next(iter(capability)) if isinstance(capability, dict) else None
    area = "general" if area == "general_instruction" else area
    return PoolSource(name, kind, bool(about["may_train"]), area, list(sessions.values()))
