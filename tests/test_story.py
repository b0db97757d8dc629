"""An analyst's whole way in a real browser: search, session, evidence, campaign, label, retrain."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import chromium, looking, serving
from conftest import Rows, read_rows, write_rows
from playwright.sync_api import expect
from test_campaigns import planted, row
from typer.testing import Result

from capscope.data import read_traffic
from capscope.embed import SentenceEncoder
from capscope.index import add, open_index
from capscope.web import Source
from capscope.web.tasks import TASKS
from capscope.web.work import Worker

pytestmark = pytest.mark.browser


@pytest.fixture
def rows(sample_rows: Rows) -> Rows:
    """A campaign of 24 accounts among people."""
    rng = np.random.default_rng(0)
    organic = [r for r in sample_rows if r["label"] == "organic"][:1000]
    people = [
        row(r["account_id"], r["prompt"], rng.uniform(0, 14), session_id=r["session_id"])
        for r in organic
    ]
    campaign = planted(24, 12, rng)
    return people + [{**one, "session_id": f"of {one['account_id']}"} for one in campaign]


@pytest.fixture
def folder(rows: Rows, encoder: SentenceEncoder, tmp_path: Path) -> Iterator[Path]:
    """Their index, and beside it what the tasks of a server keep."""
    write_rows(tmp_path / "traffic.jsonl", rows)
    folder = tmp_path / "index"
    add(folder, read_traffic([str(tmp_path / "traffic.jsonl")]), encoder)
    for name in ("verdicts", "groups"):
        TASKS[name](Source(folder), open_index(folder), encoder, lambda done, total: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "see", lambda self, state: None)
        yield folder


def test_from_a_prompt_to_a_new_model(
    rows: Rows, folder: Path, run: Callable[..., Result], tmp_path: Path
) -> None:
    searched = next(one["prompt"] for one in rows if one["account_id"] == "camp-3")
    campaign = {f"of camp-{number}" for number in range(24)}
    with (
        chromium() as browser,
        serving(Source(folder)) as base,
        looking(browser, base) as page,
    ):
        page.goto("/")
        page.get_by_role("link", name="Search").click()
        page.get_by_role("searchbox").fill(searched)
        page.get_by_role("searchbox").press("Enter")
        page.locator(".hits a").first.click()
        session = page.locator("h1 .id").inner_text()
        opened = page.url
        assert session in campaign
        expect(page.locator(".measures tbody tr")).to_have_count(5)
        page.locator(".figures").get_by_role("link", name=session.removeprefix("of ")).click()
        page.locator(".figures a[href^='/campaigns/']").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Group")
        expect(page.locator(".figures")).to_contain_text("campaign")
        expect(page.locator("main")).to_contain_text(session.removeprefix("of "))
        page.goto(opened)
        verdict = page.locator(".figures .verdict").inner_text()
        right = "agree" if verdict == "extraction" else "disagree"
        page.get_by_label(right, exact=True).check()
        page.get_by_label("Note").fill("one of 24 accounts that share their wrappers")
        page.get_by_label("Reviewer").fill("Ada")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#reviews")).to_contain_text("share their wrappers")
        asked = "/api/sessions?order=newest&size=500"
        for one in page.request.get(asked).json()["sessions"]:
            truth = "extraction" if one["session_id"] in campaign else "organic"
            decision = "agree" if one["verdict"] == truth else "disagree"
            if one["score"] is not None and one["session_id"] != session:
                body = {"session": one["key"], "decision": decision, "reviewer": "Ada"}
                assert page.request.post("/api/reviews", data=body).status == 201
        page.get_by_role("link", name="Review", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("link", name="Export the labels").click()
        download.value.save_as(tmp_path / "labels.jsonl")
    labels = {one["session_id"]: one["label"] for one in read_rows(tmp_path / "labels.jsonl")}
    assert {name for name, label in labels.items() if label == "extraction"} == campaign
    files = tmp_path / "traffic.jsonl", "--labels", tmp_path / "labels.jsonl"
    trained = run("train", *files, "-o", tmp_path / "model")
    assert trained.exit_code == 0, trained.output
    model = "--model", tmp_path / "model", "--max-fpr", 0.2
    again = run("label", tmp_path / "traffic.jsonl", *model, "-o", tmp_path / "again.jsonl")
    assert again.exit_code == 0, again.output
    found = {
        r["session_id"] for r in read_rows(tmp_path / "again.jsonl") if r["label"] == "extraction"
    }
    assert len(found & campaign) >= 20
