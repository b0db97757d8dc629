"""Every log format: its fixtures give the expected traffic, and are recognised among all others."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import write_rows

from capscope.data import InputError, ReadOptions, Skipped, read_traffic
from capscope.data.formats import load_formats, recognise
from capscope.data.lines import json_lines
from capscope.data.reader import connect
from capscope.data.streams import Stream

FIXTURES = Path(__file__).parent / "fixtures" / "formats"
EXPECTED = sorted(FIXTURES.glob("*.expected.json"))
MAIN = {path.name.split(".")[0]: path for path in EXPECTED if path.name.count(".") == 2}


def log_of(expected: Path) -> Path:
    return expected.with_name(expected.name.replace(".expected.json", ".jsonl"))


def check(traffic: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert [row["prompt"] for row in traffic] == [row["prompt"] for row in expected]
    for found, wanted in zip(traffic, expected, strict=True):
        time = found["timestamp"]
        found["timestamp"] = None if time is None else time.isoformat().replace("+00:00", "Z")
        assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.name.split(".expected")[0])
def test_a_log_gives_the_expected_traffic(expected: Path) -> None:
    """Recognised and named alike; `expected` may name skipped rows too."""
    wanted = json.loads(expected.read_text(encoding="utf-8"))
    name = expected.name.split(".")[0]
    for options in (ReadOptions(), ReadOptions(format=name)):
        traffic = read_traffic([str(log_of(expected))], options)
        check(traffic.table.to_pylist(), wanted["traffic"])
        assert traffic.skipped.counts == wanted.get("counts", {})


def test_every_format_has_a_fixture_that_names_every_column_it_fills() -> None:
    assert set(MAIN) == set(load_formats())
    for name, layout in load_formats().items():
        rows = json.loads(MAIN[name].read_text(encoding="utf-8"))["traffic"]
        filled = set(layout.columns) | (
            {"account_id", "account_from"} if layout.accounts else set()
        )
        named = {column for row in rows for column, value in row.items() if value is not None}
        assert filled <= named, f"{name}: no fixture row shows {sorted(filled - named)}"


def test_each_log_is_recognised_among_all_formats(tmp_path: Path) -> None:
    """By one signature of all: two that fit would raise."""
    with connect(tmp_path) as db:
        for expected in EXPECTED:
            log = log_of(expected)
            (documents,) = json_lines(Stream(log, None), str(log), Skipped())
            found = recognise(documents, str(log), db)
            assert found is not None
            assert found.name == expected.name.split(".")[0]


def test_a_log_read_as_another_format_gives_nothing() -> None:
    for name, other in (("sharegpt", "plain"), ("claude-code", "lmsys"), ("plain", "helicone")):
        with pytest.raises(InputError, match="no prompt in"):
            read_traffic([str(log_of(MAIN[name]))], ReadOptions(format=other))


def test_a_mixture_of_formats_works_file_by_file() -> None:
    logs = [str(log_of(path)) for path in MAIN.values()]
    traffic = read_traffic(logs)
    prompts = sorted(
        row["prompt"]
        for path in MAIN.values()
        for row in json.loads(path.read_text(encoding="utf-8"))["traffic"]
    )
    assert sorted(traffic.table["prompt"].to_pylist()) == prompts


def test_a_file_that_fits_two_formats_is_refused_with_both_names(tmp_path: Path) -> None:
    both = {"prompt": "hello", "messages": [{"role": "user", "content": "hello"}]}
    write_rows(tmp_path / "t.jsonl", [both])
    with pytest.raises(InputError, match=r"fit plain and openai-chat; .* --format plain"):
        read_traffic([str(tmp_path / "t.jsonl")])
    options = ReadOptions(format="openai-chat")
    assert len(read_traffic([str(tmp_path / "t.jsonl")], options)) == 1
