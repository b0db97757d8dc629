"""Verdicts: the design's fields, for sessions and accounts, the same bytes each time."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from conftest import SAMPLE, Rows, records, write_rows
from sklearn.metrics import roc_auc_score
from typer.testing import Result

from capscope.classify.tables import plain, why
from capscope.data import load_areas

Run = Callable[..., Result]
FIELDS = "session_id account_id prompts label score threshold area evidence".split()


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The whole sample, labelled once for the tests of this file."""
    from capscope.classify import label_files

    path = tmp_path_factory.mktemp("label") / "out.jsonl"
    label_files([str(SAMPLE)], path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_there_is_one_record_for_each_session(labelled: Rows, sample_rows: Rows) -> None:
    sessions = list(dict.fromkeys((r["session_id"], r["account_id"]) for r in sample_rows))
    assert [(r["session_id"], r["account_id"]) for r in labelled] == sessions
    assert sum(r["prompts"] for r in labelled) == len(sample_rows)
    assert all(list(record) == FIELDS for record in labelled)


def test_labels_follow_from_scores(labelled: Rows) -> None:
    areas = {area.name for area in load_areas()}
    for record in labelled:
        assert record["area"] in areas
        if record["prompts"] < 5:
            assert record["label"] == "insufficient_evidence"
            assert record["score"] is None
            assert "fewer than 5" in record["evidence"]["reason"]
        else:
            assert 0.0 <= record["score"] <= 1.0
            above = record["score"] > record["threshold"]
            assert record["label"] == ("extraction" if above else "organic")
    assert {r["label"] for r in labelled} == {"organic", "extraction", "insufficient_evidence"}


def test_evidence_says_why(labelled: Rows) -> None:
    for record in labelled:
        evidence = record["evidence"]
        if evidence["first_pass"]:
            assert evidence["nearest_known"] is None
        else:
            assert evidence["nearest_known"]["kind"] in ("organic", "application", "extraction")
        assert 0 < evidence["area_share"] <= 1
        if record["score"] is None:
            continue
        effects = [abs(measure["effect"]) for measure in evidence["measures"]]
        assert effects == sorted(effects, reverse=True)
        assert all(0 <= m["organic_percentile"] <= 100 for m in evidence["measures"])
    templates = [r["evidence"]["template"] for r in labelled if r["evidence"]["template"]]
    assert any("{}" in template["skeleton"] for template in templates)


def test_the_sample_is_told_apart_better_than_by_chance(labelled: Rows, sample_rows: Rows) -> None:
    """No text of the sample is known to the model; see docs/decisions.md for the figures."""
    truth = {row["session_id"]: row["label"] == "extraction" for row in sample_rows}
    judged = [r for r in labelled if r["score"] is not None]
    extraction = np.array([truth[r["session_id"]] for r in judged])
    assert roc_auc_score(extraction, [r["score"] for r in judged]) > 0.8


@pytest.mark.usefixtures("forgotten_vectors")
def test_the_same_input_gives_the_same_bytes(run: Run, few_file: Path, tmp_path: Path) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        assert run("label", few_file, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_standard_input_gives_the_same_as_the_file(run: Run, few_file: Path) -> None:
    piped = run("label", "-", input=few_file.read_bytes())
    assert piped.exit_code == 0
    assert piped.stdout == run("label", few_file).stdout


def test_one_record_for_each_account(run: Run, few_file: Path, few_sessions: Rows) -> None:
    found = records(run("label", few_file, "--by", "account"))
    accounts = list(dict.fromkeys(row["account_id"] for row in few_sessions))
    assert [r["account_id"] for r in found] == accounts
    assert list(found[0]) == ["account_id", "sessions", *FIELDS[2:]]
    sessions = {(r["session_id"], r["account_id"]) for r in few_sessions}
    assert sum(r["sessions"] for r in found) == len(sessions)


def test_csv_and_parquet_hold_the_same_records(run: Run, few_file: Path, tmp_path: Path) -> None:
    expected = records(run("label", few_file))
    for name in ("out.csv", "out.parquet"):
        assert run("label", few_file, "-o", tmp_path / name).exit_code == 0
    tables = (pacsv.read_csv(tmp_path / "out.csv"), pq.read_table(tmp_path / "out.parquet"))
    for table in tables:
        rows = table.to_pylist()
        assert [r["session_id"] for r in rows] == [r["session_id"] for r in expected]
        assert [json.loads(r["evidence"]) for r in rows] == [r["evidence"] for r in expected]


def test_a_lower_promise_never_flags_more(run: Run, few_file: Path) -> None:
    strict, loose = (
        records(run("label", few_file, "--exact", "--max-fpr", rate)) for rate in (0.01, 0.2)
    )
    for one, other in zip(strict, loose, strict=True):
        assert one["score"] == other["score"]
        assert one["threshold"] > other["threshold"]
    strict, loose = (records(run("label", few_file, "--max-fpr", rate)) for rate in (0.01, 0.2))
    flagged = [
        {r["session_id"] for r in told if r["label"] == "extraction"} for told in (strict, loose)
    ]
    assert flagged[0] <= flagged[1]
    assert flagged[1]


def test_labels_in_the_traffic_do_not_sway_the_verdict(
    run: Run, few_sessions: Rows, tmp_path: Path
) -> None:
    truth = ("label", "kind", "area", "campaign", "source", "group")
    write_rows(tmp_path / "t.jsonl", [r | dict.fromkeys(truth, "organic") for r in few_sessions])
    write_rows(tmp_path / "u.jsonl", [r | dict.fromkeys(truth, "extraction") for r in few_sessions])
    assert run("label", tmp_path / "t.jsonl").stdout == run("label", tmp_path / "u.jsonl").stdout


def test_hostile_text_cannot_steer_the_terminal(
    run: Run, few_sessions: Rows, tmp_path: Path
) -> None:
    hostile = "\x1b[31m[bold]red[/bold]\u202e\x9b5m "
    rows = [r | {"prompt": hostile + r["prompt"], "session_id": hostile} for r in few_sessions]
    write_rows(tmp_path / "t.jsonl", rows)
    result = run("label", tmp_path / "t.jsonl", "--max-fpr", 0.5)
    assert result.exit_code == 0
    for steering in ("\x1b[31m", "\x9b", "\u202e"):
        assert steering not in result.stdout
        assert steering not in result.stderr
    assert records(result)[0]["session_id"] == hostile


def test_text_of_a_table_is_one_plain_line() -> None:
    assert plain("a\x1b[2J\nb[red]c", 20).plain == "a [2J b[red]c"
    assert plain("abcdef", 4).plain == "abc…"


def test_why_names_the_measure_and_the_template() -> None:
    measures = [
        {"measure": "down", "effect": -2.0, "organic_percentile": 1.0, "value": 0.0},
        {"measure": "up", "effect": 1.0, "organic_percentile": 99.0, "value": 1.0},
    ]
    evidence = {"measures": measures, "template": {"skeleton": "Sort {}."}}
    assert why(evidence) == "up at percentile 99 of organic; template Sort {}."
