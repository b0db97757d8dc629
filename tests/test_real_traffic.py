"""Real sessions from end to end. The pool is not part of the repository."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import POOL, ROOT, records
from typer.testing import Result

needs_pool = pytest.mark.skipif(
    not POOL.is_dir() and "CI" not in os.environ,
    reason="the pool of real prompts is not beside the checkout",
)


@needs_pool
def test_real_sessions_are_labelled(run: Callable[..., Result], tmp_path: Path) -> None:
    script = ROOT / "benchmarks" / "real_sessions.py"
    rows = tmp_path / "real.jsonl"
    command = [sys.executable, script, "--pool", POOL, "--sessions", "520", "-o", rows]
    subprocess.run(command, check=True)
    labelled = records(run("label", rows))
    assert len(labelled) >= 500
    assert sum(r["prompts"] for r in labelled) == len(rows.read_text(encoding="utf-8").splitlines())
    judged = [record for record in labelled if record["score"] is not None]
    assert len(judged) > 150
    flagged = [record for record in judged if record["label"] == "extraction"]
    assert len(flagged) / len(judged) < 0.05
