"""Coverage is measured at equal numbers of prompts, against slow oracles and planted accounts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations
from math import comb, exp, log
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from conftest import Rows, records
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import kstest, norm
from typer.testing import Result

from capscope.data import SCHEMA, InputError, read_traffic
from capscope.embed import SentenceEncoder
from capscope.index import AreaMap, Cells, Scope, add, cell_shares, cover, open_index
from capscope.index.background import false_discovery, rank
from capscope.index.diversity import evenness, focus, novelty, rarefy, sample_coverage
from capscope.index.order import against_shuffles, order

Run = Callable[..., Result]
Ints = NDArray[np.int64]

AREA_OF = np.append(np.repeat(np.arange(12), 6), 12)
AREAS = [f"area-{number}" for number in range(12)] + ["general"]
GENERAL = len(AREA_OF) - 1
GROUPS = st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any)


def table(counts: list[int] | list[list[int]]) -> csr_array:
    return csr_array(np.atleast_2d(np.array(counts, np.int64)))


def hill(counts: Ints, q: int) -> float:
    """Hill's number by its own formula."""
    shares = counts[counts > 0] / counts.sum()
    if q == 1:
        return exp(-sum(p * log(p) for p in shares))
    return float((shares**q).sum() ** (1 / (1 - q)))


def every_draw(counts: list[int], size: int) -> Ints:
    """The counts of all draws of `size` prompts: the slow oracle."""
    kinds = np.repeat(np.arange(len(counts)), counts)
    draws = combinations(kinds.tolist(), size)
    return np.array([np.bincount(draw, minlength=len(counts)) for draw in draws])


@pytest.mark.parametrize("counts", [[5, 3, 1, 0, 2], [9, 1, 1], [4, 4, 4], [7]])
def test_hill_numbers_of_a_whole_group_follow_their_formula(counts: list[int]) -> None:
    whole = rarefy(table(counts), sum(counts))
    expected = [hill(np.array(counts), q) for q in (0, 1, 2)]
    np.testing.assert_allclose(whole.hill[0], expected, rtol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 4, 7])
def test_rarefaction_equals_the_mean_over_every_draw(size: int) -> None:
    counts = [5, 3, 1, 0, 2]
    found = rarefy(table(counts), size)
    draws = every_draw(counts, size)
    assert len(draws) == comb(11, size)
    assert found.richness[0] == pytest.approx((draws > 0).sum(axis=1).mean())
    entropies = [log(hill(draw, 1)) for draw in draws]
    assert found.entropy[0] == pytest.approx(np.mean(entropies))
    assert found.simpson[0] == pytest.approx(1 / ((draws / size) ** 2).sum(axis=1).mean())
    more = every_draw(counts, size + 1)
    slope = (more > 0).sum(axis=1).mean() - (draws > 0).sum(axis=1).mean()
    assert found.novelty[0] == pytest.approx(slope)


def test_groups_are_rarefied_each_by_itself() -> None:
    rows = [[5, 3, 1, 0, 2], [2, 0, 0, 0, 0], [300, 4, 1, 1, 90_000], [0, 0, 1, 0, 0]]
    together = rarefy(table(rows), 4)
    for number, row in enumerate(rows):
        alone = rarefy(table(row), 4)
        assert together.prompts[number] == min(4, sum(row))
        np.testing.assert_allclose(together.hill[number], alone.hill[0])
        assert together.novelty[number] == pytest.approx(alone.novelty[0])


@given(GROUPS, st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_rarefied_numbers_keep_within_their_bounds(counts: list[int], size: int) -> None:
    found = rarefy(table(counts), size)
    zero, one, two = found.hill[0]
    met = sum(count > 0 for count in counts)
    assert zero <= met + 1e-9
    assert 1 - 1e-9 <= one <= zero + 1e-9
    assert 1 - 1e-9 <= two <= one + 1e-9
    assert 0 < one / zero <= 1 + 1e-9
    assert -1e-9 <= found.novelty[0] <= 1 + 1e-9
    assert rarefy(table(counts), size + 1).richness[0] >= zero - 1e-9
    assert 0 < evenness(np.array([counts]))[0] <= 1 + 1e-9


def test_sample_coverage_on_counts_worked_by_hand() -> None:
    """Of ten prompts three kinds were met once and one twice: 1 - 3/10 * 27 / (27 + 2)."""
    found = sample_coverage(table([[5, 2, 1, 1, 1], [5, 5, 0, 0, 0], [1, 0, 0, 0, 0]]))
    assert found[0] == pytest.approx(1 - 3 / 10 * 27 / 29)
    assert found[1] == 1.0
    assert np.isnan(found[2])
    never_twice = sample_coverage(table([4, 1, 1, 1]))
    assert never_twice[0] == pytest.approx(1 - 3 / 7 * 12 / 14)


def test_novelty_of_a_small_group_is_good_and_turings() -> None:
    counts = [5, 2, 1, 1, 1]
    assert rarefy(table(counts), 50).novelty[0] == pytest.approx(3 / 10)
    assert novelty(np.repeat(np.arange(5), counts)) == pytest.approx(3 / 10)
    assert rarefy(table([1]), 50).novelty[0] == 1.0


def test_sample_coverage_tells_what_the_next_prompts_meet() -> None:
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, 101)
    shares /= shares.sum()
    counts = rng.multinomial(60, shares, size=2000)
    true = (np.where(counts > 0, shares, 0)).sum(axis=1).mean()
    assert sample_coverage(csr_array(counts)).mean() == pytest.approx(true, abs=0.01)


def test_measures_at_their_ends() -> None:
    assert focus(np.zeros(9, np.int64), 13) == 1.0
    assert focus(np.arange(13), 13) == pytest.approx(0.0)
    assert evenness(np.array([[3, 3, 3, 0]]))[0] == pytest.approx(1.0)
    assert evenness(np.array([[97, 1, 1, 1]]))[0] < 0.4
    assert novelty(np.arange(5)) == 1.0
    assert novelty(np.zeros(5, np.int64)) == 0.0
    assert order(np.repeat(np.arange(5), 10)) > 0.5
    assert order(np.tile(np.arange(5), 10)) < 0.0


def neighbours(cell: Ints) -> float:
    return float((cell[1:] == cell[:-1]).sum())


def ordered(cell: Ints) -> tuple[float, float]:
    found = against_shuffles(table(np.bincount(cell).tolist()), np.array([neighbours(cell)]))
    return float(found.excess[0]), float(found.p_value[0])


def test_the_moments_of_order_are_those_of_every_shuffle() -> None:
    cell = np.array([0, 0, 0, 1, 1, 2, 3])
    same = np.array([neighbours(np.array(shuffle)) for shuffle in permutations(cell.tolist())])
    far = (neighbours(cell) - same.mean()) / same.std()
    excess, p_value = ordered(cell)
    assert excess == pytest.approx((neighbours(cell) - same.mean()) / 6)
    assert excess == pytest.approx(order(cell))
    assert p_value == pytest.approx(2 * norm.sf(abs(far)))


def test_the_p_value_of_shuffled_order_is_uniform() -> None:
    rng = np.random.default_rng(0)
    cell = np.repeat(np.arange(7), [2000, 1500, 1000, 600, 400, 300, 200])
    found = [ordered(rng.permutation(cell)) for _ in range(600)]
    assert kstest([p_value for _, p_value in found], "uniform").pvalue > 0.05
    assert abs(np.mean([excess for excess, _ in found])) < 0.001


def test_blocks_and_round_robin_stand_out_from_shuffles() -> None:
    blocks, robin = np.repeat(np.arange(5), 10), np.tile(np.arange(5), 10)
    assert ordered(blocks)[0] > 0.5
    assert ordered(robin)[0] < -0.15
    assert max(ordered(blocks)[1], ordered(robin)[1]) < 0.001
    assert ordered(np.zeros(9, np.int64)) == (0.0, 1.0)
    assert ordered(np.zeros(1, np.int64)) == (0.0, 1.0)


def test_ranks_leave_the_group_itself_out() -> None:
    values = np.array([1.0, 2.0, 2.0 + 1e-12, 5.0, np.nan, 3.0])
    background = np.array([True, True, True, True, True, False])
    found = rank(values, background)
    assert found.size[:4].tolist() == [3, 3, 3, 3]
    assert found.size[5] == 4
    np.testing.assert_allclose(
        found.percentile, [0, 50, 50, 100, np.nan, 75], atol=1e-9, equal_nan=True
    )
    np.testing.assert_allclose(found.p_value, [1, 3 / 4, 3 / 4, 1 / 4, np.nan, 2 / 5])
    alone = rank(np.array([1.0]), np.array([True]))
    assert np.isnan(alone.percentile[0])
    assert np.isnan(alone.p_value[0])


def test_false_discoveries_are_counted_over_those_apart_only() -> None:
    p_values = np.array([0.01, 0.04, 0.5, np.nan, 0.001])
    apart = np.array([True, True, True, True, False])
    found = false_discovery(p_values, apart)
    np.testing.assert_allclose(found[:3], [0.03, 0.06, 0.5])
    assert np.isnan(found[3:]).all()


def test_p_values_of_the_like_are_uniform() -> None:
    rng = np.random.default_rng(0)
    background = np.arange(100) < 99
    found = [rank(rng.normal(size=100), background).p_value[99] for _ in range(500)]
    assert kstest(found, "uniform").pvalue > 0.05
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.02)


class Made:
    """Rows of traffic whose cells are given, one session for each account."""

    def __init__(self) -> None:
        self.accounts: list[str] = []
        self.cells: list[int] = []
        self.labels: list[str | None] = []

    def account(self, name: str, cells: list[int], label: str | None = None) -> None:
        self.accounts += [name] * len(cells)
        self.cells += cells
        self.labels += [label] * len(cells)

    def cover(self, scope: Scope | None = None, labelled: bool = False) -> list[dict]:  # type: ignore[type-arg]
        n = len(self.accounts)
        columns: dict[str, object] = {
            name: pa.nulls(n, SCHEMA.field(name).type) for name in SCHEMA.names
        }
        columns["account_id"] = pa.array(self.accounts)
        columns["session_id"] = pa.array([f"s-{name}" for name in self.accounts])
        columns["timestamp"] = pa.array(np.arange(n) * 1_000_000, SCHEMA.field("timestamp").type)
        if labelled:
            columns["label"] = pa.array(self.labels, pa.string())
        cells = Cells(np.array(self.cells), AREA_OF, AREAS)
        return cover(pa.table(columns), cells, scope or Scope())


def a_person(rng: np.random.Generator, prompts: int) -> list[int]:
    """Some cells far more than others, and much that is general."""
    shares = rng.dirichlet(np.full(GENERAL, 0.1))
    general = rng.random(prompts) < 0.3
    return np.where(general, GENERAL, rng.choice(GENERAL, size=prompts, p=shares)).tolist()


@pytest.fixture(scope="module")
def town() -> Made:
    """Three hundred people, an application with one template, a campaign, a newcomer."""
    rng = np.random.default_rng(0)
    made = Made()
    for number in range(300):
        made.account(f"person-{number}", a_person(rng, int(rng.integers(20, 200))), "organic")
    made.account("application", [7] * 400, "organic")
    made.account("campaign", [6 + cell for cell in range(6) for _ in range(15)], "extraction")
    made.account("newcomer", [6, 7, 8, 9, 10, 11], "organic")
    return made


def test_an_account_that_walks_an_area_cell_by_cell_ranks_first(town: Made) -> None:
    found = {record["account_id"]: record for record in town.cover()}
    first = next(iter(found.values()))
    assert first["account_id"] == "campaign"
    assert first["p_value"] == pytest.approx(1 / 302, abs=1e-6)
    assert first["percentile"] == 100.0
    assert first["background"] == 301
    assert first["focus"] == 1.0
    assert first["depth"] > 5
    assert first["order"] > 0.5
    assert 0 < first["order_p_value"] < 1e-30


def test_an_application_with_one_template_is_not_even_coverage(town: Made) -> None:
    (application,) = town.cover(Scope(("application",)))
    assert application["depth"] == 1.0
    assert application["evenness"] is None
    assert application["percentile"] < 5
    assert application["p_value"] > 0.9
    assert application["against"]["evenness"] is None


def test_the_order_of_each_account_is_its_own(town: Made) -> None:
    accounts, cells = np.array(town.accounts), np.array(town.cells)
    for record in town.cover():
        own = order(cells[accounts == record["account_id"]])
        assert record["order"] == pytest.approx(own, abs=1e-4)


def test_wide_use_is_not_deep() -> None:
    """One cell of every area, evenly, is many cells and none of them a walk through an area."""
    made = Made()
    made.account("wide", [6 * area for area in range(12)] * 10)
    made.account("deep", list(range(6)) * 20)
    made.account("talk", [GENERAL] * 120)
    found = {record["account_id"]: record for record in made.cover()}
    assert list(found) == ["deep", "wide", "talk"]
    assert found["wide"]["depth"] == found["talk"]["depth"] == 1.0
    assert found["wide"]["hill_cells"] == found["wide"]["hill_areas"]
    assert found["wide"]["hill_cells"][1] > found["deep"]["hill_cells"][1] > 5
    assert found["talk"]["areas"] == {"general": 1.0}


def test_too_few_prompts_are_measured_as_they_are_and_not_ranked(town: Made) -> None:
    last = town.cover()[-1]
    assert last["account_id"] == "newcomer"
    assert (last["prompts"], last["cells"], last["hill_cells"]) == (6, 6, [6.0, 6.0, 6.0])
    for field in ("rarefied_to", "percentile", "p_value", "q_value"):
        assert last[field] is None
    assert set(last["against"].values()) == {None}


def test_percentiles_of_the_background_are_uniform(town: Made) -> None:
    people = [r["percentile"] for r in town.cover() if r["account_id"].startswith("person")]
    assert kstest(np.array(people) / 100, "uniform").pvalue > 0.5


def test_more_prompts_alone_do_not_rank_higher() -> None:
    rng = np.random.default_rng(0)
    made = Made()
    for number in range(400):
        long = number % 2
        made.account(f"{long}-{number}", a_person(rng, 400 if long else 40))
    found = made.cover()
    long = np.array([record["account_id"].startswith("1") for record in found])
    percentile = np.array([record["percentile"] for record in found])
    cells = np.array([record["cells"] for record in found])
    assert cells[long].mean() > 1.2 * cells[~long].mean()
    assert abs(percentile[long].mean() - percentile[~long].mean()) < 7


def test_only_rows_labelled_organic_are_background(town: Made) -> None:
    found = {record["account_id"]: record for record in town.cover(labelled=True)}
    campaign = found["campaign"]
    assert campaign["background"] == 301
    assert campaign["q_value"] == campaign["p_value"] == pytest.approx(1 / 302, abs=1e-6)
    assert found["person-0"]["q_value"] is None
    assert found["person-0"]["background"] == 300


def test_named_accounts_are_not_their_own_background(town: Made) -> None:
    found = town.cover(Scope(("campaign", "person-1")))
    assert [record["account_id"] for record in found] == ["campaign", "person-1"]
    assert found[0]["background"] == 300
    assert found[0]["q_value"] == pytest.approx(2 / 301, abs=1e-6)
    sessions = town.cover(Scope(("campaign",), "session"))
    assert [record["session_id"] for record in sessions] == ["s-campaign"]


def test_a_campaign_spread_over_accounts_shows_as_a_group() -> None:
    rng = np.random.default_rng(0)
    made = Made()
    for number in range(200):
        made.account(f"person-{number}", a_person(rng, 40))
    for cell in range(6):
        made.account(f"hydra-{cell}", [6 + cell] * 25)
    heads = tuple(f"hydra-{cell}" for cell in range(6))
    alone = made.cover(Scope(heads))
    assert min(record["p_value"] for record in alone) > 0.5
    (together,) = made.cover(Scope(heads, "group"))
    assert (together["accounts"], together["prompts"]) == (6, 150)
    assert together["p_value"] == pytest.approx(1 / 1000)
    assert together["depth"] > 5
    people = tuple(f"person-{number}" for number in range(6))
    (crowd,) = made.cover(Scope(people, "group"))
    assert crowd["p_value"] > 0.02
    assert crowd["against"]["order"] is None


def test_groups_of_the_like_have_uniform_percentiles() -> None:
    rng = np.random.default_rng(0)
    made = Made()
    for number in range(300):
        made.account(f"person-{number}", a_person(rng, 40))
    found = []
    for _ in range(60):
        chosen = rng.choice(300, size=5, replace=False)
        (record,) = made.cover(Scope(tuple(f"person-{number}" for number in chosen), "group"))
        found.append(record["p_value"])
    assert kstest(found, "uniform").pvalue > 0.05


def test_a_window_is_set_apart_from_the_time_outside_it() -> None:
    rng = np.random.default_rng(0)
    made = Made()
    for number in range(100):
        made.account(f"person-{number}", a_person(rng, 30))
    for number in range(3):
        made.account(f"late-{number}", [6 + i % 6 for i in range(30)])
    start = datetime(1970, 1, 1, tzinfo=UTC)
    late = start + timedelta(seconds=3000)
    inside = made.cover(Scope(since=late))
    assert {record["account_id"] for record in inside} == {"late-0", "late-1", "late-2"}
    (window,) = made.cover(Scope(by="group", since=late))
    assert (window["accounts"], window["prompts"]) == (3, 90)
    assert window["p_value"] == pytest.approx(1 / 1000)
    early = made.cover(Scope(until=late - timedelta(seconds=1)))
    assert len(early) == 100
    (whole,) = made.cover(Scope(by="group"))
    assert whole["percentile"] is None
    assert whole["background"] == 0
    with pytest.raises(InputError, match="of that time"):
        made.cover(Scope(since=start + timedelta(days=9)))
    with pytest.raises(InputError, match="of that time"):
        made.cover(Scope(("person-1",), "group", since=late))


def test_all_are_brought_to_the_number_that_is_asked_for(town: Made) -> None:
    (session,) = town.cover(Scope(("campaign",), "session"))
    (account,) = town.cover(Scope(("campaign",)))
    (asked,) = town.cover(Scope(("campaign",), prompts=50))
    (too_many,) = town.cover(Scope(("campaign",), prompts=91))
    found = [record["rarefied_to"] for record in (session, account, asked, too_many)]
    assert found == [10, 20, 50, None]
    assert account["background"] > asked["background"] > too_many["background"]
    assert session["depth"] < account["depth"] < asked["depth"] < too_many["depth"]
    assert too_many["depth"] == 6.0
    assert too_many["p_value"] is None


def test_the_same_index_gives_the_same_records(town: Made) -> None:
    assert town.cover() == town.cover()
    group = Scope(("person-1", "person-2"), "group")
    assert town.cover(group) == town.cover(group)


def test_vectors_are_placed_alike_in_blocks(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas = AreaMap.embedded(encoder)
    at_once = areas.place(areas.exemplars)
    monkeypatch.setattr("capscope.index.areas.BLOCK", 7)
    in_blocks = areas.place(areas.exemplars)
    assert np.array_equal(at_once.cell, in_blocks.cell)
    assert np.array_equal(at_once.area, in_blocks.area)
    np.testing.assert_allclose(at_once.similarity, in_blocks.similarity, atol=1e-6)


@pytest.fixture(scope="module")
def folder(
    few_file: Path, encoder: SentenceEncoder, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("coverage") / "index"
    add(folder, read_traffic([str(few_file)]), encoder)
    return folder


def test_all_that_is_general_is_one_cell(folder: Path, encoder: SentenceEncoder) -> None:
    areas, index = AreaMap.embedded(encoder), open_index(folder)
    placed = areas.place(index.vectors)
    cells = Cells.of(index, areas)
    number = np.asarray(index.rows["prompt"])
    general = placed.area[number] == areas.areas.index("general")
    assert general.any()
    assert set(cells.cell[general]) == {len(cells.area_of) - 1}
    assert np.array_equal(cells.cell[~general], placed.cell[number][~general])
    assert np.array_equal(cells.area_of[cells.cell], placed.area[number])


FIELDS = "prompts areas evenness focus novelty order percentile p_value".split()


def test_the_command_covers_accounts_sessions_and_a_group(
    run: Run, folder: Path, few_sessions: Rows, tmp_path: Path
) -> None:
    accounts = records(run("coverage", "--index", folder))
    assert {r["account_id"] for r in accounts} == {r["account_id"] for r in few_sessions}
    assert list(accounts[0])[:9] == ["account_id", *FIELDS]
    assert sum(r["prompts"] for r in accounts) == len(few_sessions)
    assert all(sum(r["areas"].values()) == pytest.approx(1, abs=1e-3) for r in accounts)
    one = few_sessions[0]["account_id"]
    sessions = records(run("coverage", "--index", folder, "--account", one))
    assert list(sessions[0])[:10] == ["session_id", "account_id", *FIELDS]
    assert {r["session_id"] for r in sessions} == {
        r["session_id"] for r in few_sessions if r["account_id"] == one
    }
    named = tmp_path / "accounts.txt"
    named.write_text(f"{one}\n\n{few_sessions[-1]['account_id']}\n", encoding="utf-8")
    for by, ids in (("account", {r["account_id"] for r in accounts}), ("group", {2})):
        found = records(run("coverage", "--index", folder, "--accounts", named, "--by", by))
        field = "account_id" if by == "account" else "accounts"
        assert {record[field] for record in found} <= ids
        assert len(found) == (2 if by == "account" else 1)


def test_mistakes_are_told(fails: Callable[..., str], folder: Path, tmp_path: Path) -> None:
    def tell(*options: object) -> str:
        return fails("coverage", "--index", folder, *options)

    assert "account nobody" in tell("--account", "nobody")
    assert "and of 1 more" in tell("--account", "nobody", "--account", "no one")
    assert "cannot be read" in tell("--accounts", tmp_path / "none.txt")
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    assert "no account in" in tell("--accounts", tmp_path / "empty.txt")
    assert "of that time" in tell("--since", "2999-01-01")


def test_cells_are_shared_out_against_each_account_of_the_background_once() -> None:
    rows = pa.table(
        {
            "account_id": ["a", "a", "a", "b", "c", "c", "c", "c", None],
            "label": pa.array(["extraction"] * 3 + [None] * 6, pa.string()),
        }
    )
    cells = Cells(np.array([0, 0, 1, 2, 0, 0, 0, 1, 2]), np.array([0, 0, 1]), ["one", "general"])
    found = cell_shares(rows, cells, np.array([True, True, False] + [False] * 6))
    assert found.own.tolist() == [1.0, 0.0, 0.0]
    assert found.usual.tolist() == [0.375, 0.125, 0.5]
    assert found.accounts == 2
    few = Cells(cells.cell[:3], cells.area_of, cells.areas)
    alone = cell_shares(rows.slice(0, 3), few, np.ones(3, dtype=bool))
    assert (alone.usual.tolist(), alone.accounts) == ([0.0, 0.0, 0.0], 0)
