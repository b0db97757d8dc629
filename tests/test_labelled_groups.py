"""`label --campaigns`: records carry their group and gain from its verdict."""

from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Rows, records, write_rows
from test_campaigns import of, planted, row
from typer.testing import Result

from capscope.classify import load_model
from capscope.classify.campaigns import Campaign, prior_of, with_campaigns

Run = Callable[..., Result]
THRESHOLD = 0.9


def record(account: str | None, score: float | None) -> dict[str, Any]:
    label = "insufficient_evidence" if score is None else "organic"
    if score is not None and score > THRESHOLD:
        label = "extraction"
    return {
        "session_id": "s",
        "account_id": account,
        "label": label,
        "score": score,
        "threshold": THRESHOLD,
        "evidence": {"template": None},
    }


def group(score: float | None, certainty: float = 1.0, kind: str | None = None) -> Campaign:
    label = "extraction" if (score or 0) > THRESHOLD else "organic"
    label = "insufficient_evidence" if score is None else label
    kind = kind or ("campaign" if label == "extraction" else "shared_use")
    member = {"account_id": "a", "certainty": certainty, "prompts": 9, "reasons": [{"what": "x"}]}
    return Campaign("c-1", kind, label, score, THRESHOLD, [member], 9, {}, None, {}, ())


def one(before: dict[str, Any], campaign: Campaign, prior: float = 0.5) -> dict[str, Any]:
    (after,) = with_campaigns([before], [campaign], prior)
    return after


def logit(chance: float) -> float:
    return log(chance / (1 - chance))


def test_a_session_of_no_group_is_as_it_was() -> None:
    for account in ("b", None):
        before = record(account, 0.4)
        assert one(before, group(0.95)) == before | {"campaign_id": None}


def test_log_odds_move_by_what_the_group_says() -> None:
    after = one(record("a", 0.6), group(0.95, certainty=0.8), prior=0.3)
    expected = 0.8 * 0.95 + 0.2 * 0.3
    assert logit(after["score"]) == pytest.approx(
        logit(0.6) + logit(expected) - logit(0.3), abs=1e-4
    )
    assert (after["label"], after["campaign_id"]) == ("extraction", "c-1")
    told = after["evidence"]["campaign"]
    assert (told["score_alone"], told["label_alone"]) == (0.6, "organic")
    assert (told["certainty"], told["reasons"]) == (0.8, [{"what": "x"}])


def test_a_group_moves_nothing_for_an_account_that_may_not_be_of_it() -> None:
    assert one(record("a", 0.6), group(0.99, certainty=0.0))["score"] == 0.6


def test_an_ordinary_session_of_a_campaigns_account_stays_organic() -> None:
    assert one(record("a", 0.001), group(0.999))["label"] == "organic"


def test_an_organic_group_speaks_for_its_sessions() -> None:
    after = one(record("a", 0.95), group(0.05))
    assert after["label"] == "organic"
    assert after["score"] < 0.95


def test_no_group_is_surer_than_it_may_be() -> None:
    after = one(record("a", 0.5), group(1.0))
    assert after["score"] == pytest.approx(0.99)


def test_a_session_too_short_to_judge_is_judged_by_a_campaign_alone() -> None:
    assert one(record("a", None), group(0.97))["score"] == pytest.approx(0.97)
    assert one(record("a", None), group(0.97))["label"] == "extraction"
    for campaign in (group(0.2), group(None), group(0.97, kind="relay")):
        after = one(record("a", None), campaign)
        assert (after["label"], after["score"]) == ("insufficient_evidence", None)
        assert after["campaign_id"] == "c-1"


def test_a_relay_moves_nothing() -> None:
    after = one(record("a", 0.7), group(0.02, kind="relay"))
    assert (after["score"], after["campaign_id"]) == (0.7, "c-1")


def test_the_prior_is_the_share_of_extraction_that_was_learned_from() -> None:
    model = load_model()
    assert prior_of(model) == model.short.scores.extraction.mean()


def campaign_of(found: Rows) -> str:
    """The group of most of the planted accounts' sessions."""
    own = [one["campaign_id"] for one in found if one["account_id"].startswith("camp-")]
    return str(max(set(own) - {None}, key=own.count))


def test_records_carry_their_groups(sample_rows: Rows, run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    organic = [r for r in sample_rows if r["label"] == "organic"]
    rows = [row(r["session_id"], r["prompt"], rng.uniform(0, 14)) for r in organic]
    write_rows(tmp_path / "t.jsonl", [*rows, *planted(16, 12, np.random.default_rng(0))])
    alone = records(run("label", tmp_path / "t.jsonl"))
    assert "campaign_id" not in alone[0]
    result = run("label", tmp_path / "t.jsonl", "--campaigns")
    found = records(result)
    assert [one["session_id"] for one in found] == [one["session_id"] for one in alone]
    inside = [one for one in found if one["campaign_id"] == campaign_of(found)]
    assert {one["account_id"] for one in inside} <= of("camp", 16)
    assert len({one["account_id"] for one in inside}) >= 14
    sessions = {one["session_id"] for one in inside}
    before = [one["label"] for one in alone if one["session_id"] in sessions]
    assert {one["label"] for one in inside} == {"extraction"} != set(before)
    assert "a campaign of 1" in result.stderr
    by_account = records(run("label", tmp_path / "t.jsonl", "--by", "account", "--campaigns"))
    assert {one["campaign_id"] for one in by_account} == {one["campaign_id"] for one in found}
