"""Tables for people, on a terminal. Prompts and ids in them are hostile text."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .files import Summary
from .label import Verdict


def plain(text: object, width: int) -> Text:
    """Return text that cannot steer a terminal or carry markup, on one line of at most `width`."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(line.split())
    return Text(line if len(line) <= width else line[: width - 1] + "…")


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
        for verdict in summary.top:
            top.add_row(
                plain(verdict.session_id or verdict.account_id, 24),
                f"{verdict.prompts:,}",
                f"{verdict.score:.3f}",
                plain(verdict.area, 20),
                plain(why(verdict), 72),
            )
        parts.append(top)
    return Group(*parts)


def why(verdict: Verdict) -> str:
    """Say in a few words what moved the score up most, and the template if there is one."""
    raised: list[dict[str, Any]] = [m for m in verdict.evidence["measures"] if m["effect"] > 0]
    reasons = [
        f"{m['measure']} at percentile {m['organic_percentile']:.0f} of organic" for m in raised[:1]
    ]
    if template := verdict.evidence["template"]:
        reasons.append(f"template {template['skeleton']}")
    return "; ".join(reasons)


def figures_table(figures: dict[str, Any]) -> RenderableType:
    """Show an evaluation: the model beside its baselines, and each kind of session."""
    ranking = Table(title=f"{figures['sessions']:,} sessions not seen in training")
    for column in ("scored by", "AUROC", "TPR at 1 % FPR", "TPR at 0.1 % FPR"):
        ranking.add_column(column, justify="left" if column == "scored by" else "right")
    for name, row in {"the model": figures["model"], **figures["baselines"]}.items():
        rates = [f"{rate:.1%}" for rate in row["tpr_at_fpr"].values()]
        ranking.add_row(plain(name, 50), f"{row['auroc']:.3f}", *rates)
    kinds = Table(title=f"Flagged at the model's threshold {figures['model']['threshold']:.3f}")
    for column in ("kind", "sessions", "flagged"):
        kinds.add_column(column, justify="left" if column == "kind" else "right")
    for kind, row in figures["kinds"].items():
        kinds.add_row(plain(kind, 40), f"{row['sessions']:,}", f"{row['flagged']:.1%}")
    return Group(ranking, kinds)
