"""The pages in a real browser: each of them, and one whole story from a search to a new model."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import MISSING, chromium, go, looking, pictures, serving
from conftest import ROOT, Rows, write_rows
from playwright.sync_api import Browser, Page, expect

from capscope.classify import judge_index, load_model, model_folder
from capscope.data import read_traffic, seal
from capscope.embed import SentenceEncoder
from capscope.index import add, open_index
from capscope.web import Source

pytestmark = pytest.mark.browser

CONTRAST = (ROOT / "tests" / "contrast.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(own_index: Callable[[], Path]) -> Iterator[str]:
    with serving(Source(own_index())) as base:
        yield base


def test_the_overview_shows_volume_areas_and_what_waits(page: Page) -> None:
    go(page, "/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert page.locator(".volume rect").count() > 20
    assert page.locator(".areas tbody tr").count() >= 10
    assert page.locator(".queue > li").count() == 6
    page.get_by_text("The numbers").click()
    expect(page.get_by_role("region", name="Prompts in numbers")).to_be_visible()
    flagged = page.locator(".figures .extraction a")
    count = flagged.inner_text()
    flagged.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Sessions {count}")


def test_search_answers_to_enter_and_narrows(page: Page) -> None:
    page.goto("/search")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    box.fill("compose one fresh problem and solve it")
    box.press("Enter")
    expect(page.locator(".hits > li")).to_have_count(20)
    page.get_by_label("Verdict").select_option("extraction")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".hits .verdict.extraction")).to_have_count(20)
    expect(box).to_have_value("compose one fresh problem and solve it")
    first = page.locator(".hits .prompt").first.inner_text()
    page.get_by_role("link", name="Next").click()
    assert page.locator(".hits .prompt").first.inner_text() != first
    page.locator(".hits a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Session")


def test_a_session_shows_why(page: Page) -> None:
    page.goto("/sessions?verdict=extraction")
    page.locator(".rows tbody a").first.click()
    expect(page.locator(".figures .verdict")).to_have_text("extraction")
    assert page.locator(".measures tbody tr").count() == 5
    drawn = page.locator(".strip .at").first.bounding_box()
    assert drawn is not None
    assert drawn["width"] > 0
    assert page.locator(".prompts mark").count() > 5
    assert page.get_by_text("later").count() > 5
    page.locator("section", has_text="Similar sessions").last.locator(".rows a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Session")


def test_the_queue_leads_from_one_decision_to_the_next(
    browser: Browser, own_index: Callable[[], Path]
) -> None:
    folder = own_index()
    with serving(Source(folder)) as base, looking(browser, base) as page:
        page.goto("/review")
        total = page.locator("h1 .count").inner_text()
        first = page.locator(".rows tbody a").first.inner_text()
        page.get_by_role("link", name="Begin with the first").click()
        expect(page.locator("h1 .id")).to_have_text(first)
        page.get_by_label("disagree", exact=True).check()
        page.get_by_label("Note").fill("<b>not</b> a sweep")
        page.get_by_label("Reviewer").fill("Ada")
        page.get_by_role("button", name="Save, next session").click()
        expect(page.locator("h1 .id")).not_to_have_text(first)
        expect(page.get_by_label("Reviewer")).to_have_value("Ada")
        page.get_by_label("unsure").check()
        page.get_by_role("button", name="Save, next session").click()
        page.goto("/review")
        expect(page.locator("h1 .count")).to_have_text(str(int(total) - 2))
        expect(page.get_by_role("cell", name="<b>not</b> a sweep")).to_be_visible()
    lines = (folder / "reviews" / "reviews.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["decision"] for line in lines] == ["disagree", "unsure"]


def test_the_api_is_described_without_another_host(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="API").click()
    expect(page.get_by_role("heading", name="GET /api/search")).to_be_visible()
    expect(page.get_by_role("row", name="q query").first).to_be_visible()


def test_the_keyboard_reaches_everything(page: Page) -> None:
    page.goto("/sessions")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_attribute("id", "main")
    for _ in range(60):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        if page.evaluate("document.activeElement.closest('.rows') !== null"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("h1 .id")).to_be_visible()


def test_hostile_prompts_do_nothing(
    browser: Browser, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    bad = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    bad += " {{7*7}} \u202egnol\x1b[2J"
    rows: Rows = [
        {"prompt": f"{bad} {n}", "session_id": bad, "account_id": bad, "model": bad}
        for n in range(6)
    ]
    write_rows(tmp_path / "t.jsonl", rows)
    folder = tmp_path / "index"
    add(folder, read_traffic([str(tmp_path / "t.jsonl")]), encoder)
    judge_index(folder, open_index(folder), encoder, load_model(), seal(model_folder(None)))
    with serving(Source(folder)) as base, looking(browser, base) as page:
        for path in ("/", "/search?q=script", "/sessions"):
            page.goto(path)
            assert "owned" not in page.title()
        page.locator(".rows tbody a").first.click()
        assert "owned" not in page.title()
        shown = page.locator(".prompts .prompt").first.inner_text()
        assert "<script>document.title='owned'</script>" in shown
        assert "{{7*7}}" in shown
        assert "U+202E" in shown
        assert page.locator("img").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_has_contrast_and_fits_a_phone(browser: Browser, site: str, dark: bool) -> None:
    """WCAG AA: 4.5 to 1 for text, measured as drawn; nothing is wider than the screen."""
    with looking(browser, site, dark=dark, phone=True) as page:
        key = page.request.get("/api/sessions?verdict=extraction").json()["sessions"][0]["key"]
        for path in ("/", "/search?q=poem", "/sessions", f"/sessions/{key}", "/review", "/api/"):
            go(page, path)
            low = page.evaluate(CONTRAST)
            assert low == [], path
            assert page.evaluate(
                "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            ), path


def test_a_low_contrast_would_be_seen(page: Page) -> None:
    page.goto("/login")
    page.evaluate("document.querySelector('.lead').style.color = '#999'")
    assert len(page.evaluate(CONTRAST)) == 1


def test_pictures_of_the_pages(browser: Browser, site: str, tmp_path: Path) -> None:
    """`make pictures` keeps them for the README."""
    with looking(browser, site) as page:
        key = page.request.get("/api/sessions?verdict=extraction").json()["sessions"][3]["key"]
    asked = "/search?q=compose one fresh problem, solve it, say what makes it harder"
    paths = {"overview": "/", "search": asked, "session": f"/sessions/{key}"}
    for name, path in paths.items():
        with looking(browser, site, dark=name == "session") as page:
            go(page, path)
            while page.locator("#work").is_visible():
                page.wait_for_timeout(200)
            file = pictures(tmp_path) / f"{name}.png"
            page.screenshot(path=file)
            assert 10_000 < file.stat().st_size < 250_000


def test_a_machine_without_chromium_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.delenv("CAPSCOPE_CHROMIUM", raising=False)
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"), chromium():
        pass
    assert "CAPSCOPE_CHROMIUM" in MISSING
