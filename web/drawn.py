"""A group of accounts as plots: its links, its hours, its growth and its turn to a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ..classify.campaigns.portrait import Edge, Portrait
from ..data import one_line
from .plots import Graph, Plot, graph, rising, shares, week

NODES, LINKS = 120, 400
"""Most accounts and links that are drawn: the surest, the strongest."""
REASONS, LENGTH = 2, 120
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """The plots of a group; None where nothing is known to draw.

    Attributes:
        network: its accounts and their links.
        own_week: its prompts by hour of the week.
        rest_week: those of all other accounts.
        growth: how many of its accounts had asked by each day.
        turn: the share of prompts that went to a launched model, by the group and by all others.
    """

    network: Graph
    own_week: Plot | None
    rest_week: Plot | None
    growth: Plot | None
    turn: Plot | None


def drawn(portrait: Portrait) -> Drawn:
    """Draw a portrait."""
    return Drawn(
        network(portrait),
        week(portrait.group_hours) if any(portrait.group_hours) else None,
        week(portrait.rest_hours) if any(portrait.rest_hours) else None,
        _growth(portrait),
        _turn(portrait),
    )


def network(portrait: Portrait) -> Graph:
    """Draw the surest accounts and the strongest links, each with what both ends share."""
    nodes = portrait.nodes[:NODES]
    edges = [edge for edge in portrait.edges if edge.other < len(nodes)][:LINKS]
    most = max((edge.strength for edge in edges), default=0.0) or 1.0
    prompts = max((node.prompts for node in nodes), default=0) or 1
    names = [node.account_id for node in nodes]
    return graph(
        names,
        [node.prompts / prompts for node in nodes],
        [
            f"{one_line(node.account_id, 60)}: certainty {node.certainty:.2f}, "
            f"{node.prompts:,} prompts"
            for node in nodes
        ],
        [
            (edge.one, edge.other, 0.15 + 0.85 * edge.strength / most, why(portrait, edge))
            for edge in edges
        ],
    )


def why(portrait: Portrait, edge: Edge) -> str:
    """Say in words why the two accounts of a link are linked."""
    ends = (one_line(portrait.nodes[end].account_id, 60) for end in (edge.one, edge.other))
    told = [
        f"{one['kind']}: {one_line(one['what'], LENGTH)}"
        for one in (portrait.shared[reason] for reason in edge.reasons[:REASONS])
    ]
    return f"{' and '.join(ends)}, q = {edge.q:.1g}. " + "; ".join(told)


def _growth(portrait: Portrait) -> Plot | None:
    if not portrait.growth:
        return None
    days = [_seconds(f"{day.day}T00:00:00Z") for day in portrait.growth]
    counts = [day.accounts for day in portrait.growth]
    # A day's number stands at its end; the line begins with those of before the first one.
    before = counts[0] - portrait.growth[0].new
    return rising([days[0], *(day + DAY for day in days)], [before, *counts])


def _turn(portrait: Portrait) -> Plot | None:
    turn = portrait.turn
    if turn is None:
        return None
    times = [_seconds(step.start) for step in turn.steps]
    values = {
        "usual": [step.cohort_moved / step.cohort if step.cohort else None for step in turn.steps],
        "own": [step.group_moved / step.group if step.group else None for step in turn.steps],
    }
    return shares(times, values, {f"launch of {one_line(turn.model, 40)}": _seconds(turn.launch)})


def _seconds(told: str) -> float:
    return datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp()
