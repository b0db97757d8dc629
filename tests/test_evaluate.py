"""Figures with intervals, two models compared, the report for people, and promotion."""

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import read_rows, records, write_rows
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import binom, binomtest
from sklearn.metrics import roc_auc_score
from typer.testing import Result

from capscope.classify import load_model, save_model
from capscope.classify.evaluate import compare
from capscope.classify.intervals import Difference, bootstrap, differences, intervals
from capscope.classify.metrics import (
    HEADLINE,
    calibration_error,
    flagged_by,
    precision,
    roc_points,
    tpr_at_fpr,
)
from capscope.classify.passes import Scores
from capscope.classify.promote import Comparison
from capscope.classify.report import render
from capscope.classify.scored import hold_out, score_sessions
from capscope.data import manifest as manifests
from capscope.data import read_traffic
from capscope.embed import SentenceEncoder

Run = Callable[..., Result]
Fails = Callable[..., str]
Figures = dict[str, Any]

HOSTILE = "<script>alert(1)</script>"
KINDS = ("application_chat", "chat", "coding")
TODAY = {
    "sessions": int,
    "extraction": int,
    "organic": int,
    "left_out": int,
    "seen_in_training": int,
    "model": dict,
    "baselines": dict,
    "kinds": dict,
}


@pytest.fixture(scope="module")
def parts(halves: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The halves of the sample; the second says where its sessions are from."""
    rows = read_rows(halves[1])
    place = {account: i for i, account in enumerate(sorted({row["account_id"] for row in rows}))}
    named = [row | truth_of(place[row["account_id"]], row["label"]) for row in rows]
    path = tmp_path_factory.mktemp("parts") / "other.jsonl"
    write_rows(path, named)
    return halves[0], path


def truth_of(number: int, label: str) -> dict[str, str | None]:
    """What the simulator would say of a session: of one source or two, or of a hostile name."""
    source = f"s{number % 20}" if number % 5 else f"s{number % 20}+s{(number + 1) % 20}"
    kind = "ladder" if label == "extraction" else KINDS[number % 3]
    return {
        "source": HOSTILE if number % 20 == 7 else source,
        "kind": kind,
        "area": "coding" if number % 2 else None,
        "template": f"t{number % 4}" if kind == "application_chat" else None,
    }


@pytest.fixture(scope="module")
def good(trained: Path) -> Path:
    """A model that ranks the sample well."""
    return trained


@pytest.fixture(scope="module")
def bad(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that ranks sessions upside down."""
    return changed(good, tmp_path_factory.mktemp("bad") / "model", slope=-1.0)


def changed(
    model: Path,
    folder: Path,
    slope: float = 1.0,
    offset: float = 0.0,
    scores: Scores | None = None,
    **other: object,
) -> Path:
    """Write the model with its log-odds stretched and moved, or with other attributes."""
    loaded = load_model(model)
    passes = copy.deepcopy(loaded.short.passes)
    for classifier in (passes.first, passes.brief, passes.whole):
        *shares, power = classifier.calibration_
        classifier.calibration_ = np.array([*slope * np.array(shares), power])
        classifier.calibration_[3] += offset
    short = replace(loaded.short, passes=passes, scores=scores or loaded.short.scores)
    save_model(replace(loaded, short=short, **other), folder)
    return folder


def rescored(model: Path, function: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Scores:
    """The model's scores out of fold, changed."""
    scores = load_model(model).short.scores
    changed = {name: function(getattr(scores, name)) for name in ("first", "brief", "whole")}
    return replace(scores, **changed)


@pytest.fixture(scope="module")
def measured(
    parts: tuple[Path, Path], good: Path, bad: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Figures, str]:
    """The figures of the good model against the bad one, and the report of them."""
    from capscope.classify import evaluate_files

    folder = tmp_path_factory.mktemp("measured")
    output, html = folder / "figures.json", folder / "report.html"
    evaluate_files([str(parts[1])], output, model=good, against=bad, html=html)
    return json.loads(output.read_text()), html.read_text(encoding="utf-8")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def made_up(
    sources: int, per_source: int = 12, seed: int = 0
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
    """Labels, scores and sources of sessions, those of one source alike."""
    rng = np.random.default_rng(seed)
    source = np.repeat(np.arange(sources), per_source)
    extraction = source % 2 == 0
    shift = rng.normal(size=sources)[source]
    odds = extraction + shift + rng.normal(size=len(source))
    return extraction, 1 / (1 + np.exp(-odds)), source * 7 + 3


def slow_bootstrap(
    extraction: NDArray[np.bool_],
    scores: NDArray[np.float64],
    source: NDArray[np.int64],
    draws: int,
) -> list[list[float]]:
    """Draw sources one at a time and write out every session of each."""
    rng = np.random.default_rng(0)
    names = sorted(set(source.tolist()))
    told = []
    for _ in range(draws):
        labels: list[bool] = []
        values: list[float] = []
        for number in rng.integers(len(names), size=len(names)):
            for i in range(len(source)):
                if source[i] == names[number]:
                    labels.append(bool(extraction[i]))
                    values.append(float(scores[i]))
        if len(set(labels)) == 2:
            label, value = np.array(labels), np.array(values)
            rates = [tpr_at_fpr(label, value, fpr) for fpr in (0.01, 0.001)]
            told.append([roc_auc_score(label, value), *rates, calibration_error(label, value)])
    return told


def test_the_bootstrap_resamples_sources_with_all_of_their_sessions() -> None:
    extraction, scores, source = made_up(sources=7, per_source=5)
    slow = slow_bootstrap(extraction, scores, source, 60)
    fast = bootstrap(extraction, scores[None], source, draws=60)[:, 0]
    np.testing.assert_allclose(fast, slow, atol=1e-12)
    assert len(np.unique(fast[:, 0])) > 20
    order = np.random.default_rng(1).permutation(len(source))
    again = bootstrap(extraction[order], scores[order][None], source[order], draws=60)[:, 0]
    np.testing.assert_allclose(fast, again, atol=1e-12)


def test_an_interval_is_the_middle_95_percent_of_the_draws() -> None:
    extraction, scores, source = made_up(sources=12)
    drawn = sorted(bootstrap(extraction, scores[None], source)[:, 0, 0])
    interval = intervals(extraction, scores, source)["auroc"]
    assert interval is not None
    low, high = interval
    assert np.mean(np.array(drawn) < low) == pytest.approx(0.025, abs=0.005)
    assert np.mean(np.array(drawn) > high) == pytest.approx(0.025, abs=0.005)
    assert low <= roc_auc_score(extraction, scores) <= high


def test_fewer_sources_give_wider_intervals() -> None:
    """The same sessions, told to be of many sources or of few."""
    extraction, scores, source = made_up(sources=80, per_source=6)
    rows = np.arange(len(source))
    widths = []
    for sessions in (1, 6, 24):
        alike = np.lexsort((scores, extraction))
        few = np.empty(len(rows), dtype=np.int64)
        few[alike] = rows // sessions
        interval = intervals(extraction, scores, few)["auroc"]
        assert interval is not None
        widths.append(interval[1] - interval[0])
    assert widths[0] < 0.7 * widths[1] < 0.5 * widths[2]


def test_one_source_of_a_label_carries_no_interval() -> None:
    extraction, scores, source = made_up(sources=9)
    one = np.where(extraction, 0, source)
    assert set(intervals(extraction, scores, one).values()) == {None}
    found = differences(extraction, scores, 1 - scores, one)["auroc"]
    assert found.interval is None
    assert not found.worse


def test_paired_draws_see_a_small_difference_that_separate_ones_do_not() -> None:
    extraction, scores, source = made_up(sources=40)
    slightly = np.clip(scores - 0.1 * extraction, 0, 1)
    found = differences(extraction, slightly, scores, source)["auroc"]
    assert found.worse
    low, high = found.interval or (0.0, 0.0)
    assert low < found.model - found.other < high < 0
    alone = [intervals(extraction, s, source)["auroc"] for s in (slightly, scores)]
    assert alone[0] is not None
    assert alone[1] is not None
    assert alone[0][1] > alone[1][0]
    assert not differences(extraction, scores, slightly, source)["auroc"].worse


def test_shuffled_scores_are_worse() -> None:
    extraction, scores, source = made_up(sources=60)
    shuffled = np.random.default_rng(0).permutation(scores)
    found = differences(extraction, scores, shuffled, source)
    assert found["auroc"].model - found["auroc"].other > 0.1
    assert not found["auroc"].worse
    other_way = differences(extraction, shuffled, scores, source)
    assert other_way["auroc"].worse
    assert Difference("calibration_error", 0.2, 0.1, (0.05, 0.15)).worse
    assert not Difference("calibration_error", 0.1, 0.2, (-0.15, -0.05)).worse
    assert not Difference("auroc", 0.8, 0.9, (-0.2, 0.0001)).worse


def test_a_model_against_itself_differs_by_exactly_nothing(
    parts: tuple[Path, Path], good: Path, encoder: SentenceEncoder
) -> None:
    models = [load_model(good), load_model(good)]
    held = hold_out(read_traffic([str(parts[1])]), encoder, models)
    told = compare(*(score_sessions(held, model) for model in models))
    assert set(told["differences"]) == set(HEADLINE)
    for row in told["differences"].values():
        assert row["difference"] == 0
        assert row["interval"] == [0, 0]
    assert told["kinds"] == {}


def test_the_comparison_names_what_differs(measured: tuple[Figures, str]) -> None:
    figures = measured[0]
    auroc = figures["against"]["differences"]["auroc"]
    assert auroc["model"] == figures["model"]["auroc"]
    assert auroc["other"] == pytest.approx(1 - auroc["model"], abs=1.01e-4)
    kinds = figures["against"]["kinds"]
    gaps = [abs(row["flagged"] - row["other_flagged"]) for row in kinds.values()]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.5
    for kind, row in kinds.items():
        assert row["flagged"] == figures["kinds"][kind]["flagged"]


def test_todays_keys_stay(measured: tuple[Figures, str]) -> None:
    figures, _ = measured
    assert {key: type(figures[key]) for key in TODAY} == TODAY
    assert set(figures["model"]) >= {
        *("auroc", "average_precision", "tpr_at_fpr"),
        *("threshold", "tpr", "fpr", "brier", "calibration_error"),
    }
    assert all(
        set(row) == {"auroc", "average_precision", "tpr_at_fpr"}
        for row in figures["baselines"].values()
    )
    assert all({"sessions", "flagged"} <= set(row) for row in figures["kinds"].values())
    for name in ("auroc", "calibration_error"):
        low, high = figures["intervals"][name]
        assert low <= figures["model"][name] <= high


def test_the_tables_add_up(measured: tuple[Figures, str], parts: tuple[Path, Path]) -> None:
    figures, _ = measured
    for name in ("kinds", "lengths", "areas"):
        rows = figures[name].values()
        assert sum(row["sessions"] for row in rows) == figures["sessions"]
        assert sum(row["extraction"] for row in rows) == figures["extraction"]
        flagged = sum(row["flagged"] * row["sessions"] for row in rows)
        expected = figures["model"]["tpr"] * figures["extraction"]
        expected += figures["model"]["fpr"] * figures["organic"]
        assert flagged == pytest.approx(expected, abs=0.05)
    sizes: dict[str, int] = {}
    first: dict[str, dict[str, Any]] = {}
    for row in read_rows(parts[1]):
        sizes[row["session_id"]] = sizes.get(row["session_id"], 0) + 1
        first.setdefault(row["session_id"], row)
    judged = [session for session, size in sizes.items() if size >= 5]
    assert list(figures["lengths"]) == ["5-9", "10-19", "20-39"]
    assert figures["lengths"]["10-19"]["sessions"] == sum(10 <= sizes[s] <= 19 for s in judged)
    assert set(figures["areas"]) == {"coding", "unnamed"}
    for source, row in figures["sources"].items():
        assert row["sessions"] == sum(source in first[s]["source"].split("+") for s in judged)
    assert sum(row["sessions"] for row in figures["sources"].values()) > figures["sessions"]
    assert figures["resampled"]["sources"] == len({first[s]["source"] for s in judged})
    for template, row in figures["templates"].items():
        assert row["sessions"] == sum(first[s]["template"] == template for s in judged)
        assert row["extraction"] == 0
    assert sum(row["sessions"] for row in figures["reliability"]) == figures["sessions"]


def test_sessions_without_a_source_are_drawn_by_account(
    parts: tuple[Path, Path], good: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    write_rows(tmp_path / "t.jsonl", [row | {"source": None} for row in read_rows(parts[1])])
    held = hold_out(read_traffic([str(tmp_path / "t.jsonl")]), encoder, [load_model(good)])
    accounts = held.traffic.column("account_id", held.truth.groups.first)
    pairs = set(zip(held.source.tolist(), accounts, strict=True))
    assert len(pairs) == len(set(accounts)) == len(set(held.source.tolist())) > 20
    assert held.parts("source") == [["unnamed"]] * len(accounts)


def test_flagged_shares_are_told_by_label() -> None:
    extraction = np.array([True, True, False, False])
    flagged = np.array([True, False, True, False])
    table = flagged_by([["b", "a"], ["a"], ["a"], ["c"]], extraction, flagged)
    assert list(table) == ["a", "b", "c"]
    assert table["a"] == dict(sessions=3, flagged=0.6667, extraction=2, tpr=0.5, fpr=1.0)
    assert table["c"] == dict(sessions=1, flagged=0.0, extraction=0, tpr=None, fpr=0.0)


def test_precision_follows_the_base_rate() -> None:
    extraction = np.arange(1100) < 100
    flagged = extraction.copy()
    flagged[:20] = False
    flagged[100:110] = True
    told = precision(extraction, flagged)
    assert told["0.01"]["precision"] == round(0.8 * 0.01 / (0.8 * 0.01 + 0.01 * 0.99), 4)
    assert told["0.001"]["precision"] == round(0.8 * 0.001 / (0.8 * 0.001 + 0.01 * 0.999), 4)
    most = 0.8 * 0.01 / 0.99 * (1 / told["0.01"]["at_least"] - 1)
    assert binom.cdf(10, 1000, most) == pytest.approx(0.05, abs=0.001)
    none = precision(extraction, extraction)["0.01"]
    assert none["precision"] == 1.0
    assert none["at_least"] < 0.8
    assert precision(extraction, np.zeros(1100, dtype=bool))["0.01"]["precision"] is None


def test_the_roc_is_thin_and_keeps_its_area() -> None:
    extraction, scores, _ = made_up(sources=200)
    points = np.array(roc_points(extraction, scores))
    assert len(points) <= 200
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [1, 1]
    area = np.trapezoid(points[:, 1], points[:, 0])
    assert area == pytest.approx(roc_auc_score(extraction, scores), abs=0.01)


def test_prompts_to_detection_are_those_of_shorter_sessions(
    run: Run, measured: tuple[Figures, str], parts: tuple[Path, Path], good: Path, tmp_path: Path
) -> None:
    """Labelling traffic cut after 5 and 10 prompts finds the same sessions as the prefixes."""

    def found(prompts: int) -> set[str]:
        kept: list[dict[str, Any]] = []
        sizes: dict[str, int] = {}
        for row in read_rows(parts[1]):
            sizes[row["session_id"]] = sizes.get(row["session_id"], 0) + 1
            if row["label"] == "extraction" and sizes[row["session_id"]] <= prompts:
                kept.append(row)
        write_rows(tmp_path / "cut.jsonl", kept)
        told = records(run("label", tmp_path / "cut.jsonl", "--model", good))
        return {record["session_id"] for record in told if record["label"] == "extraction"}

    whole, five, ten = found(1000), found(5), found(10)
    detection = measured[0]["detection"]
    assert detection["sessions"] == len(whole) > 10
    assert detection["by_prefix"]["5"] == round(len(whole & five) / len(whole), 4)
    assert detection["by_prefix"]["10"] == round(len(whole & (five | ten)) / len(whole), 4)
    assert detection["by_prefix"]["40"] == 1
    assert 5 <= detection["median_prompts"] <= 20


def test_the_report_runs_nothing_and_escapes_names(measured: tuple[Figures, str]) -> None:
    figures, html = measured
    assert HOSTILE in figures["sources"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    for unwanted in ("<script", "http:", "https:", "<link", "<img", "@import", "url("):
        assert unwanted not in html.lower()
    assert html.count("<svg") == 2
    assert "prefers-color-scheme" in html
    for name in ("Kinds", "Sources", "Areas", "Baselines", "Against the other model"):
        assert f"<h2>{name}</h2>" in html
    assert f"{figures['model']['auroc']:.3f}" in html


def test_the_report_escapes_every_name_that_traffic_gives(measured: tuple[Figures, str]) -> None:
    figures = copy.deepcopy(measured[0])
    row = figures["kinds"]["ladder"]
    name = '"><b onclick=x>\u202e\x1b'
    for table in ("kinds", "sources", "areas", "templates", "lengths"):
        figures[table] = {name: row}
    figures["against"]["kinds"] = {name: {**row, "other_flagged": 0.0}}
    html = render(figures, name)
    assert "<b onclick" not in html
    assert not re.search("[\u202e\x1b]", html)
    assert html.count("&#34;&gt;&lt;b onclick=x&gt;") == 7


def test_outputs_that_cannot_be_written_are_refused(
    fails: Fails, parts: tuple[Path, Path], good: Path, tmp_path: Path
) -> None:
    measure = ("evaluate", parts[1], "--model", good)
    assert ".html" in fails(*measure, "--html", tmp_path / "report.pdf")
    assert "does not exist" in fails(*measure, "--html", tmp_path / "none" / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_models_of_other_encoders_are_not_compared(
    fails: Fails, parts: tuple[Path, Path], good: Path, tmp_path: Path
) -> None:
    other = changed(good, tmp_path / "other", encoder="another")
    before = content(other)
    output = ("-o", tmp_path / "figures.json", "--html", tmp_path / "report.html")
    message = fails("evaluate", parts[1], "--model", good, "--against", other, *output)
    assert "the model's own, another" in message
    assert "own, another" in fails("promote", good, "--current", other, "--on", parts[1])
    assert content(other) == before
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_promote_replaces_a_worse_model(
    run: Run, parts: tuple[Path, Path], good: Path, bad: Path, tmp_path: Path
) -> None:
    current = changed(bad, tmp_path / "current")
    result = run("promote", good, "--current", current, "--on", parts[1])
    (record,) = records(result)
    assert record["differences"]["auroc"]["difference"] > 0.5
    flagged = round(record["fpr"] * record["organic"])
    kept = binomtest(flagged, record["organic"], record["promised_fpr"], alternative="greater")
    assert kept.pvalue > 0.05
    assert content(current) == content(good)
    assert (
        load_model(current).short.passes.brief.calibration_[0]
        == load_model(good).short.passes.brief.calibration_[0]
    )
    assert "is now in" in result.stderr


def test_promote_refuses_a_worse_candidate_and_changes_nothing(
    fails: Fails, parts: tuple[Path, Path], good: Path, bad: Path, tmp_path: Path
) -> None:
    current = changed(good, tmp_path / "current")
    before = content(current)
    message = fails("promote", bad, "--current", current, "--on", parts[1])
    auroc = re.search(r"AUROC (0\.\d+) against (0\.\d+)", message)
    assert auroc is not None
    assert float(auroc[1]) < 0.5 < float(auroc[2])
    assert "TPR at 1 % FPR" in message
    assert content(current) == before


def test_promote_refuses_scores_that_are_no_probabilities(
    fails: Fails, parts: tuple[Path, Path], good: Path, tmp_path: Path
) -> None:
    """The ranking is the same, and the threshold moves along: only calibration is worse."""
    moved = rescored(good, lambda scores: expit(logit(scores) - 4))
    candidate = changed(good, tmp_path / "moved", offset=-4.0, scores=moved)
    current = changed(good, tmp_path / "current")
    message = fails("promote", candidate, "--current", current, "--on", parts[1])
    assert "calibration error" in message
    assert "AUROC" not in message
    assert "promise of" not in message


def test_promote_refuses_a_broken_promise(
    fails: Fails, parts: tuple[Path, Path], good: Path, tmp_path: Path
) -> None:
    candidate = changed(good, tmp_path / "eager", scores=rescored(good, np.zeros_like))
    current = changed(good, tmp_path / "current")
    message = fails("promote", candidate, "--current", current, "--on", parts[1])
    assert "organic sessions flagged (100.0%) at a promise of" in message
    assert "AUROC" not in message
    assert content(current) == content(good)


def test_a_promise_is_broken_only_beyond_noise() -> None:
    even = Difference("auroc", 0.9, 0.9, (-0.1, 0.1))
    same = dict.fromkeys(HEADLINE, even)
    for false_alarms, faults in ((0, 0), (5, 0), (9, 0), (10, 1), (30, 1)):
        assert binom.sf(false_alarms - 1, 500, 0.01) < 0.05 or not faults
        assert len(Comparison("sessions", 600, same, 0.01, 500, false_alarms).faults()) == faults


def test_promote_into_a_new_folder_needs_no_comparison(
    run: Run, parts: tuple[Path, Path], good: Path, tmp_path: Path
) -> None:
    result = run("promote", good, "--current", tmp_path / "new", "--on", parts[1])
    assert records(result) == [{"promoted": str(good), "current": str(tmp_path / "new")}]
    assert content(tmp_path / "new") == content(good)


def test_promote_checks_folders_and_traffic(
    fails: Fails, parts: tuple[Path, Path], good: Path, bad: Path, tmp_path: Path
) -> None:
    current = changed(bad, tmp_path / "current")
    before = content(current)
    broken = changed(good, tmp_path / "broken")
    next(broken.glob("head.*.npy")).write_bytes(b"other")

    def refused(candidate: Path, on: Path) -> str:
        return fails("promote", candidate, "--current", current, "--on", on)

    (tmp_path / "link").symlink_to(current)
    assert "both the candidate and the current" in refused(tmp_path / "link", parts[1])
    assert "was changed" in refused(broken, parts[1])
    assert "was changed" in fails("promote", broken, "--current", tmp_path / "x", "--on", parts[1])
    assert "neither model learned from" in refused(good, parts[0])
    rows = read_rows(parts[1])
    ours = [row for row in rows if row["label"] == "organic"]
    write_rows(tmp_path / "few.jsonl", ours)
    assert "sessions of both labels" in refused(good, tmp_path / "few.jsonl")
    kept = sorted({row["session_id"] for row in rows if row["label"] == "extraction"})[:12]
    write_rows(tmp_path / "few.jsonl", ours + [r for r in rows if r["session_id"] in kept])
    assert "at least 20 of each" in refused(good, tmp_path / "few.jsonl")
    write_rows(tmp_path / "few.jsonl", [row | {"source": row["label"]} for row in rows])
    assert "of one source or account" in refused(good, tmp_path / "few.jsonl")
    assert content(current) == before
    assert not (tmp_path / "x").exists()


def test_a_promotion_that_is_cut_short_leaves_the_current_model_whole(
    run: Run,
    parts: tuple[Path, Path],
    good: Path,
    bad: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    current = changed(bad, tmp_path / "current")
    expected = load_model(current).short.passes.brief.calibration_[0]
    replacing = manifests.replacing

    def cut(path: Path) -> Any:
        if path.name == manifests.MANIFEST:
            raise KeyboardInterrupt
        return replacing(path)

    monkeypatch.setattr(manifests, "replacing", cut)
    promote = ("promote", good, "--current", current, "--on", parts[1])
    assert run(*promote).exit_code != 0
    assert load_model(current).short.passes.brief.calibration_[0] == expected
    monkeypatch.undo()
    assert run(*promote).exit_code == 0
    assert content(current) == content(good)
