"""Tables for people, on a terminal. Prompts and ids in them are hostile text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..data import plain
from .metrics import LOWER_IS_BETTER, TITLES

if TYPE_CHECKING:
    from .files import Summary


RANKED = ("auroc", "tpr_at_fpr_0.01", "tpr_at_fpr_0.001")


def verdict_table(summary: Summary) -> RenderableType:
    """Show how many verdicts there are of each label, and the strongest extraction verdicts."""
    counts = Table(title="Verdicts")
    counts.add_column("label")
    counts.add_column(f"{summary.by}s", justify="right")
    for name, count in sorted(summary.counts.items()):
        counts.add_row(plain(name, 30), f"{count:,}")
    parts: list[RenderableType] = [counts]
    if summary.top:
        top = Table(title="Highest scores")
        for column in (summary.by, "prompts", "score", "area", "why"):
            top.add_column(column, justify="right" if column in ("prompts", "score") else "left")
        for record in summary.top:
            top.add_row(
                plain(record[f"{summary.by}_id"], 24),
                f"{record['prompts']:,}",
                f"{record['score']:.3f}",
                plain(record["area"], 20),
                plain(why(record["evidence"]), 72),
            )
        parts.append(top)
    return Group(*parts)


def why(evidence: dict[str, Any]) -> str:
    """Say in a few words what moved the score up most, its group and its template if any."""
    raised: list[dict[str, Any]] = [m for m in evidence.get("measures", ()) if m["effect"] > 0]
    reasons = [
        f"{m['measure']} at percentile {m['organic_percentile']:.0f} of organic" for m in raised[:1]
    ]
    if (group := evidence.get("campaign")) and group["label"] == "extraction":
        reasons.append(f"a campaign of {group['accounts']:,} accounts")
    if template := evidence["template"]:
        reasons.append(f"template {template['skeleton']}")
    return "; ".join(reasons)


def figures_table(figures: dict[str, Any]) -> RenderableType:
    """Show an evaluation: the model beside its baselines, where it flags, and the other model."""
    units = f"{figures['by']}s"
    ranking = Table(title=f"{figures['sessions']:,} {units} not seen in training")
    for column in ("scored by", "AUROC", "TPR at 1 % FPR", "TPR at 0.1 % FPR"):
        ranking.add_column(column, justify="left" if column == "scored by" else "right")
    for name, row in {"the model": figures["model"], **figures["baselines"]}.items():
        rates = [f"{rate:.1%}" for rate in row["tpr_at_fpr"].values()]
        ranking.add_row(plain(name, 50), f"{row['auroc']:.3f}", *rates)
    ranking.add_row(
        "the model, 95 % interval",
        *(_interval(ends) for name, ends in figures["intervals"].items() if name in RANKED),
    )
    found = figures["detection"]
    median = found["median_prompts"]
    parts: list[RenderableType] = [
        ranking,
        _flagged("kind", units, figures["kinds"], figures["levels"]),
        _flagged("prompts", units, figures["lengths"], figures["levels"]),
        Text(
            f"{found['sessions']:,} extraction {units} are flagged"
            + (f", half of them by prompt {median:.0f}" if median else "")
        ),
    ]
    if "against" in figures:
        parts.append(differences_table(figures["against"]["differences"], "the other model", units))
        parts.append(_kinds_apart(figures["against"]["kinds"], units))
    return Group(*parts)


def differences_table(
    differences: dict[str, Any], other: str, units: str = "sessions"
) -> RenderableType:
    """Show how a model's figures differ from another's on the same sessions, or accounts."""
    table = Table(title=f"Against {other}, on {units}")
    for column in ("figure", "this model", other, "difference", "95 % interval"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for name, row in differences.items():
        better = " (lower is better)" if name in LOWER_IS_BETTER else ""
        table.add_row(
            TITLES[name] + better,
            f"{row['model']:.3f}",
            f"{row['other']:.3f}",
            f"{row['difference']:+.3f}",
            _interval(row["interval"], "+.3f"),
        )
    return table


def _flagged(
    name: str, units: str, rows: dict[str, Any], levels: list[dict[str, Any]]
) -> RenderableType:
    first, *longer = levels
    told = f"{first['threshold']:.3f}" + "".join(
        f" ({level['threshold']:.3f} from {level['from']} prompts)" for level in longer
    )
    table = Table(title=f"Flagged at the model's threshold {told}")
    for column in (name, units, "flagged"):
        table.add_column(column, justify="left" if column == name else "right")
    for key, row in rows.items():
        table.add_row(plain(key, 40), f"{row['sessions']:,}", f"{row['flagged']:.1%}")
    return table


def _kinds_apart(rows: dict[str, Any], units: str) -> RenderableType:
    table = Table(title="Kinds that the two flag most differently")
    for column in ("kind", units, "this model", "the other model"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for kind, row in rows.items():
        rates = (f"{row['flagged']:.1%}", f"{row['other_flagged']:.1%}")
        table.add_row(plain(kind, 40), f"{row['sessions']:,}", *rates)
    return table


def _interval(ends: list[float] | None, form: str = ".3f") -> str:
    return "–" if ends is None else f"{ends[0]:{form}} to {ends[1]:{form}}"
