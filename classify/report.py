"""An evaluation as one HTML file that needs no network and runs nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from ..data import one_line, replacing
from .metrics import LOWER_IS_BETTER, TITLES

LEAST_FPR = 0.001
"""Where the logarithmic axis of the ROC curve starts; rates below it are drawn on it."""
SIDE, LEFT, TOP = 240.0, 44.0, 10.0
"""The plot's square and where it stands in its drawing."""
WIDEST = 9.0
"""Radius of the dot of the fullest bin."""

Point = tuple[float, float]


def write_report(figures: dict[str, Any], output: Path, heading: str) -> None:
    """Write the report of `evaluate`'s figures in one step; `heading` says what was measured."""
    with replacing(output) as temporary:
        temporary.write_text(render(figures, heading), encoding="utf-8")


def render(figures: dict[str, Any], heading: str) -> str:
    """Return the report as HTML. Every name in it is from traffic: hostile text, escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"percent": percent, "number": number, "line": line}
    template = files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    model = figures["model"]
    return environment.from_string(template).render(
        figures=figures,
        heading=one_line(heading, 500),
        units=f"{figures['by']}s",
        titles=TITLES,
        lower_is_better=LOWER_IS_BETTER,
        headline={
            "auroc": model["auroc"],
            **{f"tpr_at_fpr_{fpr}": rate for fpr, rate in model["tpr_at_fpr"].items()},
            "calibration_error": model["calibration_error"],
        },
        tables={
            "Kinds": figures["kinds"],
            "Sources": figures["sources"],
            "Areas": figures["areas"],
            "Prompts": figures["lengths"],
            "Templates of organic applications": figures["templates"],
        },
        frame=(LEFT, TOP, SIDE),
        roc=polyline((_log(fpr), tpr) for fpr, tpr in figures["roc"]),
        chance=polyline((_log(10 ** (power / 10)), 10 ** (power / 10)) for power in range(-30, 1)),
        operating=place((_log(model["fpr"]), model["tpr"])),
        rates=[(f"{100 * rate:g} %", place((_log(rate), 0))) for rate in (0.001, 0.01, 0.1, 1.0)],
        shares=[(f"{100 * share:g} %", place((share, share))) for share in (0, 0.25, 0.5, 0.75, 1)],
        bins=dots(figures["reliability"]),
    )


def place(point: Point) -> Point:
    """Return where a point of the unit square stands in the drawing.

    >>> place((0.0, 0.0)), place((1.0, 1.0))
    ((44.0, 250.0), (284.0, 10.0))
    """
    return round(LEFT + SIDE * point[0], 1), round(TOP + SIDE * (1 - point[1]), 1)


def polyline(points: Iterable[Point]) -> str:
    """Return the points of a line through the unit square, as SVG has them."""
    return " ".join(f"{x},{y}" for x, y in map(place, points))


def dots(reliability: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return where each bin that holds sessions stands, its area by how many it holds."""
    fullest = max(row["sessions"] for row in reliability)
    return [
        {
            "at": place((row["score"], row["extraction"])),
            "radius": round(max(2.0, WIDEST * math.sqrt(row["sessions"] / fullest)), 1),
            **row,
        }
        for row in reliability
        if row["sessions"]
    ]


def percent(value: float | None) -> str:
    """Show a share.

    >>> percent(0.125), percent(None)
    ('12.5 %', '–')
    """
    return "–" if value is None else f"{100 * value:.1f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Show a number; – where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def line(text: object) -> str:
    """Show a name on one line of readable length."""
    return one_line(text, 80)


def _log(rate: float) -> float:
    return 1 - math.log10(max(rate, LEAST_FPR)) / math.log10(LEAST_FPR)
