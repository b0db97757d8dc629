"""Simulated traffic: as asked, the same every time, and nothing shared between groups."""

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import POOL
from made_up import made_up_pool
from typer.testing import Result

from capscope.data.areas import load_areas
from capscope.data.recipes import PAYLOADS, applications, grids, suffixes, systems, wrappers
from capscope.data.simulation import Mix, load_mix, simulate
from capscope.data.simulation.clock import DAY, EPOCH
from capscope.data.simulation.mix import EXTRACTION_KINDS, ORGANIC_KINDS, SLOW_KINDS
from capscope.data.split import JOIN

Rows = list[dict[str, Any]]
MIXES = ("agents-and-vision", "agentic-coding", "all-campaigns", "reasoning-and-grading", "relay")


def traffic(mix: Mix | str, sessions: int, **options: Any) -> pa.Table:  # noqa: ANN401
    mix = load_mix(mix) if isinstance(mix, str) else mix
    return pa.concat_tables(simulate(made_up_pool(), sessions, mix, **options))


def firsts(table: pa.Table) -> Rows:
    """The first row of each session."""
    rows: dict[str, dict[str, Any]] = {}
    for row in table.to_pylist():
        rows.setdefault(row["session_id"], row)
    return list(rows.values())


def small(mix: Mix, accounts: int) -> Mix:
    """The same mix with so many accounts in each crowd."""
    return mix.model_copy(
        update={
            "campaign": tuple(c.model_copy(update={"accounts": accounts}) for c in mix.campaign),
            "relay": tuple(r.model_copy(update={"accounts": accounts}) for r in mix.relay),
            "products": mix.products and mix.products.model_copy(update={"accounts": accounts}),
        }
    )


@pytest.fixture(scope="module")
def standard() -> pa.Table:
    return traffic("standard", 1500, seed=3)


@pytest.fixture(scope="module")
def campaigns() -> pa.Table:
    return traffic(small(load_mix("all-campaigns"), 40), 3000, seed=4)


def test_the_same_seed_gives_the_same_traffic() -> None:
    one, same, other = (traffic("standard", 60, seed=seed) for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)


def test_an_account_draws_from_its_own_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of a batch changes nothing but the tables' sizes."""
    whole = traffic("standard", 60, seed=1)
    monkeypatch.setattr("capscope.data.simulation.compose.BATCH", 1)
    batches = list(simulate(made_up_pool(), 60, load_mix("standard"), seed=1))
    assert len(batches) > 10
    assert pa.concat_tables(batches).to_pylist() == whole.to_pylist()


def test_kinds_come_in_their_proportions(standard: pa.Table) -> None:
    sessions = firsts(standard)
    assert len(sessions) == 1500
    shares = load_mix("standard").shares
    assert set(shares) == {*ORGANIC_KINDS, *EXTRACTION_KINDS}
    kinds = Counter(row["kind"] for row in sessions)
    for kind, share in shares.items():
        assert kinds[kind] == pytest.approx(1500 * share, abs=8)
    labels = {row["kind"]: row["label"] for row in sessions}
    assert all(labels[kind] == "organic" for kind in ORGANIC_KINDS)
    assert all(labels[kind] == "extraction" for kind in EXTRACTION_KINDS)


def test_lengths_are_as_asked(standard: pa.Table) -> None:
    mix = load_mix("standard")
    sizes: Counter[str] = Counter(standard["session_id"].to_pylist())
    low, high = mix.prompts_per_session
    assert min(sizes.values()) == low
    assert high - 3 <= max(sizes.values()) <= high
    slow = [sizes[row["session_id"]] for row in firsts(standard) if row["kind"] in SLOW_KINDS]
    assert max(slow) <= 12
    assert standard["prompt_chars"].to_pylist() == list(map(len, standard["prompt"].to_pylist()))
    times = np.asarray(standard["timestamp"].cast(pa.int64())) / 1e6 - EPOCH
    assert times.min() >= 0
    assert times.max() < (mix.days + 2) * DAY


def test_groups_share_no_source_template_system_or_account(standard: pa.Table) -> None:
    for name in ("source", "template", "system", "account_id"):
        groups: dict[str, set[str]] = defaultdict(set)
        for row in standard.to_pylist():
            for part in (row[name] or "").split(JOIN if name in ("source", "template") else "\0"):
                groups[part].add(row["group"])
        groups.pop("", None)
        assert len(groups) > 10
        assert all(len(found) == 1 for found in groups.values()), name
    assert set(standard["group"].to_pylist()) == {f"fold-{n}" for n in range(10)}
    held_out = traffic("held-out", 200, held_out=True)
    assert set(held_out["group"].to_pylist()) == {"held-out"}
    for name in ("source", "template", "system"):
        mine = {p for v in held_out[name].to_pylist() if v for p in v.split(JOIN)}
        others = {p for v in standard[name].to_pylist() if v for p in v.split(JOIN)}
        assert mine
        assert not mine & others


def test_an_account_keeps_to_what_it_is(standard: pa.Table) -> None:
    kept: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in firsts(standard):
        fixed = (row["kind"], row["group"], row["system"] or "")
        if row["kind"] in ("application", "wrapped_source", "grid"):
            fixed += (row["template"],)
        kept[row["account_id"]].add(fixed)
    assert len(kept) > 400
    assert all(len(found) == 1 for found in kept.values())


def test_real_sessions_keep_their_order(standard: pa.Table) -> None:
    order = {
        (source.name, prompt): (number, turn)
        for source in made_up_pool()
        for number, session in enumerate(source.sessions)
        for turn, prompt in enumerate(session)
    }
    people = [row for row in standard.to_pylist() if row["kind"] == "person"]
    follows = 0
    for before, after in zip(people, people[1:], strict=False):
        if before["session_id"] != after["session_id"]:
            continue
        (one, turn), (next_one, next_turn) = (
            order[row["source"], row["prompt"]] for row in (before, after)
        )
        assert next_one != one or next_turn == turn + 1 or next_turn == 0
        follows += next_one == one and next_turn == turn + 1
    assert follows > 100


def test_ladders_climb(standard: pa.Table) -> None:
    levels = {
        prompt: source.levels[i]
        for source in made_up_pool()
        if source.levels
        for i, prompt in enumerate(source.prompts)
    }
    climbs = defaultdict(list)
    for row in standard.to_pylist():
        if row["kind"] == "ladder" and not row["template"] and row["prompt"] in levels:
            climbs[row["session_id"]].append(("easy", "hard").index(levels[row["prompt"]]))
    assert len(climbs) > 2
    assert all(climb == sorted(climb) for climb in climbs.values())


def test_diluted_sessions_hold_organic_prompts(standard: pa.Table) -> None:
    organic = {p for s in made_up_pool() if s.kind == "organic" for p in s.prompts}
    shares = defaultdict(list)
    for row in standard.to_pylist():
        if row["kind"] == "diluted":
            shares[row["session_id"]].append(row["prompt"] in organic)
    means = [float(np.mean(found)) for found in shares.values()]
    assert 0.25 < np.mean(means) < 0.55
    assert max(means) > 0.55


def test_campaigns_have_their_accounts_and_areas(campaigns: pa.Table) -> None:
    sessions = firsts(campaigns)
    assert len(sessions) == 3000
    for campaign in load_mix("all-campaigns").campaign:
        mine = [row for row in sessions if row["campaign"] == campaign.name]
        assert len({row["account_id"] for row in mine}) == 40
        assert {(row["label"], row["kind"]) for row in mine} == {("extraction", "campaign")}
        assert len({row["group"] for row in mine}) == 1
        areas = Counter(row["area"] for row in mine)
        for area, share in campaign.areas.items():
            assert areas[area] / len(mine) == pytest.approx(share, abs=0.13)
        shared = [set(row["template"].split(JOIN)) for row in mine]
        wrapping = set().union(*shared) - {grid.name for grid in grids()}
        assert len(wrapping) == campaign.templates


def test_a_campaign_keeps_to_the_recipes_that_it_names() -> None:
    """Recipes of any two groups may be named; sources of its areas stay as they are."""
    mix = small(load_mix("agentic-coding"), 10)
    named = ("plan_solve_verify", "tsv_line", "repo_issue_resolution", "shell_environment_repair")
    areas = {"agentic_coding": 1.0}
    (campaign,) = mix.campaign
    kept = campaign.model_copy(update={"recipes": named, "areas": areas, "templates": 2})
    table = traffic(mix.model_copy(update={"campaign": (kept,)}), 300, seed=1)
    rows = [row for row in firsts(table) if row["campaign"] == campaign.name]
    assert set().union(*(row["template"].split(JOIN) for row in rows)) == set(named)


def test_a_campaign_deals_its_work_out(campaigns: pa.Table) -> None:
    """No prompt is sent again before every one of its area was sent."""
    rows = [row for row in campaigns.to_pylist() if row["campaign"] == "agentic-coding"]
    for area in ("agentic_coding", "tool_use", "orchestration"):
        sent = Counter(row["prompt"] for row in rows if row["area"] == area)
        assert len(sent) > 300
        assert max(sent.values()) - min(sent.values()) <= 1


def test_a_launch_moves_half_of_a_campaign_within_a_day() -> None:
    mix = load_mix("all-campaigns")
    launch, pivoting = mix.launch, [c for c in mix.campaign if c.pivot]
    assert launch is not None
    alone = mix.model_copy(update={"campaign": pivoting, "relay": (), "products": None})
    everyone = firsts(traffic(small(alone, 400), 3000, seed=4))
    start = EPOCH + launch.day * DAY
    rows = [row for row in everyone if row["timestamp"].timestamp() > start + DAY]

    def moved(name: str | None) -> float:
        mine = [row["model"] == launch.model for row in rows if row["campaign"] == name]
        return float(np.mean(mine))

    assert moved("agentic-coding") == pytest.approx(0.48, abs=0.08)
    assert moved(None) < 0.2
    before = [row for row in everyone if row["timestamp"].timestamp() < start]
    assert all(row["model"] != launch.model for row in before)


def test_a_relay_adds_one_suffix_to_organic_prompts(campaigns: pa.Table) -> None:
    rows = [row for row in campaigns.to_pylist() if row["campaign"] == "relay"]
    assert len({row["account_id"] for row in rows}) == 40
    assert {(row["label"], row["kind"]) for row in rows} == {("organic", "relay")}
    (name,) = {row["template"] for row in rows}
    text = next(suffix.text for suffix in suffixes() if suffix.name == name)
    organic = {p for s in made_up_pool() if s.kind == "organic" for p in s.prompts}
    assert all(row["prompt"].removesuffix(f"\n\n{text}") in organic for row in rows)


def test_products_have_many_accounts(campaigns: pa.Table) -> None:
    owners = defaultdict(set)
    for row in firsts(campaigns):
        if row["kind"] == "application":
            owners[row["template"]].add(row["account_id"])
    assert sum(len(found) >= 40 for found in owners.values()) >= 18


@pytest.mark.parametrize("name", MIXES)
def test_shipped_campaigns_are_the_described_ones(name: str) -> None:
    mix = load_mix(name)
    assert all(campaign.accounts == 300 for campaign in mix.campaign)
    assert not set(mix.shares) & set(EXTRACTION_KINDS)
    assert (mix.launch is not None) == any(c.pivot is not None for c in mix.campaign)


def test_recipes_are_many_and_fill_their_slots() -> None:
    assert len(applications()) >= 60
    assert len(wrappers()) >= 40
    assert len(grids()) >= 40
    assert {grid.area for grid in grids()} == {area.name for area in load_areas()}
    for recipes in (applications(), wrappers(), grids(), suffixes()):
        names = [recipe.name for recipe in recipes]
        assert len(set(names)) == len(names)
        assert not any(JOIN in name for name in names)
    assert len(set(systems())) == len(systems()) >= 60
    for application in applications():
        assert "<<X>>" in application.template.format(payload="<<X>>")
        assert set(application.payloads) <= set(PAYLOADS)
    for wrapper in wrappers():
        assert "<<X>>" in wrapper.template.format(task="<<X>>")
    for grid in grids():
        prompts = grid.prompts()
        assert len(set(prompts)) == len(prompts) >= 80


@pytest.fixture
def with_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capscope.data.simulation.compose.load_pool", lambda folder: made_up_pool())


CAMPAIGN = '[[campaign]]\nname = "c"\naccounts = {}\n[campaign.areas]\n{}\n'


@pytest.mark.usefixtures("with_pool")
@pytest.mark.parametrize(
    ("mix", "told"),
    [
        ('[sources]\nwithout = ["no-such"]', "no source no-such in the pool"),
        ('[sources]\nonly = ["o-may-1"]', "no payload source"),
        (CAMPAIGN.format(3, "alchemy = 1.0"), "no area alchemy among reasoning"),
        (CAMPAIGN.format(0, "coding = 1.0"), "campaign.0.accounts is 0"),
        (CAMPAIGN.format(3, "coding = 0.4\nvision = 0.4"), "sum to 0.8, not to 1"),
        (CAMPAIGN.format(2000, "coding = 1.0"), "sessions asked for"),
        ("[shares]\nperson = 0.7\ngrid = 0.7", "sum to 1.4, not to 1"),
        ("[shares]\nwizard = 1.0", "no kind wizard among person"),
        ("[shares]\nperson = -0.5\ngrid = 1.5", "shares.person is -0.5"),
        ("prompts_per_session = [60, 5]", "60 is more than 5"),
        ("sessions_per_account = [0, 5]", "sessions_per_account.0 is 0"),
        ("colour = 3", "colour is 3: extra inputs"),
        ('[launch]\nmodel = "m"\nday = 40\nadoption = 0.1', "day 40 is not within 28 days"),
        (CAMPAIGN.format("2\npivot = 0.5", "coding = 1.0"), "there is no launch"),
        (CAMPAIGN.format('3\nrecipes = ["no-such"]', "coding = 1.0"), "for all of coding, no-such"),
        ("= = =", "cannot be read"),
    ],
)
def test_a_mix_that_cannot_be_is_refused(
    fails: Callable[..., str], tmp_path: Path, mix: str, told: str
) -> None:
    (tmp_path / "mix.toml").write_text(mix)
    output = tmp_path / "t.parquet"
    message = fails("simulate", "--pool", tmp_path, "-o", output, "--mix", tmp_path / "mix.toml")
    assert told in message
    assert not output.exists()


def test_a_pool_without_a_kind_is_refused(
    fails: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "t.parquet"
    assert "is no pool" in fails("simulate", "--pool", tmp_path, "-o", output)
    (tmp_path / "catalog.json").write_text("{}")
    assert "no organic source" in fails("simulate", "--pool", tmp_path, "-o", output)
    for kind in ("organic", "payload", "extraction"):
        left = [source for source in made_up_pool() if source.kind != kind]
        monkeypatch.setattr("capscope.data.simulation.compose.load_pool", lambda _, p=left: p)
        assert f"no {kind} source" in fails("simulate", "--pool", tmp_path, "-o", output)
    assert not output.exists()


@pytest.mark.usefixtures("with_pool")
def test_the_command_writes_the_same_bytes(run: Callable[..., Result], tmp_path: Path) -> None:
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for file in files:
        options = ("--sessions", 900, "--mix", "relay")
        result = run("simulate", "--pool", tmp_path, "-o", file, *options)
        assert result.exit_code == 0, result.output
        assert result.stderr == f"900 sessions in {file}\n"
    assert files[0].read_bytes() == files[1].read_bytes()
    assert pq.read_table(files[0])["label"].null_count == 0


@pytest.mark.skipif(not POOL.exists(), reason="the pool is not here")
def test_the_real_pool_composes_every_kind(run: Callable[..., Result], tmp_path: Path) -> None:
    output = tmp_path / "t.parquet"
    result = run("simulate", "--pool", POOL, "-o", output, "--sessions", 300)
    assert result.exit_code == 0, result.output
    assert {*ORGANIC_KINDS, *EXTRACTION_KINDS} == set(pq.read_table(output)["kind"].to_pylist())
