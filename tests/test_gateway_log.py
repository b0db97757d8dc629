"""A log as gateways write it, with planted campaigns, a firm, a class and people beside them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Rows, write_rows
from gateway import TEMPLATES, rows

from capscope.classify import load_model
from capscope.classify.campaigns import Corpus, Judge, find_campaigns
from capscope.data import read_traffic
from capscope.embed import SentenceEncoder


@pytest.fixture(scope="module")
def log(sample_rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    people: dict[str, list[str]] = {}
    for row in sample_rows:
        if row["label"] == "organic":
            people.setdefault(row["session_id"], []).append(row["prompt"])
    path = tmp_path_factory.mktemp("gateway") / "log.jsonl"
    write_rows(path, rows(list(people.values()), np.random.default_rng(0)))
    return path


@pytest.fixture(scope="module")
def found(log: Path, encoder: SentenceEncoder) -> Rows:
    traffic = read_traffic([str(log)])
    groups = find_campaigns(Corpus.of_traffic(traffic, encoder), Judge(load_model(), encoder))
    return [group.record() for group in groups]


def test_a_gateways_fields_are_read(log: Path) -> None:
    table = read_traffic([str(log)]).table
    assert set(table["network"].to_pylist()) > {"AS16509", "AS64512", "AS786"}
    assert set(table["client"].to_pylist()) > {"aiohttp/3.9.1", "curl/8.5"}
    assert set(table["campaign"].to_pylist()) == {None, *TEMPLATES}
    assert "You write for the helpdesk of a garden centre." in table["system"].to_pylist()


def accounts_of(group: dict[str, Any]) -> set[str]:
    return {member["account_id"] for member in group["accounts"]}


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_planted_campaign_is_one_group_and_nobody_else_is_in_it(
    name: str, found: Rows
) -> None:
    (group,) = (g for g in found if any(a.startswith(name) for a in accounts_of(g)))
    assert accounts_of(group) <= {f"{name}-{number}" for number in range(20)}
    assert len(accounts_of(group)) >= 19


def test_campaigns_score_highest_of_all_groups(found: Rows) -> None:
    """Not each is above the threshold: these texts are none that the model has seen."""
    ranked = sorted(found, key=lambda group: -(group["score"] or 0))
    names = [next(iter(accounts_of(group))).split("-")[0] for group in ranked[: len(TEMPLATES)]]
    assert set(names) == set(TEMPLATES)
    assert ranked[0]["label"] == "extraction"
    assert ranked[len(TEMPLATES)]["score"] < 0.5


def test_nobody_else_is_in_a_campaign(found: Rows) -> None:
    called = [group for group in found if group["label"] == "extraction"]
    inside = [member["account_id"] for group in called for member in group["accounts"]]
    assert all(account.startswith("campaign_") for account in inside)
    firm = [group for group in found if group["accounts"][0]["account_id"].startswith("firm")]
    assert firm, "the hard negative is a group"
