"""A log as gateways write it, with planted campaigns, a firm, a class and people beside them."""

from pathlib import Path

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


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_planted_campaign_is_one_group(name: str, found: Rows) -> None:
    accounts = [{member["account_id"] for member in group["accounts"]} for group in found]
    held = [sum(account.startswith(name) for account in group) for group in accounts]
    best = int(np.argmax(held))
    assert held[best] >= 19
    assert len(accounts[best]) == held[best]
    assert found[best]["label"] == "extraction"


def test_nobody_else_is_in_a_campaign(found: Rows) -> None:
    called = [group for group in found if group["label"] == "extraction"]
    inside = [member["account_id"] for group in called for member in group["accounts"]]
    assert all(account.startswith("campaign_") for account in inside)
    firm = [group for group in found if group["accounts"][0]["account_id"].startswith("firm")]
    assert firm, "the hard negative is a group"
