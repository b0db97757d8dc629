"""The command line: light to start, machine output on stdout, words on stderr."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from conftest import ROOT, records
from typer.testing import Result

Run = Callable[..., Result]
HEAVY = ("torch", "faiss", "sentence_transformers", "transformers", "sklearn", "hdbscan", "scipy")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from capscope.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        f"assert not [name for name in {HEAVY} if name in sys.modules]"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    for command in ("label", "index", "similar", "clusters", "coverage", "train", "evaluate"):
        assert command in done.stdout


def test_similar_prints_records_on_stdout(run: Run, few_file: Path, tmp_path: Path) -> None:
    result = run("index", few_file, "--index", tmp_path / "index")
    assert result.exit_code == 0
    assert result.stdout == ""
    found = records(run("similar", "thank you", "--index", tmp_path / "index", "-k", 3))
    fields = (
        "similarity prompt session_id account_id timestamp model repeats accounts account_count id"
    )
    assert [list(record) for record in found] == [fields.split()] * 3


def test_an_unknown_option_is_a_mistake_of_the_user(run: Run) -> None:
    assert run("label", "--no-such-option").exit_code == 2


def test_a_reader_that_stops_early_is_no_error(few_file: Path) -> None:
    command = f"{sys.executable} -m capscope.cli label {few_file} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_the_installed_script_answers() -> None:
    script = Path(sys.executable).parent / "capscope"
    done = subprocess.run([script, "--help"], check=True, capture_output=True, text=True)
    assert "curriculum-style extraction" in done.stdout
