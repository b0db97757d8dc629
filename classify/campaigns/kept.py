"""Groups kept beside an index: their ids last, and a page draws them without finding them again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...data import FolderError, commit, is_folder_of, json_line, open_folder, writing
from .campaign import Campaign
from .history import Known, trace
from .portrait import Portrait

KIND = "capscope campaigns"
LAYOUT = 1
"""Raise it when what the files hold changes."""
FOLDER = "campaigns"
"""Where in an index's folder groups are kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The groups that were last found in an index.

    Attributes:
        records: as `campaigns` wrote them, extraction first, then the largest.
        signs: hashes of what each shares most.
        portraits: one of each, in the same order.
        gone: ids of before that no group had when they last changed.
        of: names the state of the index and the model that they were found with.
    """

    records: list[dict[str, Any]]
    signs: list[list[int]]
    portraits: list[Portrait]
    gone: list[str]
    of: str = ""

    def known(self) -> list[Known]:
        """Return the groups as they are known again."""
        return [
            Known(
                record["campaign_id"],
                frozenset(member["account_id"] for member in record["accounts"]),
                frozenset(signs),
            )
            for record, signs in zip(self.records, self.signs, strict=True)
        ]

    def portrait(self, campaign_id: str) -> Portrait | None:
        """Return the portrait of a group; None where there is none of this id."""
        return next((one for one in self.portraits if one.campaign_id == campaign_id), None)

    def save(self, folder: Path) -> None:
        """Write the groups; the folder's parent must exist."""
        files = {
            "records.jsonl": _lines(self.records),
            "portraits.jsonl": _lines(portrait.record() for portrait in self.portraits),
        }
        about = {"signs": self.signs, "gone": self.gone, "of": self.of}
        commit(folder, KIND, LAYOUT, about, files)

    @classmethod
    def load(cls, index: Path) -> Kept | None:
        """Read what is kept of an index's folder; None where no groups were found in it yet.

        Raises:
            FolderError: it is damaged, or of another layout.
        """
        folder = index / FOLDER
        if not is_folder_of(folder, KIND):
            return None
        opened = open_folder(folder, KIND, LAYOUT)
        try:
            records, portraits = (
                [json.loads(line) for line in opened.files[name].read_bytes().splitlines()]
                for name in ("records.jsonl", "portraits.jsonl")
            )
            signs = [[int(sign) for sign in one] for one in opened.about["signs"]]
            drawn = [Portrait.of_record(one) for one in portraits]
            gone = [str(one) for one in opened.about["gone"]]
            kept = cls(records, signs, drawn, gone, str(opened.about["of"]))
            kept.known()
        except (KeyError, TypeError, ValueError) as error:
            raise FolderError(
                f"{folder} cannot be read", "groups that capscope wrote", "Find them with --fresh."
            ) from error
        return kept


def keep(
    index: Path,
    found: Sequence[Campaign],
    portraits: Sequence[Portrait],
    fresh: bool = False,
    of: str = "",
) -> tuple[list[Campaign], list[str]]:
    """Give groups the ids of before, and keep them and their portraits in the index's folder.

    Where nothing changed, what is told of the last change stays.

    Args:
        index: the index's folder.
        found: the groups, as `find_campaigns` returns them.
        portraits: one of each.
        fresh: forget what was kept.
        of: names the state of the index and the model that they were found with.

    Returns:
        The groups with their ids and histories, and the ids of before that none of them has.

    Raises:
        InputError: another process is keeping groups in it, or what is kept cannot be read.
    """
    folder = index / FOLDER
    folder.mkdir(exist_ok=True)
    with writing(folder):
        kept = None if fresh else Kept.load(index)
        before = kept.known() if kept else []
        after = [
            Known(
                one.campaign_id,
                frozenset(member["account_id"] for member in one.members),
                frozenset(one.signs),
            )
            for one in found
        ]
        changes = trace(before, after)
        histories = [change.record() for change in changes]
        gone = sorted({one.campaign_id for one in before} - {c.campaign_id for c in changes})
        if kept and not gone and all(change.change == "same" for change in changes):
            told = {one["campaign_id"]: one["history"] for one in kept.records}
            histories, gone = [told[change.campaign_id] for change in changes], kept.gone
        named = [
            replace(one, campaign_id=change.campaign_id, history=history)
            for one, change, history in zip(found, changes, histories, strict=True)
        ]
        drawn = [
            replace(portrait, campaign_id=one.campaign_id)
            for portrait, one in zip(portraits, named, strict=True)
        ]
        records, signs = [one.record() for one in named], [list(one.signs) for one in named]
        Kept(records, signs, drawn, gone, of).save(folder)
    return named, gone


def _lines(records: Iterable[dict[str, Any]]) -> bytes:
    return "".join(map(json_line, records)).encode()
