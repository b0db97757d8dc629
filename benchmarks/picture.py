"""Draw the README's picture, docs/demo.svg: the verdicts on the shipped sample."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from capscope.classify import label_files, verdict_table

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Label the sample and save the table that `make demo` prints."""
    (ROOT / "out").mkdir(exist_ok=True)
    sample = ROOT / "data" / "samples" / "traffic.jsonl"
    summary = label_files([str(sample)], ROOT / "out" / "demo.jsonl")
    console = Console(record=True, width=110, file=io.StringIO())
    console.print(verdict_table(summary))
    svg = console.export_svg(title="make demo", unique_id="demo")
    svg = re.sub(r"@font-face\s*{.*?}", "", svg, flags=re.DOTALL)
    lines = [line.rstrip() for line in svg.splitlines() if line.strip()]
    (ROOT / "docs" / "demo.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
