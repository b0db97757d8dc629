"""The development pool: real prompts by source, with what may be done with each."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from .clean import tidy
from .errors import InputError

Kind = Literal["organic", "payload", "extraction"]


@dataclass(frozen=True)
class PoolSource:
    """One source of the pool.

    Attributes:
        name: as in the pool's catalog.
        kind: organic, payload or extraction.
        may_train: whether a shipped model may learn from it.
        area: the capability area that its prompts exercise; None for organic ones.
        sessions: its prompts in order, a list for each real session, or one for each prompt where
            the source has no sessions.
        owners: whose each session is, as codes; each session its own where the source does not say.
        levels: what the source calls each prompt's difficulty or topic; empty where it does not.
    """

    name: str
    kind: Kind
    may_train: bool
    area: str | None
    sessions: list[list[str]]
    owners: list[int] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)

    @cached_property
    def prompts(self) -> list[str]:
        """All prompts in order."""
        return [prompt for session in self.sessions for prompt in session]

    @property
    def has_sessions(self) -> bool:
        """Whether some session holds more than one prompt."""
        return len(self.sessions) < len(self.prompts)


def load_pool(folder: Path) -> list[PoolSource]:
    """Load every source that `catalog.json` names, each prompt cleaned by `tidy`.

    Raises:
        InputError: there is no catalog, or a source's file is missing or broken.
    """
    try:
        catalog = json.loads((folder / "catalog.json").read_bytes())
        return [_load(folder, name, about) for name, about in sorted(catalog.items())]
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder} is no pool ({error})",
            "a folder with catalog.json and one gzip JSONL file for each source that it names",
            "Check the path.",
        ) from error


def _load(folder: Path, name: str, about: dict[str, object]) -> PoolSource:
    kind = about["kind"]
    if kind not in ("organic", "payload", "extraction"):
        raise ValueError(f"{name} is of the unknown kind {kind}")
    with gzip.open(folder / kind / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    capability = about["capability"]
    area = next(iter(capability)) if isinstance(capability, dict) else None
    area = "general" if area == "general_instruction" else area
    texts = tidy([row["text"] for row in rows], area)
    sessions: dict[object, list[int]] = {}
    for number, row in enumerate(rows):
        if texts[number]:
            key = number if row["session_id"] is None else row["session_id"]
            sessions.setdefault(key, []).append(number)
    accounts = {key: rows[found[0]]["account_id"] or key for key, found in sessions.items()}
    codes = {account: code for code, account in enumerate(dict.fromkeys(accounts.values()))}
    in_order = [number for found in sessions.values() for number in found]
    return PoolSource(
        name,
        kind,
        bool(about["may_train"]),
        area,
        [[texts[number] for number in found] for found in sessions.values()],
        [codes[account] for account in accounts.values()],
        [str(rows[number]["level"]) for number in in_order if rows[number]["level"] is not None],
    )
