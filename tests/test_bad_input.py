"""Bad input: one clear message and exit code 2, and good rows survive bad neighbours."""

import gzip
import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, Rows, records, write_rows
from typer.testing import Result

from capscope.classify.model import LAYOUT
from capscope.data.manifest import Entry, read_manifest, write_manifest

MODEL = ROOT / "classify" / "models" / "default"

Fails = Callable[..., str]
Run = Callable[..., Result]


def test_a_missing_file(fails: Fails, tmp_path: Path) -> None:
    assert "nowhere.jsonl does not exist" in fails("label", tmp_path / "nowhere.jsonl")


def test_an_empty_file(fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").touch()
    assert "t.jsonl is empty" in fails("label", tmp_path / "t.jsonl")


def test_a_folder_with_no_traffic_in_it(fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    assert "holds no traffic" in fails("label", tmp_path)


def test_a_parquet_file_with_other_columns(fails: Fails, tmp_path: Path) -> None:
    pq.write_table(pa.table({"question": ["a", "b"]}), tmp_path / "t.parquet")
    message = fails("label", tmp_path / "t.parquet")
    assert "no prompt" in message
    assert "of no known log format 2" in message
    assert "rows with a field prompt" in message


def test_a_file_of_something_else(fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 this is no Parquet PAR1")
    assert "unreadable Parquet" in fails("label", tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_bytes(bytes(range(256)) * 50)
    assert "not valid JSON" in fails("label", tmp_path / "t.jsonl")


def test_an_output_folder_that_does_not_exist(fails: Fails, few_file: Path, tmp_path: Path) -> None:
    message = fails("label", few_file, "-o", tmp_path / "none" / "out.jsonl")
    assert "does not exist" in message


def test_an_output_of_an_unknown_kind(fails: Fails, few_file: Path, tmp_path: Path) -> None:
    assert ".jsonl, .csv, .parquet" in fails("label", few_file, "-o", tmp_path / "out.xlsx")


def test_a_promise_that_the_model_cannot_keep(fails: Fails, few_file: Path) -> None:
    message = fails("label", few_file, "--max-fpr", "0.00001")
    assert "at least 299,572" in message
    assert "a false-positive rate of 0.0" in fails("label", few_file, "--max-fpr", "0")


def test_a_model_folder_that_is_none(fails: Fails, few_file: Path, tmp_path: Path) -> None:
    assert "does not exist" in fails("label", few_file, "--model", tmp_path / "none")
    assert "no readable manifest.json" in fails("label", few_file, "--model", tmp_path)


def test_a_model_folder_with_a_changed_byte(fails: Fails, few_file: Path, tmp_path: Path) -> None:
    for number, stored in enumerate(sorted(MODEL.glob("*.npy"))):
        model = tmp_path / str(number)
        shutil.copytree(MODEL, model)
        changed = bytearray(stored.read_bytes())
        changed[len(changed) // 2] ^= 1
        (model / stored.name).write_bytes(changed)
        message = fails("label", few_file, "--model", model)
        assert f"{stored.name} was changed" in message


def test_a_model_folder_that_lacks_a_file(fails: Fails, few_file: Path, tmp_path: Path) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    next((tmp_path / "model").glob("head.*.npy")).unlink()
    assert "lacks its file head." in fails("label", few_file, "--model", tmp_path / "model")


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize("name", ["classifier.pkl", "inner/head.joblib", "pytorch_model.bin"])
def test_a_model_folder_holding_a_pickle(
    name: str, fails: Fails, few_file: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_bytes(pickle.dumps(Trap()))
    assert "can run code when loaded" in fails("label", few_file, "--model", model)


def test_an_npy_that_holds_a_pickle_is_not_loaded(
    fails: Fails, few_file: Path, tmp_path: Path
) -> None:
    import hashlib
    import io

    import numpy as np

    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    sink = io.BytesIO()
    np.save(sink, np.array([Trap()], dtype=object), allow_pickle=True)
    entry = read_manifest(model).entries["head.npy"]
    (model / entry.file).write_bytes(sink.getvalue())
    sha256 = hashlib.sha256(sink.getvalue()).hexdigest()
    rewrite(model, **{"head.npy": Entry(entry.file, sha256, len(sink.getvalue()))})
    assert "cannot be read" in fails("label", few_file, "--model", model)
    assert not Path("ran").exists()


def test_a_manifest_that_points_outside_its_folder(
    fails: Fails, few_file: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    (tmp_path / "secret.npy").touch()
    entry = read_manifest(model).entries["head.npy"]
    rewrite(model, **{"head.npy": replace(entry, file="../secret.npy")})
    assert "lacks its file" in fails("label", few_file, "--model", model)


@pytest.mark.parametrize("layout", [3, 99])
def test_a_model_of_another_layout_says_so(
    layout: int, fails: Fails, few_file: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    rewrite(model, layout)
    assert f"layout {layout}; expected a capscope model, layout {LAYOUT}" in fails(
        "label", few_file, "--model", model
    )


def test_a_model_manifest_without_a_seal_is_refused(
    fails: Fails, few_file: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    manifest = json.loads((model / "manifest.json").read_text())
    del manifest["sha256"]
    (model / "manifest.json").write_text(json.dumps(manifest))
    assert "manifest.json was changed" in fails("label", few_file, "--model", model)


def rewrite(model: Path, layout: int = LAYOUT, **entries: Entry) -> None:
    """Seal a manifest that says something else."""
    found = read_manifest(model)
    write_manifest(model, found.kind, layout, found.about, {**found.entries, **entries})


BAD_ROWS = {
    "cut in half": (b'{"prompt": "half of a', "not valid JSON"),
    "without a prompt": (b'{"session_id": "s"}', "no prompt"),
    "with a null prompt": (b'{"prompt": null}', "no prompt"),
    "with a number for a prompt": (b'{"prompt": 7}', "the prompt is not text"),
    "with NaN for a prompt": (b'{"prompt": NaN}', "the prompt is not text"),
    "with a list for a prompt": (b'{"prompt": ["a"]}', "the prompt is not text"),
    "with an empty prompt": (b'{"prompt": ""}', "the prompt is only white space"),
    "of white space": (b'{"prompt": " \\t\\n\\u3000\\u200b "}', "the prompt is only white space"),
    "that is no object": (b"[1, 2]", "not a JSON object"),
    "that is not UTF-8": (b'{"prompt": "\xff\xfe"}', "invalid UTF-8"),
    "with a lone surrogate": (b'{"prompt": "\\ud800"}', "not valid JSON"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_counted_and_its_neighbours_are_kept(
    case: str, run: Run, few_sessions: Rows, tmp_path: Path
) -> None:
    bad, reason = BAD_ROWS[case]
    good = [json.dumps(row).encode() for row in few_sessions]
    (tmp_path / "t.jsonl").write_bytes(b"\n".join([*good[:3], bad, *good[3:]]) + b"\n")
    result = run("label", tmp_path / "t.jsonl")
    assert sum(record["prompts"] for record in records(result)) == len(good)
    assert f"1 row skipped: {reason} 1 (first {tmp_path}/t.jsonl:4)" in " ".join(
        result.stderr.split()
    )


def test_a_truncated_gzip_keeps_what_stands_before_the_cut(
    run: Run, few_sessions: Rows, tmp_path: Path
) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in few_sessions * 3)
    packed = gzip.compress(lines.encode())
    (tmp_path / "t.jsonl.gz").write_bytes(packed[: len(packed) * 3 // 4])
    result = run("label", tmp_path / "t.jsonl.gz")
    kept = sum(record["prompts"] for record in records(result))
    assert len(few_sessions) < kept < 3 * len(few_sessions)
    assert "truncated gzip" in result.stderr


def test_a_gzip_cut_before_the_first_line(fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b'{"prompt": "a"}')[:12])
    assert "truncated gzip" in fails("label", tmp_path / "t.jsonl.gz")


def test_a_prompt_of_two_megabytes_is_kept(run: Run, few_sessions: Rows, tmp_path: Path) -> None:
    long = few_sessions[0] | {"prompt": "a long prompt " * 150_000}
    write_rows(tmp_path / "t.jsonl", [long, *few_sessions])
    result = run("label", tmp_path / "t.jsonl")
    assert sum(record["prompts"] for record in records(result)) == len(few_sessions) + 1


def test_csv_rows_that_do_not_fit_are_counted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(
        b"session_id,prompt\ns,one\ns\ns,two,three\ns,bad \xff\n"
        b's,"four\nfive"\n' + b"".join(b"s,more %d\n" % i for i in range(5))
    )
    result = run("label", tmp_path / "t.csv")
    assert records(result)[0]["prompts"] == 7
    told = " ".join(result.stderr.split())
    assert "3 rows skipped" in told
    assert f"not as many fields as the header 2 (first {tmp_path}/t.csv:3)" in told
    assert f"invalid UTF-8 1 (first {tmp_path}/t.csv:5)" in told


def test_nothing_is_written_when_a_run_fails(fails: Fails, few_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("old")
    fails("label", few_file, tmp_path / "none.jsonl", "-o", tmp_path / "out.jsonl")
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]
    assert (tmp_path / "out.jsonl").read_text() == "old"
