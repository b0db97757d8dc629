"""Campaigns: planted ones found, products and relays not called that, chance held to its rate."""

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Rows, records, write_rows
from typer.testing import Result

from capscope.classify import load_model
from capscope.classify.campaigns import Corpus, Judge, find_campaigns
from capscope.data import read_traffic
from capscope.data.recipes import applications, grids, suffixes, wrappers
from capscope.index import add

Run = Callable[..., Result]
START = datetime(2026, 1, 1, tzinfo=UTC)
LAUNCH = START + timedelta(days=9)
FIELDS = (
    "campaign_id kind experimental label score threshold accounts prompts areas pivot evidence"
).split()
HOSTILE = "\x1b[31m[bold]\u202e{} \x00 {0} %s"


def row(account: str, prompt: str, day: float, model: str = "m-1", **more: str) -> dict[str, Any]:
    time = (START + timedelta(days=day)).isoformat()
    return {"account_id": account, "timestamp": time, "model": model, "prompt": prompt, **more}


def planted(accounts: int, each: int, rng: np.random.Generator) -> Rows:
    """One operator's accounts: grids in two wrappers, dealt out; half move at the launch."""
    chosen = [w for w in wrappers() if w.style == "chain_of_thought" and w.language == "en"][:2]
    areas = ("reasoning", "chain_of_thought")
    tasks = [text for grid in grids() if grid.area in areas for text in grid.prompts()]
    work = [wrapper.template.format(task=task) for task in tasks for wrapper in chosen]
    cards = iter(rng.permutation(len(work)))
    rows = []
    for number in range(accounts):
        days = [*rng.uniform(0, 9, each // 2), *rng.uniform(9.5, 10, each - each // 2)]
        for day in days:
            model = "m-2" if day > 9 and number < 8 else "m-1"
            rows.append(row(f"camp-{number}", work[next(cards)], day, model))
    return rows


def identifiers(name: str) -> dict[str, str]:
    return {"organisation": name, "network": f"{name}.example", "payment": f"card of {name}"}


def customers(accounts: int, each: int, texts: list[str], rng: np.random.Generator) -> Rows:
    """Accounts of one product: its template on payloads of their own."""
    template = next(app.template for app in applications() if app.name == "ticket_triage")
    shared = {"system": "Triage v2", **identifiers("shop")}
    return [
        row(f"shop-{number}", template.format(payload=rng.choice(texts)), day, **shared)
        for number in range(accounts)
        for day in rng.uniform(0, 14, each)
    ]


def relayed(accounts: int, each: int, texts: list[str], rng: np.random.Generator) -> Rows:
    """Accounts that add one suffix to other people's prompts."""
    suffix = suffixes()[0].text
    return [
        row(f"relay-{number}", f"{rng.choice(texts)}\n\n{suffix}", day)
        for number in range(accounts)
        for day in rng.uniform(0, 14, each)
    ]


@pytest.fixture(scope="module")
def crowd(sample_rows: Rows) -> Rows:
    """A campaign, a product and a relay among the sample's organic accounts."""
    rng = np.random.default_rng(0)
    organic = [r for r in sample_rows if r["label"] == "organic"]
    people = [
        row(r["session_id"], r["prompt"], rng.uniform(0, 14), **identifiers(r["session_id"]))
        for r in organic
    ]
    short = sorted({r["prompt"] for r in organic if 20 < len(r["prompt"]) < 150})
    return [
        *people,
        *planted(16, 12, rng),
        *customers(12, 10, short, rng),
        *relayed(12, 8, short, rng),
    ]


@pytest.fixture(scope="module")
def crowd_file(crowd: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("campaigns") / "crowd.jsonl"
    write_rows(path, crowd)
    return path


@pytest.fixture(scope="module")
def found(crowd_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    from capscope.classify.campaigns import campaign_files

    path = tmp_path_factory.mktemp("campaigns") / "found.jsonl"
    campaign_files([str(crowd_file)], path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def groups_of(rows: Rows, encoder: Any) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder) / "rows.jsonl", rows)
        traffic = read_traffic([folder])
    found = find_campaigns(Corpus.of_traffic(traffic, encoder), Judge(load_model(), encoder))
    return [one.record() for one in found]


def members(group: dict[str, Any]) -> set[str]:
    return {member["account_id"] for member in group["accounts"]}


def of(name: str, number: int) -> set[str]:
    return {f"{name}-{i}" for i in range(number)}


def test_a_planted_campaign_is_one_group_and_nobody_else_is_in_a_campaign(found: Rows) -> None:
    campaigns = [group for group in found if group["label"] == "extraction"]
    assert [members(group) for group in campaigns] == [of("camp", 16)]
    assert campaigns[0]["kind"] == "campaign"
    assert campaigns[0]["prompts"] == 192
    assert next(iter(campaigns[0]["areas"])) in ("reasoning", "chain_of_thought")


def test_customers_of_a_product_are_no_campaign(encoder: Any) -> None:
    """Nothing but the product ties accounts here; most of its customers are the group."""
    rng = np.random.default_rng(1)
    others = [
        row(f"other-{i}", f"Tell me what {i} and {i + 1} make", i % 14, **identifiers(f"o{i}"))
        for i in range(600)
    ]
    texts = [f"My card was charged {i} euros twice, please refund" for i in range(40)]
    found = groups_of([*others, *customers(12, 10, texts, rng)], encoder)
    (group,) = (group for group in found if members(group) & of("shop", 12))
    assert members(group) <= of("shop", 12)
    assert len(members(group)) >= 8
    assert (group["kind"], group["label"]) == ("shared_use", "organic")
    kinds = {thing["kind"]: thing["what"] for thing in group["evidence"]["shared"]}
    assert (kinds["organisation"], kinds["payment"]) == ("shop", "card of shop")


def test_a_relay_is_its_own_kind_and_no_extraction(found: Rows) -> None:
    (group,) = (group for group in found if members(group) & of("relay", 12))
    assert members(group) == of("relay", 12)
    assert (group["kind"], group["experimental"], group["label"]) == ("relay", True, "organic")
    assert group["evidence"]["injected"] == suffixes()[0].text
    assert group["evidence"]["at_end"]


def test_a_record_has_the_fields_and_a_reason_for_each_account(found: Rows) -> None:
    for group in found:
        assert list(group) == FIELDS
        assert group["experimental"] == (group["kind"] == "relay")
        sure = [member["certainty"] for member in group["accounts"]]
        assert sure == sorted(sure, reverse=True)
        assert 0 <= sure[-1] <= sure[0] <= 1
        assert sum(member["prompts"] for member in group["accounts"]) == group["prompts"]
        for member in group["accounts"]:
            for reason in member["reasons"]:
                assert 0 < reason["accounts"] <= reason["of_all"]
    assert all(member["reasons"] for group in found[:1] for member in group["accounts"])


def test_the_pivot_is_found_and_its_launch(found: Rows) -> None:
    pivot = found[0]["pivot"]
    assert (pivot["model"], pivot["launch_found"]) == ("m-2", True)
    assert pivot["moved"] >= 7
    assert pivot["p_value"] < 1e-3
    assert datetime.fromisoformat(pivot["launch"]) > LAUNCH


def test_a_told_launch_is_used(crowd_file: Path, run: Run, tmp_path: Path) -> None:
    told = f"m-2={LAUNCH.isoformat()}"
    (first, *_) = records(run("campaigns", crowd_file, "--launch", told))
    assert first["pivot"]["launch"] == "2026-01-10T00:00:00Z"
    assert not first["pivot"]["launch_found"]
    assert (first["pivot"]["share"], first["pivot"]["active"]) == (0.5, 16)


def test_rows_in_another_order_give_the_same_records(
    crowd: Rows, found: Rows, run: Run, tmp_path: Path
) -> None:
    order = np.random.default_rng(1).permutation(len(crowd))
    write_rows(tmp_path / "again.jsonl", [crowd[i] for i in order])
    again = records(run("campaigns", tmp_path / "again.jsonl"))
    assert again == found


def test_an_index_gives_the_same_groups(
    crowd_file: Path, found: Rows, run: Run, tmp_path: Path, encoder: Any
) -> None:
    few = tmp_path / "few.jsonl"
    lines = crowd_file.read_text(encoding="utf-8").splitlines(keepends=True)
    few.write_text("".join(line for line in lines if "camp-" in line), encoding="utf-8")
    add(tmp_path / "index", read_traffic([str(few)]), encoder)
    from_index = records(run("campaigns", "--index", tmp_path / "index"))
    assert from_index == records(run("campaigns", few))


def test_hostile_text_is_harmless(run: Run, tmp_path: Path) -> None:
    rows = [
        row(f"{HOSTILE}{number}", f"{HOSTILE} one two three four five six {turn}", turn, HOSTILE)
        for number in range(6)
        for turn in range(6)
    ]
    write_rows(tmp_path / "hostile.jsonl", rows)
    result = run("campaigns", tmp_path / "hostile.jsonl")
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output


@pytest.mark.parametrize("launch", ["m-2", "m-2=soon", "=2026-01-01", "other=2026-01-01"])
def test_a_bad_launch_is_the_users_mistake(
    launch: str, few_file: Path, fails: Callable[..., str]
) -> None:
    assert "launch" in fails("campaigns", few_file, "--launch", launch)


def test_inputs_or_an_index_but_not_both(
    few_file: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    assert "neither" in fails("campaigns")
    assert "both" in fails("campaigns", few_file, "--index", tmp_path)


def test_traffic_without_accounts_is_the_users_mistake(
    fails: Callable[..., str], tmp_path: Path
) -> None:
    write_rows(tmp_path / "none.jsonl", [{"session_id": "s", "prompt": "hello"}])
    found = fails("campaigns", tmp_path / "none.jsonl")
    assert "account_id" in found
