"""Accounts of 200 prompts or more: classifiers and a threshold of their own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Rows, records, write_rows
from typer.testing import Result

from capscope.classify import SessionModel, load_model, save_model, train_files
from capscope.classify.lessons import Lessons, embed_read
from capscope.classify.levels import LONG
from capscope.classify.threshold import sessions_needed
from capscope.classify.train import MIN_PROMPTS
from capscope.classify.truth import read_truth
from capscope.data import read_traffic
from capscope.embed import SentenceEncoder, embed
from capscope.index import AreaMap

Run = Callable[..., Result]
Fails = Callable[..., str]
EACH = 20
"""Long accounts of either label."""
SHARE = 0.2
"""The false-positive rate that so few can carry."""


def long_rows(rows: Rows, size: int = LONG) -> Rows:
    """Accounts that send prompts of sessions of one label, in two sessions each."""
    rng = np.random.default_rng(0)
    made: Rows = []
    for label in ("organic", "extraction"):
        prompts = sorted({row["prompt"] for row in rows if row["label"] == label})[:100]
        for number in range(EACH):
            chosen = rng.choice(len(prompts), size)
            made += [
                {
                    "account_id": f"{label} {number}",
                    "session_id": f"{label} {number}.{i % 2}",
                    "prompt": prompts[prompt],
                    "label": label,
                    "timestamp": f"2026-03-01T00:{i // 60:02}:{i % 60:02}Z",
                }
                for i, prompt in enumerate(chosen)
            ]
    return made


@pytest.fixture(scope="module")
def accounts(sample_rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("accounts") / "accounts.jsonl"
    write_rows(path, long_rows(sample_rows))
    return path


@pytest.fixture(scope="module")
def taught(
    halves: tuple[Path, Path], accounts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model of the first half, and of long accounts."""
    folder = tmp_path_factory.mktemp("taught") / "model"
    train_files([str(halves[0])], folder, accounts=[str(accounts)])
    return folder


def test_long_accounts_are_judged_by_what_was_learned_from_such(
    run: Run, taught: Path, accounts: Path, few_file: Path
) -> None:
    model = load_model(taught)
    assert model.long is not None
    assert f"{EACH} extraction and {EACH} organic accounts" in model.card
    route = model.long.scores.route(SHARE)
    assert route.threshold != model.route(SHARE).threshold
    asked = ("--by", "account", "--model", taught, "--max-fpr", SHARE)
    long = records(run("label", accounts, *asked))
    assert {each["threshold"] for each in long} == {round(route.threshold, 6)}
    right = [each["label"] == each["account_id"].split()[0] for each in long]
    assert np.mean(right) > 0.9
    short = records(run("label", few_file, *asked))
    assert max(each["prompts"] for each in short) < LONG
    assert {each["threshold"] for each in short} == {round(model.route(SHARE).threshold, 6)}
    together = records(run("label", few_file, accounts, *asked))
    assert together == [*short, *long]


def test_a_promise_that_long_accounts_cannot_carry_is_kept_as_for_sessions(
    run: Run, taught: Path, few_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = load_model(taught)
    sizes = np.array([LONG - 1, LONG, 10 * LONG])
    assert model.place(sizes, SHARE).of.tolist() == [0, 1, 1]
    assert sessions_needed(0.1) > EACH
    placed = model.place(sizes, 0.1)
    assert placed.of.tolist() == [0, 0, 0]
    assert set(placed.threshold) == {model.route(0.1).threshold}
    told = f"{EACH} organic accounts of such length"
    asked = ("label", few_file, "--model", taught, "--max-fpr")
    run(*asked, SHARE)
    assert told not in caplog.text
    run(*asked, 0.1)
    assert told in caplog.text


def test_a_folder_without_long_accounts_has_no_such_level(trained: Path, tmp_path: Path) -> None:
    model = load_model(trained)
    assert model.long is None
    save_model(model, tmp_path / "model")
    assert not [path for path in (tmp_path / "model").iterdir() if path.name.startswith("long")]


def test_the_shipped_model_has_one_that_carries_its_promise() -> None:
    model: SessionModel = load_model()
    assert model.long is not None
    assert model.long.scores.organic >= sessions_needed(model.max_fpr)
    assert set(model.place(np.array([5, LONG])).of) == {0, 1}


def test_a_kept_level_is_the_one_that_was_learned(taught: Path, tmp_path: Path) -> None:
    model = load_model(taught)
    save_model(model, tmp_path / "again")
    names = {path.name for path in taught.iterdir()}
    assert names == {path.name for path in (tmp_path / "again").iterdir()}
    assert {"long-whole-calibration", "long-background", "long-scores-whole"} <= {
        name.split(".")[0] for name in names
    }


def test_prompts_of_an_account_that_no_measure_reads_are_not_embedded(
    sample_rows: Rows, halves: tuple[Path, Path], encoder: SentenceEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    # No two prompts are alike, so that each has a vector of its own to be read or not.
    unlike = {row["prompt"]: row for row in sample_rows}.values()
    write_rows(
        path,
        [
            r | {"account_id": n, "session_id": n, "group": n, "source": n, "label": n[1:]}
            for n in ("1organic", "2organic", "1extraction", "2extraction")
            for r in unlike
        ],
    )
    traffic = read_traffic([str(path)])
    truth = read_truth(traffic, LONG, by="account")
    prompts, areas = traffic.table["prompt"], AreaMap.embedded(encoder)
    few = embed_read(prompts, truth.groups, encoder)
    assert len(few.texts) < 0.8 * len(unlike)
    every = read_traffic([str(halves[0])])
    of_sessions = read_truth(every, MIN_PROMPTS)
    taught = Lessons.of(of_sessions, embed(every.table["prompt"], encoder), areas)
    parts = taught.parts(np.arange(len(of_sessions.groups)))
    chosen = np.arange(len(truth.groups))
    read = Lessons.of(truth, few, areas).measure(chosen, parts)
    all_of_it = Lessons.of(truth, embed(prompts, encoder), areas).measure(chosen, parts)
    np.testing.assert_array_equal(read.whole, all_of_it.whole)
    np.testing.assert_array_equal(read.brief, all_of_it.brief)


def test_accounts_that_cannot_be_learned_from_are_refused(
    fails: Fails, halves: tuple[Path, Path], sample_rows: Rows, tmp_path: Path
) -> None:
    path, out = tmp_path / "a.jsonl", tmp_path / "model"
    few = [r for r in long_rows(sample_rows) if int(r["account_id"].split()[1]) < 3]
    write_rows(path, few)
    told = fails("train", halves[0], "--accounts", path, "-o", out)
    assert "3 extraction and 3 organic accounts" in told and f"{LONG} prompts" in told
    write_rows(path, [r | {"group": "another"} for r in long_rows(sample_rows)])
    assert "0 extraction and 0 organic accounts" in fails(
        "train", halves[0], "--accounts", path, "-o", out
    )
    write_rows(path, long_rows(sample_rows, LONG - 1))
    assert "at least 200 prompts" in fails("train", halves[0], "--accounts", path, "-o", out)
    assert not out.exists()
