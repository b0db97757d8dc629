"""Marks of plots stand where their numbers say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capscope.web import mapped, plots

DAY = 86_400.0


def test_a_line_breaks_where_there_is_no_value() -> None:
    plot = plots.shares([0, DAY, 2 * DAY], {"own": [0.5, None, 1.0]}, {"launch": DAY})
    first, second = plot.lines["own"].split("M")[1:]
    assert first == f"{plots.LEFT},{plots.upward(0.5, 1)}h.01"
    assert second.startswith(f"{plots.WIDTH - plots.RIGHT},{plots.TOP}")
    assert plot.marks[0].at == pytest.approx((plots.LEFT + plots.WIDTH - plots.RIGHT) / 2)
    rising = plots.rising([0, DAY, 2 * DAY], [1, 2, 4]).lines["own"]
    assert rising == "M48.0,119.0L260.0,82.0L472.0,8.0"


def test_hours_of_the_week_are_told_and_shaded() -> None:
    counts = [0] * 168
    counts[0], counts[25] = 4, 1
    plot = plots.week(counts)
    assert len(plot.tiles) == 168
    assert [one.level for one in plot.tiles if one.level] == [1.0, 0.5]
    assert plot.tiles[25].title == "Tue 01 h: 1 prompts, 20.0%"
    assert plot.tiles[25].y > plot.tiles[0].y


def test_squares_are_as_large_as_their_shares() -> None:
    of_logic, of_algebra = ("reasoning", "logic", 0.8, 0.2), ("reasoning", "algebra", 0.2, 0.0)
    plot = plots.matrix([of_logic, of_algebra, ("general", "general", 0.0, 0.8)])
    area = {
        (one.kind, one.title.split(":")[0]): one.width**2
        for one in plot.tiles
        if one.kind != "ground"
    }
    logic = "reasoning / logic"
    assert area["own", logic] == pytest.approx(4 * area["usual", logic], rel=0.01)
    assert area["own", logic] == pytest.approx(area["usual", "general / general"])
    assert ("own", "general / general") not in area
    assert [tick.text for tick in plot.up] == ["reasoning", "general"]


def test_linked_accounts_lie_near_each_other_and_the_same_each_time() -> None:
    names = [f"a-{n}" for n in range(12)]
    links = [(i, j, 1.0, "why") for g in (range(6), range(6, 12)) for i in g for j in g if i < j]
    drawn = plots.graph(names, [1.0] * 12, names, links)
    assert drawn == plots.graph(names, [1.0] * 12, names, links)
    at = np.array([(node.x, node.y) for node in drawn.nodes])
    far = np.linalg.norm(at[:, None] - at, axis=2)
    inside = np.kron(np.eye(2), np.ones((6, 6))).astype(bool)
    assert far[inside].max() < far[~inside].min()
    assert ((at >= 0) & (at <= drawn.side)).all()
    assert (drawn.links[0].x1, drawn.links[0].y1) == tuple(at[0])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 9))
def test_what_a_line_encloses_agrees_with_winding_about_each_place(seed: int, corners: int) -> None:
    """For a star-shaped line, a place is inside where the corners wind about it once."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    line = rng.uniform(0.2, 1, (corners, 1)) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    places = rng.uniform(-1, 1, (50, 2)).astype(np.float32)
    to = line[None] - places[:, None].astype(np.float64)
    turn = np.arctan2(to[..., 1], to[..., 0])
    steps = np.angle(np.exp(1j * (np.roll(turn, -1, axis=1) - turn)))
    winds = np.abs(steps.sum(axis=1)) > np.pi
    assert np.array_equal(mapped.inside(places, line), winds)


@pytest.mark.parametrize(
    "told", ["", "1,2,3", "1,2,3,4", "a,b,c,d,e,f", "1,2,3,4,5,nan", "1," * 300]
)
def test_a_line_that_is_none_is_refused(told: str) -> None:
    with pytest.raises(ValueError):
        mapped.read_corners(told)
