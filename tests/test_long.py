"""Accounts of 200 prompts or more: classifiers and a threshold of their own."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Rows, read_rows, records, write_rows
from typer.testing import Result

from capscope.classify import SessionModel, load_model, save_model, train_files
from capscope.classify.lessons import Lessons, embed_read
from capscope.classify.levels import LONG
from capscope.classify.threshold import sessions_needed
from capscope.classify.train import MIN_PROMPTS
from capscope.classify.truth import named_labels, read_truth
from capscope.data import LABELS, read_traffic
from capscope.embed import SentenceEncoder, embed
from capscope.index import AreaMap

Run = Callable[..., Result]
Fails = Callable[..., str]
EACH = 20
"""Long accounts of either label."""
SHARE = 0.2
"""The false-positive rate that so few can carry."""


def long_rows(rows: Rows, size: int = LONG, seed: int = 0) -> Rows:
    """Accounts that send prompts of sessions of one label, in two sessions each."""
    rng = np.random.default_rng(seed)
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
def others(sample_rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Accounts of the same names that no model learned from, and a labels file of all sessions."""
    folder = tmp_path_factory.mktemp("others")
    rows = long_rows(sample_rows, seed=1)
    write_rows(folder / "others.jsonl", rows)
    named = {row["session_id"]: row["label"] for row in rows}
    write_rows(folder / "labels.jsonl", [dict(session_id=s, label=n) for s, n in named.items()])
    return folder / "others.jsonl"


@pytest.fixture(scope="module")
def taught(
    halves: tuple[Path, Path], accounts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model of the first half, and of long accounts."""
    folder = tmp_path_factory.mktemp("taught") / "model"
    train_files([str(halves[0])], folder, accounts=[str(accounts)])
    return folder


@pytest.fixture(scope="module")
def promising(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model, promising what its long accounts carry."""
    folder = tmp_path_factory.mktemp("promising") / "model"
    save_model(replace(load_model(taught), max_fpr=SHARE), folder)
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


def test_accounts_beside_are_learned_from_and_carry_no_promise(
    taught: Path, halves: tuple[Path, Path], accounts: Path, others: Path, tmp_path: Path
) -> None:
    rows = [row | {"account_id": f"{row['account_id']} beside"} for row in read_rows(others)]
    write_rows(tmp_path / "beside.jsonl", rows)
    given = {"accounts": [str(accounts)], "accounts_beside": [str(tmp_path / "beside.jsonl")]}
    card = train_files([str(halves[0])], tmp_path / "model", **given)
    alone, model = load_model(taught), load_model(tmp_path / "model")
    assert alone.long is not None and model.long is not None
    assert model.long.scores.extraction.tolist() == alone.long.scores.extraction.tolist()
    assert not np.array_equal(model.long.scores.whole, alone.long.scores.whole)
    np.testing.assert_array_equal(model.long.background, alone.long.background)
    np.testing.assert_array_equal(model.short.scores.whole, alone.short.scores.whole)
    assert f"{2 * EACH} other accounts that no figure" in card
    assert "other accounts" not in alone.card
    seen = len(model.trained_on) - len(alone.trained_on)
    assert seen == 2 * EACH * 3, "each account and its two sessions"


def test_accounts_beside_that_add_nothing_are_refused(
    fails: Fails, halves: tuple[Path, Path], accounts: Path, tmp_path: Path
) -> None:
    bare = [row | {"label": None, "account_id": "another"} for row in read_rows(accounts)]
    write_rows(tmp_path / "bare.jsonl", bare)
    asked = ("train", halves[0], "-o", tmp_path / "model", "--accounts-beside")
    assert "accounts beside no accounts" in fails(*asked, accounts)
    asked = (*asked[:2], "--accounts", accounts, *asked[2:])
    assert f"{2 * EACH} accounts that stand in" in fails(*asked, accounts)
    told = fails(*asked, tmp_path / "bare.jsonl")
    assert f"no labelled account of {LONG} prompts or more" in told
    assert "--accounts-beside" in told
    assert not (tmp_path / "model").exists()


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


def test_accounts_are_measured_as_they_are_labelled(
    run: Run,
    promising: Path,
    halves: tuple[Path, Path],
    accounts: Path,
    others: Path,
    tmp_path: Path,
) -> None:
    """Those that the model learned from are left out, if only by one of their sessions."""
    half = [row for row in read_rows(accounts) if row["session_id"].endswith(".1")]
    once = [row | {"session_id": row["session_id"] + "*"} for row in read_rows(others)]
    write_rows(tmp_path / "half.jsonl", [r for r in half if r["account_id"] == "organic 3"] + once)
    traffic = (tmp_path / "half.jsonl", halves[1])
    html = tmp_path / "report.html"
    told = run("evaluate", *traffic, "--by", "account", "--model", promising, "--html", html)
    (figures,) = records(told)
    assert "accounts not seen in training" in told.stderr
    assert "accounts that no model here learned from" in html.read_text(encoding="utf-8")
    assert figures["by"] == "account"
    assert figures["seen_in_training"] == 1
    assert figures["lengths"]["200+"]["sessions"] == 2 * EACH - 1
    model = load_model(promising)
    routes = model.place(np.array([5, LONG])).routes
    assert [(each["from"], each["threshold"]) for each in figures["levels"]] == [
        (least, round(route.threshold, 6)) for least, route in zip((1, LONG), routes, strict=True)
    ]
    verdicts = records(run("label", *traffic, "--by", "account", "--model", promising))
    flagged = [v["label"] == "extraction" for v in verdicts if v["account_id"] != "organic 3"]
    expected = figures["model"]["tpr"] * figures["extraction"]
    expected += figures["model"]["fpr"] * figures["organic"]
    assert sum(flagged) == pytest.approx(expected, abs=0.05)
    assert sum(flagged) > 15


def test_an_account_has_the_label_of_its_sessions(others: Path, tmp_path: Path) -> None:
    bare = [{k: v for k, v in row.items() if k != "label"} for row in read_rows(others)]
    write_rows(tmp_path / "bare.jsonl", bare)
    traffic = read_traffic([str(tmp_path / "bare.jsonl")])
    labels = named_labels(others.parent / "labels.jsonl", traffic)
    assert labels is not None

    def named() -> dict[str | None, bool]:
        truth = read_truth(traffic, LONG, labels, by="account")
        names = traffic.column("account_id", truth.groups.first)
        return dict(zip(names, truth.extraction.tolist(), strict=True))

    assert len(named()) == 2 * EACH
    assert named()["extraction 4"] and not named()["organic 4"]
    del labels["organic 4.0"]
    assert named()["organic 4"] is False
    labels["extraction 4.1"] = "organic"
    assert named().keys() == {f"{n} {i}" for n in LABELS for i in range(EACH)} - {"extraction 4"}


def test_a_labels_file_names_sessions_of_accounts_too(
    run: Run, fails: Fails, halves: tuple[Path, Path], others: Path, tmp_path: Path
) -> None:
    rows = read_rows(halves[0])
    labels = read_rows(others.parent / "labels.jsonl")
    labels += [
        dict(session_id=s, label=n) for s, n in {(r["session_id"], r["label"]) for r in rows}
    ]
    write_rows(tmp_path / "labels.jsonl", sorted(labels, key=lambda row: row["session_id"]))
    for name, of in (("sessions", rows), ("accounts", read_rows(others))):
        write_rows(tmp_path / f"{name}.jsonl", [row | {"label": None} for row in of])
    train = ("train", tmp_path / "sessions.jsonl", "--labels", tmp_path / "labels.jsonl")
    assert "name no session" in fails(*train, "-o", tmp_path / "model")
    run(*train, "--accounts", tmp_path / "accounts.jsonl", "-o", tmp_path / "model")
    assert f"{EACH} extraction and {EACH} organic accounts" in load_model(tmp_path / "model").card


def test_promote_refuses_a_candidate_that_is_worse_on_long_accounts(
    run: Run, fails: Fails, promising: Path, halves: tuple[Path, Path], others: Path, tmp_path: Path
) -> None:
    model = load_model(promising)
    assert model.long is not None
    passes = copy.deepcopy(model.long.passes)
    for classifier in (passes.first, passes.brief, passes.whole):
        classifier.calibration_[:4] *= -1
    save_model(replace(model, long=replace(model.long, passes=passes)), tmp_path / "candidate")
    save_model(model, tmp_path / "current")
    promote = ("promote", tmp_path / "candidate", "--current", tmp_path / "current")
    before = {path.name: path.read_bytes() for path in (tmp_path / "current").iterdir()}
    message = fails(*promote, "--on", halves[1], "--on", others)
    assert f"worse on {2 * EACH} accounts: AUROC" in message
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "current").iterdir()}
    (record,) = records(run(*promote, "--on", halves[1]))
    assert record["long_accounts"] is None
    assert record["differences"]["auroc"]["difference"] == 0
    back = ("promote", promising, "--current", tmp_path / "current", "--on", halves[1])
    (record,) = records(run(*back, "--on", others))
    assert record["long_accounts"]["accounts"] == 2 * EACH
    assert record["long_accounts"]["differences"]["auroc"]["difference"] > 0.5


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
