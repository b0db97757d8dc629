"""One group as a page shows it: its accounts and links, its hours, its growth and its turn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .campaign import Campaign
from .conduct import told
from .corpus import Corpus
from .groups import FDR
from .pivot import DAY, HOUR
from .reasons import strongest_of
from .things import Ints
from .ties import Ties

NODES, EDGES = 1_000, 2_000
"""Most accounts and links of a portrait: the surest, the strongest."""
DAYS = 400
"""Most days of a growth."""
STEP = 6 * HOUR
STEPS = 28
"""A turn to a model is shown in steps of six hours, so many before its launch and after it."""
MONDAY = 4 * DAY
"""1970 began on a Thursday; its first Monday."""


@dataclass(frozen=True, slots=True)
class Node:
    """An account of a group: its certainty, and how many prompts it sent."""

    account_id: str
    certainty: float
    prompts: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A link of two accounts.

    Attributes:
        one: position in `nodes`.
        other: a later position.
        q: the adjusted chance that nothing ties them.
        strength: -ln of the chance before it was adjusted.
        reasons: what both hold, as positions in `shared`, the strongest first.
    """

    one: int
    other: int
    q: float
    strength: float
    reasons: list[int]


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a group: its accounts that asked for the first time, all so far, and its prompts."""

    day: str
    new: int
    accounts: int
    prompts: int


@dataclass(frozen=True, slots=True)
class Step:
    """Six hours, from when on: prompts of group and cohort, and those to the launched model."""

    start: str
    group: int
    group_moved: int
    cohort: int
    cohort_moved: int


@dataclass(frozen=True, slots=True)
class Turn:
    """How a group and all other accounts turned to a launched model.

    `steps` reach a week to either side of the launch, steps in which nobody asked anything among
    them.
    """

    model: str
    launch: str
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Portrait:
    """One group, bounded in size.

    Attributes:
        campaign_id: of which group.
        accounts: how many it has.
        nodes: the surest of them, the surest first.
        links: how many significant links stand between those nodes.
        edges: the strongest of these, the strongest first.
        shared: what the group shares, as in its evidence.
        group_hours: its prompts by hour of the week, Monday 0 h UTC first (168,).
        rest_hours: those of all other accounts (168,).
        growth: by day, the last `DAYS` days at most.
        turn: to the model of its pivot; None where there was no launch.
    """

    campaign_id: str
    accounts: int
    nodes: list[Node]
    links: int
    edges: list[Edge]
    shared: list[dict[str, Any]]
    group_hours: list[int]
    rest_hours: list[int]
    growth: list[Day]
    turn: Turn | None

    def record(self) -> dict[str, Any]:
        """Return the portrait as JSON can hold it."""
        return asdict(self)

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Portrait:
        """Return the portrait of a record.

        Raises:
            KeyError, TypeError: it is something else.
        """
        turn = record["turn"]
        parts = {
            "nodes": [Node(**one) for one in record["nodes"]],
            "edges": [Edge(**one) for one in record["edges"]],
            "growth": [Day(**one) for one in record["growth"]],
            "turn": turn and Turn(**{**turn, "steps": [Step(**one) for one in turn["steps"]]}),
        }
        return cls(**{**record, **parts})


def portray(corpus: Corpus, ties: Ties, campaign: Campaign) -> Portrait:
    """Draw a group that was found in `corpus` by `ties`."""
    accounts = ties.accounts
    ids = pa.array([member["account_id"] for member in campaign.members], accounts.ids.type)
    members = np.asarray(pc.index_in(ids, value_set=accounts.ids), dtype=np.int64)
    shown = members[:NODES]
    links, edges = _edges(ties, shown, strongest_of(ties.things, members))
    inside = np.zeros(len(accounts), bool)
    inside[members] = True
    own = inside[accounts.of]
    column = corpus.table["timestamp"].cast(pa.int64()).combine_chunks()
    times = np.asarray(column.take(pa.array(accounts.rows)).fill_null(-1), dtype=np.int64)
    return Portrait(
        campaign.campaign_id,
        len(members),
        [Node(m["account_id"], m["certainty"], m["prompts"]) for m in campaign.members[:NODES]],
        links,
        edges,
        campaign.evidence["shared"],
        _hours(times[own]),
        _hours(times[~own]),
        _growth(accounts.of[own], times[own]),
        _turn(corpus, ties, own, times, campaign.pivot),
    )


def _edges(ties: Ties, members: Ints, shared: Ints) -> tuple[int, list[Edge]]:
    links, things = ties.links, ties.things
    place = np.full(len(ties.accounts), -1)
    place[members] = np.arange(len(members))
    one, other = place[links.one], place[links.other]
    some = np.flatnonzero((one >= 0) & (other >= 0) & (links.q < FDR))
    ends = np.sort(np.stack([one[some], other[some]]), axis=0)
    count, order = len(some), np.lexsort((ends[1], ends[0], links.log_p[some]))[:EDGES]
    some, ends = some[order], ends[:, order]
    held = things.table[members][:, shared].toarray() > 0
    return count, [
        Edge(int(a), int(b), float(f"{q:.4g}"), round(-float(p), 3), np.flatnonzero(both).tolist())
        for a, b, q, p, both in zip(
            *ends, links.q[some], links.log_p[some], held[ends[0]] & held[ends[1]], strict=True
        )
    ]


def _hours(times: Ints) -> list[int]:
    known = times[times >= 0]
    counts = np.bincount((known - MONDAY) // HOUR % 168, minlength=168)
    return [int(count) for count in counts]


def _growth(of: Ints, times: Ints) -> list[Day]:
    known = times >= 0
    day, account = times[known] // DAY, of[known]
    if not len(day):
        return []
    start, days = int(day.min()), int(day.max() - day.min()) + 1
    firsts = np.lexsort((day, account))
    _, place = np.unique(account[firsts], return_index=True)
    new = np.bincount(day[firsts][place] - start, minlength=days)
    so_far, prompts = np.cumsum(new), np.bincount(day - start, minlength=days)
    return [
        Day(
            datetime.fromtimestamp((start + i) * DAY // 1_000_000, UTC).strftime("%Y-%m-%d"),
            int(new[i]),
            int(so_far[i]),
            int(prompts[i]),
        )
        for i in range(max(0, days - DAYS), days)
    ]


def _turn(
    corpus: Corpus,
    ties: Ties,
    own: NDArray[np.bool_],
    times: Ints,
    pivot: dict[str, Any] | None,
) -> Turn | None:
    if pivot is None:
        return None
    launch = int(datetime.fromisoformat(pivot["launch"]).timestamp()) * 1_000_000
    model = corpus.table["model"].combine_chunks().take(pa.array(ties.accounts.rows))
    moved = np.asarray(pc.equal(model, pivot["model"]).fill_null(False))
    step = (times - launch) // STEP + STEPS
    near = (times >= 0) & (step >= 0) & (step < 2 * STEPS) & np.asarray(pc.is_valid(model))
    counts = [
        np.bincount(step[near & some], minlength=2 * STEPS).tolist()
        for some in (own, own & moved, ~own, ~own & moved)
    ]
    starts = [told(launch + (i - STEPS) * STEP) for i in range(2 * STEPS)]
    steps = [Step(*one) for one in zip(starts, *counts, strict=True)]
    return Turn(pivot["model"], pivot["launch"], steps)
