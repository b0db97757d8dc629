"""The protocol: folds that share nothing, and traffic whose classes only the prompts tell apart."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from made_up import made_up_pool
from sklearn.metrics import roc_auc_score

from capscope.classify.baselines import blind, cross_fitted, lengths, without_reading
from capscope.classify.truth import Truth, join_groups, read_truth
from capscope.data import Traffic, read_traffic
from capscope.data.clean import clean, without_scaffold
from capscope.data.pool import PoolSource
from capscope.data.simulation import load_mix, simulate
from capscope.data.split import FOLDS, KIN, assign_groups, by_fold, leave_one_out

MOST = 0.60
"""The highest AUROC that may be had without reading a prompt."""


def plain_source(name: str) -> PoolSource:
    return PoolSource(name, "extraction", True, "coding", [["x"]])


def test_kin_share_a_group() -> None:
    names = sorted(name for kin in KIN for name in kin)
    groups = assign_groups([plain_source(name) for name in names])
    for kin in KIN:
        assert len({groups[name] for name in kin}) == 1
    assert set(groups.values()) == set(FOLDS)
    assert sum(len(kin) for kin in KIN) == len(set(names)), "a source has two families"


def test_kin_of_a_source_that_may_not_train_are_held_out() -> None:
    sources = [plain_source("gsm8k"), PoolSource("svamp", "extraction", False, "coding", [["x"]])]
    assert set(assign_groups(sources).values()) == {"held-out"}


def test_folds_hold_out_one_group_each() -> None:
    groups = ["a", "b", "a", "c"]
    splits = [(known.tolist(), tested.tolist()) for known, tested in by_fold(groups)]
    assert splits == [([1, 3], [0, 2]), ([0, 2, 3], [1]), ([0, 1, 2], [3])]


def test_leaving_one_out_leaves_out_all_that_it_shares() -> None:
    sources = ["a", "a+b", "b", "c", None]
    templates = ["t", None, "t", "u", "v+w"]
    accounts = ["1", "1", "2", "3", "3"]
    splits = dict(leave_one_out(sources, templates, accounts))
    known, tested = splits["a"]
    assert tested.tolist() == [0, 1]
    assert known.tolist() == [3, 4], "b shares a session's source with a, and t its template"
    known, tested = splits["c"]
    assert tested.tolist() == [3]
    assert known.tolist() == [0, 1, 2], "the last session is of c's account"


def test_folds_of_real_traffic_share_nothing() -> None:
    table = pa.concat_tables(simulate(made_up_pool(), 400, load_mix("standard"), seed=1))
    columns = [table[name].to_pylist() for name in ("source", "template", "account_id")]
    known, tested = next(by_fold(table["group"].to_pylist()))
    for column in columns:
        parts = [set((column[i] or "").split("+")) - {""} for i in range(len(column))]
        assert not set().union(*(parts[i] for i in known)) & set().union(
            *(parts[i] for i in tested)
        )
    for name, (known, tested) in leave_one_out(*columns):
        assert all(name in columns[0][i].split("+") for i in tested)
        owners = {columns[2][i] for i in tested}
        assert not owners & {columns[2][i] for i in known}


def write(table: pa.Table, path: Path) -> Traffic:
    pq.write_table(table, path)
    return read_traffic([str(path)])


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pa.concat_tables(simulate(made_up_pool(), 3000, load_mix("standard"), seed=7))


@pytest.fixture(scope="module")
def standard(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> tuple[Traffic, Truth]:
    traffic = write(table, tmp_path_factory.mktemp("leaks") / "t.parquet")
    return traffic, read_truth(traffic, 5)


def leak(traffic: Traffic, truth: Truth) -> float:
    """AUROC of trees that see no prompt, on accounts that they have not seen."""
    names = traffic.column("account_id", truth.groups.first)
    accounts = np.unique([name or "" for name in names], return_inverse=True)[1]
    scores = cross_fitted(blind(traffic, truth), truth.extraction, accounts)
    return float(roc_auc_score(truth.extraction, scores))


def test_what_only_the_composer_knows_does_not_show(standard: tuple[Traffic, Truth]) -> None:
    traffic, truth = standard
    assert len(truth.groups) == 3000
    assert leak(traffic, truth) < MOST
    for name, column in blind(traffic, truth).items():
        if np.isfinite(column).all():
            assert abs(roc_auc_score(truth.extraction, column) - 0.5) < 0.05, name


@pytest.mark.parametrize("planted", ["pauses", "ids", "models", "systems", "order", "sizes"])
def test_a_planted_leak_is_seen(table: pa.Table, planted: str, tmp_path: Path) -> None:
    extraction = pc.equal(table["label"], "extraction")

    def where(name: str, value: pa.ChunkedArray) -> pa.Table:
        column = pc.if_else(extraction, value, table[name])
        return table.set_column(
            table.schema.get_field_index(name), table.schema.field(name), column
        )

    if planted == "pauses":
        late = pc.add(table["timestamp"].cast(pa.int64()), 3_600_000_000)
        late = pc.multiply(pc.divide(late, 3_600_000_000), 3_600_000_000)
        table = where("timestamp", late.cast(table["timestamp"].type))
    elif planted == "ids":
        table = where("account_id", pc.binary_join_element_wise(table["account_id"], "x", ""))
    elif planted == "models":
        table = where("model", pa.nulls(len(table), pa.string()).fill_null("meridian-1"))
    elif planted == "systems":
        table = where("system", pa.nulls(len(table), pa.large_string()))
    elif planted == "order":
        order = pc.sort_indices(table.append_column("x", extraction), [("x", "ascending")])
        table = table.take(order)
    else:
        keep = np.asarray(pc.invert(extraction)) | (np.arange(len(table)) % 2 == 0)
        table = table.filter(pa.array(keep))
    traffic = write(table, tmp_path / "t.parquet")
    assert leak(traffic, read_truth(traffic, 2)) > MOST


def test_lengths_are_measured_and_nothing_else(standard: tuple[Traffic, Truth]) -> None:
    traffic, truth = standard
    columns = lengths(traffic, truth)
    chars = np.asarray(traffic.table["prompt_chars"])
    rows = next(iter(truth.groups))
    assert columns["length, mean"][0] == pytest.approx(np.log1p(chars[rows]).mean())
    assert columns["length, most"][0] == pytest.approx(np.log1p(chars[rows].max()))
    scores = without_reading(traffic, truth)
    assert set(scores) == {"prompt lengths alone", "counts, times and ids alone"}
    assert all(np.isfinite(score).all() for score in scores.values())


def test_scores_without_anything_to_learn_from_are_a_half() -> None:
    column = {"x": np.arange(6.0)}
    extraction = np.array([True, False] * 3)
    one_side = np.zeros(6, dtype=np.int64)
    assert (cross_fitted(column, extraction, one_side) == 0.5).all()
    assert (cross_fitted(column, extraction, extraction.astype(np.int64)) == 0.5).all()


def test_marks_of_a_source_are_taken_off() -> None:
    assert clean("“Is it  so” ?\r\n\r\n\r\n\r\nYes ,  it is .  ") == '"Is it so"?\n\nYes, it is.'
    assert clean("  def f(x):\n      return  x\n") == "def f(x):\n      return x"
    prompts = [f"Look at the picture. What is {n}?\nAnswer in a word." for n in ("a", "b", "c")]
    assert without_scaffold(prompts) == ["What is a?", "What is b?", "What is c?"]
    varied = ["What is a? Thanks.", "How come? Thanks a lot.", "Why? Please say."]
    assert without_scaffold(varied) == varied
    assert without_scaffold(["Only one. Or two."] * 2) == ["Only one. Or two."] * 2


def test_groups_that_a_session_joins_are_one() -> None:
    fold, folds = join_groups(["b", "c", "a", "b+a", "d", "c"])
    assert folds == ["a+b", "c", "d"]
    assert fold.tolist() == [0, 1, 0, 0, 2, 1]
