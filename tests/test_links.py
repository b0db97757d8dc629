"""The parts of campaigns: fingerprints, links against their null, groups, pivots, relays."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse, stats

from capscope.classify.campaigns import Launch
from capscope.classify.campaigns.conduct import division, growth, schedule
from capscope.classify.campaigns.fingerprints import GRAM, WINDOW, fingerprint
from capscope.classify.campaigns.groups import FDR, blankets, find_groups, unite
from capscope.classify.campaigns.links import adjusted, chance, find_links
from capscope.classify.campaigns.pivot import DAY, Moves, find_pivots
from capscope.classify.campaigns.relays import find_injected
from capscope.classify.campaigns.settle import claim, fit
from capscope.classify.campaigns.things import KINDS, Accounts, Things, find_accounts, find_things

WORDS = [f"w{i}" for i in range(400)]


def prints(*texts: str) -> list[set[int]]:
    found = fingerprint(pa.array(texts, pa.large_string()))
    return [set(found.hash[found.prompt == i].tolist()) for i in range(len(texts))]


def things_of(held: Any) -> Things:
    """A table of made-up things."""
    dense = np.asarray(held, dtype=np.float64)
    table = sparse.csr_array(dense[:, dense.sum(axis=0) > 1])
    kinds = np.zeros(table.shape[1], np.int64)
    holders = np.asarray(table.sum(axis=0))
    weight = np.log(table.shape[0] / holders)
    names = np.arange(table.shape[1]).astype(np.uint64)
    degree = np.zeros((len(dense), len(KINDS)))
    degree[:, 0] = table.sum(axis=1)
    return Things(table, kinds, names, weight, degree, sparse.csr_array((0, table.shape[1])))


def shuffled(accounts: int, things: int, rng: np.random.Generator) -> Things:
    """Active and idle accounts, popular and rare things, and nothing that ties any to any."""
    activity = rng.lognormal(0, 1, accounts)
    popular = 1 / np.arange(1, things + 1)
    rates = 6 * activity[:, None] * popular / popular.sum()
    held = rng.random((accounts, things)) < 1 - np.exp(-rates)
    return things_of(held)


@pytest.mark.parametrize("shift", range(6))
def test_a_shared_run_of_words_gives_a_shared_fingerprint(shift: int) -> None:
    run = " ".join(WORDS[: GRAM + WINDOW - 1])
    one = " ".join(WORDS[100 : 110 + shift]) + " " + run + " " + " ".join(WORDS[120:140])
    other = " ".join(WORDS[200 : 203 + 2 * shift]) + " " + run.upper() + "! " + WORDS[300]
    assert set.intersection(*prints(one, other))
    assert not set.intersection(*prints(one, " ".join(WORDS[200:260])))


def test_short_prompts_are_one_fingerprint_and_empty_ones_none() -> None:
    assert [
        len(found) for found in prints("", "?!", "one", "one two three", "One, two three!")
    ] == [
        0,
        0,
        1,
        1,
        1,
    ]


def test_fingerprints_do_not_depend_on_what_else_is_there() -> None:
    texts = [" ".join(np.random.default_rng(i).choice(WORDS, 30)) for i in range(5)]
    assert prints(*texts) == [prints(text)[0] for text in texts]


def test_few_of_the_runs_are_kept() -> None:
    (found,) = prints(" ".join(WORDS))
    assert 0.3 < len(found) / (len(WORDS) - GRAM + 1) < 0.5


def test_a_template_is_one_thing_and_its_tasks_are_others() -> None:
    fixed = " ".join(WORDS[:20]), " ".join(WORDS[20:40])
    tasks = [" ".join(WORDS[100 + 15 * i : 115 + 15 * i]) for i in range(10)]
    texts = [f"{fixed[0]} {task} {fixed[1]}" for task in tasks]
    rows = [
        {"account_id": f"a{i}", "prompt": texts[(i + j) % 10]} for i in range(10) for j in (0, 1)
    ]
    columns = ["timestamp", "model", *KINDS[2:]]
    schema = pa.schema([(name, pa.string()) for name in ("account_id", "prompt", *columns)])
    table = pa.Table.from_pylist(rows, schema)
    times = pa.nulls(len(rows), pa.timestamp("us", tz="UTC"))
    table = table.set_column(table.schema.get_field_index("timestamp"), "timestamp", times)
    coded = table["prompt"].combine_chunks().dictionary_encode()
    prompt = np.asarray(coded.indices, np.int64)
    accounts = find_accounts(table, prompt)
    things = find_things(table, accounts, prompt, coded.dictionary.cast(pa.large_string()))
    assert sorted(things.holders.tolist())[:10] == [2] * 10
    assert 1 <= (things.holders == 10).sum() <= 2


def test_chances_are_adjusted_for_all_pairs() -> None:
    log_p = np.log(np.array([1e-8, 1e-4, 0.03]))
    padded = np.append(np.exp(log_p), np.ones(997))
    np.testing.assert_allclose(adjusted(log_p, 1000), stats.false_discovery_control(padded)[:3])


def test_the_chance_bounds_the_rate_of_overlaps_under_the_null() -> None:
    """Over many tables with the same margins, no overlap is more frequent than its bound."""
    rng = np.random.default_rng(2)
    things = shuffled(150, 300, rng)
    n = things.table.shape[0]
    one, other = np.triu_indices(n, 1)
    overlaps = (things.table * things.weight[None, :]) @ things.table.T
    log_p = chance(things, one, other, overlaps.toarray()[one, other])
    for level in (0.1, 0.01, 0.001):
        assert (np.exp(log_p) <= level).mean() <= level


def test_nothing_is_linked_in_shuffled_tables() -> None:
    rng = np.random.default_rng(3)
    false = [int((find_links(shuffled(200, 400, rng)).q < 0.05).any()) for _ in range(40)]
    assert sum(false) <= stats.binom.ppf(0.99, 40, 0.05)


def test_planted_accounts_are_linked_and_are_the_group() -> None:
    rng = np.random.default_rng(4)
    table = shuffled(400, 2000, rng).table.toarray()
    own = np.zeros((400, 20))
    own[:20] = rng.random((20, 20)) < 0.8
    things = things_of(np.hstack([table, own]))
    groups = find_groups(things, find_links(things))
    largest = max(groups, key=len)
    assert set(largest) <= set(range(20))
    assert len(largest) >= 18


def test_a_large_campaign_is_not_cut_and_two_are_not_joined() -> None:
    rng = np.random.default_rng(5)
    table = shuffled(2000, 2000, rng).table.toarray()
    own = np.zeros((2000, 47))
    own[:300, :24] = rng.random((300, 24)) < 0.8
    own[300:600, 23:] = rng.random((300, 24)) < 0.8
    things = things_of(np.hstack([table, own]))
    groups = sorted(find_groups(things, find_links(things)), key=len)[-2:]
    tops = sorted(groups, key=lambda group: group[0])
    for group, first in zip(tops, (0, 300), strict=True):
        inside = (group >= first) & (group < first + 300)
        assert inside.mean() > 0.99
        assert inside.sum() > 225


def in_pieces(rng: np.random.Generator) -> tuple[Things, list[Any]]:
    """Three groups of 40 have two texts in common and thirty each alone; one text all hold."""
    table = shuffled(600, 2000, rng).table.toarray()
    own = np.zeros((600, 93))
    own[:120, :2] = rng.random((120, 2)) < 0.9
    for piece in range(3):
        rows, columns = slice(40 * piece, 40 * piece + 40), slice(2 + 30 * piece, 32 + 30 * piece)
        own[rows, columns] = rng.random((40, 30)) < 0.7
    own[:, 92] = rng.random(600) < 0.7
    pieces = [np.arange(first, first + 40) for first in (0, 40, 80)]
    return things_of(np.hstack([table, own])), pieces


def test_groups_with_texts_of_their_own_together_are_one() -> None:
    things, pieces = in_pieces(np.random.default_rng(6))
    stranger = np.arange(200, 240)
    found = sorted(unite(things, [*pieces, stranger]), key=len)
    np.testing.assert_array_equal(found[0], stranger)
    np.testing.assert_array_equal(found[1], np.arange(120))
    assert len(found) == 2


def test_a_client_that_groups_alone_use_makes_them_no_group() -> None:
    things, pieces = in_pieces(np.random.default_rng(6))
    common = things.table.shape[1] - 93 + np.arange(2)
    assert (things.table[:120][:, common].sum(axis=0) > 90).all()
    things.kind[common] = KINDS.index("client")
    assert len(unite(things, pieces)) == 3


def test_who_holds_what_else_only_a_group_holds_is_claimed() -> None:
    """Two accounts hold two texts of twenty others: by popularity alone chance would explain it."""
    rng = np.random.default_rng(7)
    table = shuffled(600, 4000, rng).table.toarray()
    own = np.zeros((600, 4))
    own[:20] = 1.0
    own[20:22, :2] = 1.0
    things = things_of(np.hstack([table, own]))
    (found,) = claim(things, [np.arange(20)], np.array([True]), np.arange(600))
    np.testing.assert_array_equal(found, np.arange(22))


def test_chances_of_strangers_are_not_too_small() -> None:
    """Of what a made-up group's blanket is, nobody else holds more than the bound says."""
    rng = np.random.default_rng(8)
    below = []
    for _ in range(20):
        things = shuffled(300, 400, rng)
        group = np.sort(rng.choice(300, 40, replace=False))
        fits = fit(things, blankets(things, [group]), np.setdiff1d(np.arange(300), group))
        assert len(fits.log_p) > 100
        below.append((fits.log_p < np.log(0.01)).sum() / 260)
    assert np.mean(below) <= 0.01


def test_overlap_is_never_more_than_it_is_and_whole_among_few() -> None:
    things = shuffled(60, 100, np.random.default_rng(6))
    links = find_links(things)
    whole = (things.table * things.weight[None, :]) @ things.table.T
    exact = whole.toarray()[links.one, links.other]
    np.testing.assert_allclose(links.overlap, exact)
    assert len(links.one) == (sparse.triu(whole, 1) > 0).sum()


def traffic_of(models: list[list[tuple[int, str]]]) -> tuple[pa.Table, Accounts]:
    rows = [
        {"account_id": f"a{i}", "timestamp": time, "model": model}
        for i, asked in enumerate(models)
        for time, model in asked
    ]
    table = pa.Table.from_pylist(
        rows,
        pa.schema(
            [
                ("account_id", pa.string()),
                ("timestamp", pa.timestamp("us", tz="UTC")),
                ("model", pa.string()),
            ]
        ),
    )
    return table, find_accounts(table, np.arange(len(table)))


def adopting(accounts: int, rate: float, rng: np.random.Generator) -> list[list[tuple[int, str]]]:
    """Accounts that ask at random times of 20 days, some of them a model launched on day 10."""
    return [
        [
            (int(day * DAY), "new" if moves and day > 10 else "old")
            for day in np.sort(rng.uniform(0, 20, 40))
        ]
        for moves in rng.random(accounts) < rate
    ]


def test_without_a_pivot_its_chance_is_no_smaller_than_it_says() -> None:
    rng = np.random.default_rng(7)
    table, accounts = traffic_of(adopting(400, 0.3, rng))
    moves = Moves(table, accounts)
    groups = [np.sort(rng.choice(400, 60, replace=False)) for _ in range(2000)]
    chances = np.array([row[0].p_value for row in find_pivots(moves, [LAUNCH], groups)])
    for level in (0.5, 0.1, 0.02):
        assert (chances <= level).mean() <= level + 3 * np.sqrt(level / 2000)
    assert (chances < 0.3).mean() > 0.15


LAUNCH = Launch("new", 10 * DAY, found=False)


def test_a_busy_account_counts_once() -> None:
    busy = [(10 * DAY + i, "new") for i in range(500)]
    calm = [[(10 * DAY + 5, "old")] for _ in range(50)]
    table, accounts = traffic_of([busy, *calm])
    group = np.arange(10)
    ids = accounts.ids.to_pylist()
    group = np.sort(np.array([ids.index(f"a{i}") for i in range(10)]))
    pivot = find_pivots(Moves(table, accounts), [LAUNCH], [group])[0][0]
    assert (pivot.active, pivot.moved) == (10, 1)
    assert pivot.p_value > 0.1


def test_a_launch_is_found_where_a_model_was_absent_and_only_there() -> None:
    rng = np.random.default_rng(8)
    table, accounts = traffic_of(adopting(300, 0.3, rng))
    (launch,) = Moves(table, accounts).launches()
    assert launch.model == "new"
    assert 0 <= launch.time - 10 * DAY < DAY // 4


def test_division_tells_dealt_from_chance_from_picked() -> None:
    rng = np.random.default_rng(9)
    of = np.repeat(np.arange(100), 30)
    dealt = np.concatenate([rng.permutation(300) for _ in range(10)])
    picked = np.minimum(rng.zipf(1.5, 3000), 300)
    assert division(of, dealt) < 0.1
    assert 0.7 < division(of, rng.integers(0, 300, 3000)) < 1.3
    assert 0.8 < division(of, rng.integers(0, 2500, 3000)) < 1.2
    assert division(of, picked) > 2
    assert division(of, np.arange(3000)) is None


def test_schedule_and_growth_without_times_are_none() -> None:
    of, times = np.array([0, 1]), np.array([-1, -1])
    assert schedule(times) is None
    assert growth(of, times) is None
    clock = schedule(np.arange(48) * 3_600_000_000)
    assert clock is not None
    assert (clock["hours"], clock["burstiness"]) == (1.0, -1.0)


def test_an_injected_text_at_either_end_is_found_and_a_short_one_not() -> None:
    asks = [f"{word} is what I ask about, {word}" for word in WORDS[:10]]
    added = "Always answer with a table first."
    for prompts in ([f"{a} {added}" for a in asks], [f"{added} {a}" for a in asks]):
        found = find_injected(prompts)
        assert found is not None
        assert (found.text, found.rest) == (added, asks)
    assert find_injected([f"{a} Thank you" for a in asks]) is None
    assert find_injected([added] * 10) is None


def test_rare_identifiers_and_moments_are_things() -> None:
    rows = [
        {
            "account_id": f"a{i}",
            "timestamp": i * 1_000_000,
            "payment": "card" if i < 2 else f"own-{i}",
            "prompt": "tell me all that there is to know" if i < 3 else f"other {i}",
        }
        for i in range(6)
    ]
    schema = pa.schema(
        [("account_id", pa.string()), ("timestamp", pa.timestamp("us", tz="UTC"))]
        + [(name, pa.string()) for name in (*KINDS[2:], "prompt")]
    )
    table = pa.Table.from_pylist(rows, schema)
    coded = table["prompt"].combine_chunks().dictionary_encode()
    prompt = np.asarray(coded.indices, np.int64)
    accounts = find_accounts(table, prompt)
    texts = coded.dictionary.cast(pa.large_string())
    things = find_things(table, accounts, prompt, texts)
    found = {KINDS[k]: int(n) for k, n in zip(things.kind, things.holders, strict=True)}
    assert found == {"text": 3, "moment": 3, "payment": 2}
    assert FDR < 0.05
