"""What is kept beside an index and read again when it changed: groups of accounts and the map."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classify.campaigns import Kept
from ..classify.campaigns.kept import FOLDER as GROUPS
from ..data import FolderError, one_line, seal
from ..index import ClusterModel, Positions, kept_positions
from ..index.batches import fingerprint
from .accounts import Accounts, find_accounts
from .view import View

CLUSTERS, MAP = "clusters", "map"
"""Where in an index's folder clusters and the map are kept."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A map of the first prompts of an index: those that it had when the map was made.

    Attributes:
        positions: of those prompts.
        labels: the cluster of each, -1 for none (positions,) int64.
        names: of the clusters.
    """

    positions: Positions
    labels: NDArray[np.int64]
    names: list[str]


class Beside:
    """Reads what tasks keep beside an index; each once for each of its states."""

    def __init__(self, index: Path) -> None:
        """Read nothing yet."""
        self._index = index
        self._locks: dict[str, threading.Lock] = {}
        self._held: dict[str, tuple[object, Any]] = {}

    def groups(self) -> Kept | None:
        """Return the groups that were last found; None before that."""
        kept: Kept | None = self._once("groups", self._seal(GROUPS), self._groups)
        return kept

    def newest(self, most: int) -> list[dict[str, Any]]:
        """Return the campaigns whose first prompt is the latest."""
        kept = self.groups()
        found = [one for one in kept.records if one["kind"] == "campaign"] if kept else []
        found.sort(key=lambda one: (one["evidence"]["schedule"] or {}).get("first", ""))
        return found[: -most - 1 : -1]

    def group_of(self, account: str | None) -> str | None:
        """Return the group that an account is in; None where there is none."""
        groups: dict[str, str] = self._once("members", self._seal(GROUPS), self._members)
        return None if account is None else groups.get(account)

    def accounts(self, view: View) -> Accounts:
        """Return the accounts of a view."""
        kept = self.groups()
        records = kept.records if kept else []
        state = (view.commit, view.judged, view.areas is None, self._seal(GROUPS))
        found: Accounts = self._once("accounts", state, lambda: find_accounts(view, records))
        return found

    def mapped(self, view: View) -> Mapped | None:
        """Return the map, where there is one of this index's first prompts."""
        state = (view.commit, self._seal(MAP), self._seal(CLUSTERS))
        found: Mapped | None = self._once("map", state, lambda: self._map(view))
        return found

    def _groups(self) -> Kept | None:
        try:
            return Kept.load(self._index)
        except FolderError:
            # They are found anew in the background.
            return None

    def _members(self) -> dict[str, str]:
        kept = self.groups()
        return {
            one["account_id"]: group["campaign_id"]
            for group in (kept.records if kept else ())
            for one in group["accounts"]
        }

    def _map(self, view: View) -> Mapped | None:
        positions = kept_positions(self._index / MAP)
        if positions is None:
            return None
        try:
            clusters = ClusterModel.load(self._index / CLUSTERS)
        except FolderError:
            return None
        n = len(positions.points)
        if n > len(view.index) or fingerprint(view.index.prompts[:n]) != positions.seen:
            return None
        labels = clusters.labels[:n] if len(clusters.labels) >= n else np.full(n, -1)
        return Mapped(positions, labels, clusters.names)

    def _seal(self, name: str) -> str:
        try:
            return seal(self._index / name)
        except FolderError:
            return ""

    def _once(self, name: str, state: object, make: Callable[[], Any]) -> Any:  # noqa: ANN401
        with self._locks.setdefault(name, threading.Lock()):
            if name not in self._held or self._held[name][0] != state:
                self._held[name] = state, make()
            return self._held[name][1]


def named(mapped: Mapped, most: int) -> list[dict[str, Any]]:
    """Return the largest clusters of a map: `name`, `size`, and the middle's `x` and `y`."""
    inside = np.flatnonzero(mapped.labels >= 0)
    sizes = np.bincount(mapped.labels[inside], minlength=len(mapped.names))
    largest = [label for label in np.argsort(-sizes, kind="stable")[:most].tolist() if sizes[label]]
    found = []
    for label in largest:
        x, y = np.median(mapped.positions.points[mapped.labels == label], axis=0).tolist()
        name = one_line(mapped.names[label], 60)
        found.append({"name": name, "size": int(sizes[label]), "x": x, "y": y})
    return found
