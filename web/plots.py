"""Where the marks of plots stand, for the pages and the report alike; `plots.html` draws them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

import networkx as nx  # type: ignore[import-untyped]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WIDTH, HEIGHT = 480.0, 180.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 8.0, 8.0, 24.0
"""The frame of a plot over time, in the units of its drawing."""
TICKS = 4
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle, and what it says when pointed at.

    Attributes:
        x, y, width, height: in the units of its drawing.
        level: 0 to 1, how strongly it is drawn.
        kind: names its colour.
        title: in words; hostile text wherever it holds a name.
    """

    x: float
    y: float
    width: float
    height: float
    level: float = 1.0
    kind: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Marks in a frame.

    Attributes:
        width, height: of the drawing.
        tiles: bars or cells.
        lines: points of lines, as SVG has them, by the kind of each.
        along, up: ticks of the axes.
        marks: named places along.
    """

    width: float
    height: float
    tiles: list[Tile]
    lines: dict[str, str]
    along: list[Tick]
    up: list[Tick]
    marks: list[Tick]


def shares(
    times: Sequence[float],
    values: Mapping[str, Sequence[float | None]],
    marks: Mapping[str, float],
) -> Plot:
    """Draw shares, 0 to 1, over time as a line for each kind, and named times across them.

    Args:
        times: seconds since 1970, ascending.
        values: by kind, one for each time; None breaks the line.
        marks: seconds since 1970 by name.
    """
    ends = (times[0], times[-1])
    up = [Tick(upward(part / 2, 1.0), f"{50 * part} %") for part in range(3)]
    lines = {kind: way(times, of, ends, 1.0) for kind, of in values.items()}
    named = [Tick(across(time, ends), name) for name, time in marks.items()]
    return Plot(WIDTH, HEIGHT, [], lines, days_along(ends), up, named)


def rising(times: Sequence[float], counts: Sequence[int]) -> Plot:
    """Draw a count that grows over time; `times` are seconds since 1970, ascending."""
    ends, most = (times[0], times[-1]), max(counts) or 1
    line = {"own": way(times, counts, ends, most)}
    return Plot(WIDTH, HEIGHT, [], line, days_along(ends), counts_up(most), [])


def way(
    times: Sequence[float],
    values: Sequence[float | None],
    ends: tuple[float, float],
    most: float,
) -> str:
    """Return a line as SVG's path, a dot where a value has none beside it.

    >>> way([0, 1, 2], [1.0, None, 0.0], (0, 2), 1.0)
    'M48.0,8.0h.01M472.0,156.0h.01'
    """
    parts, drawing = [], False
    for place, (time, value) in enumerate(zip(times, values, strict=True)):
        if value is None:
            drawing = False
            continue
        parts.append(f"{'L' if drawing else 'M'}{across(time, ends)},{upward(value, most)}")
        alone = place + 1 == len(values) or values[place + 1] is None
        if alone and not drawing:
            parts.append("h.01")
        drawing = True
    return "".join(parts)


def week(counts: Sequence[int]) -> Plot:
    """Draw how prompts fall on the hours of the week (168,), Monday's first hour first."""
    side, left, top = 16.0, 36.0, 4.0
    most, every = max(counts, default=0) or 1, sum(counts) or 1
    tiles = [
        Tile(
            left + side * (place % 24),
            top + side * (place // 24),
            side - 1,
            side - 1,
            round(math.sqrt(count / most), 3),
            title=f"{DAYS[place // 24]} {place % 24:02d} h: {count:,} prompts, {count / every:.1%}",
        )
        for place, count in enumerate(counts)
    ]
    along = [Tick(left + side * hour, f"{hour:02d}") for hour in range(0, 25, 6)]
    up = [Tick(top + side * place + 11, day) for place, day in enumerate(DAYS)]
    return Plot(left + side * 24 + 12, top + side * 7 + 18, tiles, {}, along, up, [])


def matrix(shares: Sequence[tuple[str, str, float, float]]) -> Plot:
    """Draw shares by area and cell: a filled square is as large as the share.

    The outlined square around or within it is as large as the share of the background.

    Args:
        shares: area, cell, share and the background's share; the cells of an area together.
    """
    side, left, top = 30.0, 124.0, 4.0
    most = max((max(own, usual) for *_, own, usual in shares), default=0.0) or 1.0
    tiles: list[Tile] = []
    up: list[Tick] = []
    widest = 0
    for row, (area, cells) in enumerate(groupby(shares, key=lambda one: one[0])):
        up.append(Tick(top + side * row + side / 2 + 4, area.replace("_", " ")))
        for column, (_, cell, share, theirs) in enumerate(cells):
            widest = max(widest, column + 1)
            title = f"{area} / {cell}: {share:.1%} of the prompts; the background {theirs:.1%}"
            x, y = left + side * column, top + side * row
            tiles.append(Tile(x + 1, y + 1, side - 2, side - 2, kind="ground", title=title))
            for kind, part in (("own", share), ("usual", theirs)):
                size = round((side - 4) * math.sqrt(part / most), 2)
                if size >= 1:
                    pad = round((side - size) / 2, 2)
                    tiles.append(Tile(x + pad, y + pad, size, size, kind=kind, title=title))
    return Plot(left + side * widest + 4, top + side * len(up) + 4, tiles, {}, [], up, [])


@dataclass(frozen=True, slots=True)
class Node:
    """An account in a drawn group."""

    name: str
    title: str
    radius: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Link:
    """A line between two of them."""

    title: str
    strength: float
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Graph:
    """A group of accounts, laid out."""

    side: float
    nodes: list[Node]
    links: list[Link]


def graph(
    names: Sequence[str],
    sizes: Sequence[float],
    titles: Sequence[str],
    links: Sequence[tuple[int, int, float, str]],
) -> Graph:
    """Lay accounts out by springs along their links (Fruchterman and Reingold 1991).

    Args:
        names: of the accounts.
        sizes: 0 to 1 for each.
        titles: in words, for each.
        links: two accounts by their place, how strong, 0 to 1, and why.
    """
    side, edge = 480.0, 24.0
    drawn = nx.Graph()
    drawn.add_nodes_from(range(len(names)))
    drawn.add_weighted_edges_from((one, other, strong) for one, other, strong, _ in links)
    spread = 2.0 / math.sqrt(max(len(names), 1))
    found = nx.spring_layout(drawn, k=spread, iterations=80, seed=0)
    at = {
        place: (_fitted(float(x), side, edge), _fitted(float(y), side, edge))
        for place, (x, y) in found.items()
    }
    radius = min(9.0, max(4.0, 60.0 / math.sqrt(max(len(names), 1))))
    nodes = [
        Node(name, title, round(radius * (0.6 + 0.4 * size), 1), *at[place])
        for place, (name, size, title) in enumerate(zip(names, sizes, titles, strict=True))
    ]
    lines = [Link(why, round(strong, 3), *at[one], *at[other]) for one, other, strong, why in links]
    return Graph(side, nodes, lines)


def _fitted(part: float, side: float, edge: float) -> float:
    return round(side / 2 + (side / 2 - edge) * part, 1)


def across(time: float, ends: tuple[float, float]) -> float:
    """Return where a time stands between two ends.

    >>> across(5.0, (0.0, 10.0))
    260.0
    """
    span = max(ends[1] - ends[0], 1e-9)
    return round(LEFT + (WIDTH - LEFT - RIGHT) * (time - ends[0]) / span, 2)


def upward(value: float, most: float) -> float:
    """Return how high a value stands, where `most` is the top.

    >>> upward(0, 4), upward(4, 4)
    (156.0, 8.0)
    """
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / most, 2)


def days_along(ends: tuple[float, float]) -> list[Tick]:
    """Return a few dates between two times, each at its midnight, UTC."""
    first, last = math.ceil(ends[0] / DAY), math.floor(ends[1] / DAY)
    step = max(1, math.ceil((last - first + 1) / TICKS))
    return [Tick(across(day * DAY, ends), told(day * DAY)[:10]) for day in range(first, last, step)]


def counts_up(most: int) -> list[Tick]:
    """Return a few round counts up to the most."""
    step = max(1, 10 ** math.floor(math.log10(most)))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if most / s <= TICKS + 1)
    return [
        Tick(upward(count, most), f"{count:,}")
        for count in range(0, most + 1, max(1, math.ceil(step)))
    ]


def told(time: float) -> str:
    """Return seconds since 1970 as a date and a time, UTC.

    >>> told(86400.0)
    '1970-01-02 00:00'
    """
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")
