"""Accounts, groups, the map and the report: over one index, by the API, in a browser, as a file."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import go, looking, pictures, serving
from conftest import ROOT, Rows, write_rows
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect
from test_campaigns import planted, row
from typer.testing import Result

from capscope.data import read_traffic
from capscope.embed import SentenceEncoder
from capscope.index import add, open_index, positions
from capscope.web import Source
from capscope.web import state as states
from capscope.web.app import create_app
from capscope.web.mapped import Shown
from capscope.web.tasks import TASKS
from capscope.web.view import LABELLED
from capscope.web.work import Worker

BASE = "http://127.0.0.1:8321"
CONTRAST = (ROOT / "tests" / "contrast.js").read_text(encoding="utf-8")
HOSTILE = (
    "{{7*7}}<script>alert(1)</script><img src=x onerror=alert(2)></title></svg></style> {% if %} "
    "${7*7} \x1b[31mred\x9b2J \u202egnihton\u2066 \u200bhidden ' \" --> ]]>"
)
SECRET = "ada.lovelace@example.org"
"""Stands in prompts and in an account's id."""
LAUNCH = "m-2"
STEERING = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]"


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """What the tasks keep is made once, here; servers find it and need no worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "LOOKED", 0.05)
        patch.setattr(Worker, "see", lambda self, state: None)
        patch.setattr(positions, "MAPPED", 200)
        yield


@pytest.fixture(scope="module")
def rows(sample_rows: Rows) -> Rows:
    """A campaign, and four accounts with hostile names that share a hostile text, among others."""
    rng = np.random.default_rng(0)
    organic = [r for r in sample_rows if r["label"] == "organic"][:1500]
    people = [row(r["session_id"], r["prompt"], rng.uniform(0, 14)) for r in organic]
    strange = [
        row(f"{HOSTILE} {n} {SECRET}", f"{HOSTILE} sort {word} for {SECRET}", rng.uniform(0, 14))
        for n in range(4)
        for word in ("apples", "pears", "plums", "figs", "dates", "limes")
    ]
    every = [*people, *planted(16, 12, rng), *strange]
    return [{**one, "session_id": f"of {one['account_id']}"} for one in every]


@pytest.fixture(scope="module")
def index(
    quick: None, rows: Rows, encoder: SentenceEncoder, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("looks")
    write_rows(folder / "t.jsonl", rows)
    add(folder / "index", read_traffic([str(folder / "t.jsonl")]), encoder)
    opened, source = open_index(folder / "index"), Source(folder / "index")
    for task in TASKS.values():
        task(source, opened, encoder, lambda done, total: None)
    return folder / "index"


@pytest.fixture(scope="module")
def client(index: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Source(index)), BASE) as client:
        while not client.get("/api/overview").json()["areas"]:
            pass
        yield client


@pytest.fixture(scope="module")
def campaign(client: TestClient) -> dict[str, Any]:
    (found,) = get(client, "/api/campaigns", kind="campaign")["groups"]
    return dict(found)


@pytest.fixture(scope="module")
def strange(client: TestClient) -> dict[str, Any]:
    """The group of the hostile accounts."""
    groups = get(client, "/api/campaigns")["groups"]
    (found,) = [one for one in groups if any("<script>" in what for what in one["shared"])]
    return dict(found)


def get(client: TestClient, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_planted_campaign_is_told_with_its_links_hours_and_turn(
    client: TestClient, campaign: dict[str, Any], rows: Rows
) -> None:
    assert (campaign["accounts"], campaign["prompts"], campaign["label"]) == (16, 192, "extraction")
    told = get(client, f"/api/campaigns/{campaign['campaign_id']}", size=5, page=2)
    assert len(told["record"]["accounts"]) == 5
    portrait = told["portrait"]
    assert sum(portrait["group_hours"]) == 192
    assert sum(portrait["group_hours"]) + sum(portrait["rest_hours"]) == len(rows)
    assert portrait["turn"]["model"] == LAUNCH
    assert client.get("/api/campaigns/c-0123456789ab").status_code == 404
    assert client.get("/api/campaigns/else").status_code == 422


def test_accounts_are_ordered_and_tied_to_their_group(
    client: TestClient, campaign: dict[str, Any]
) -> None:
    for order in ("score", "certainty", "depth", "prompts", "newest"):
        told = get(client, "/api/accounts", order=order, size=500)
        name = {"newest": "last"}.get(order, order)
        values = [one[name] for one in told["accounts"]]
        known = [value for value in values if value is not None]
        assert values == sorted(known, reverse=True) + [None] * (len(values) - len(known))
        assert len(values) == told["total"]
    members = [one for one in told["accounts"] if one["group"] == campaign["campaign_id"]]
    assert {one["account_id"] for one in members} == {f"camp-{n}" for n in range(16)}
    first = get(client, "/api/accounts", order="score", size=1)["accounts"][0]
    assert first["account_id"].startswith("camp-")
    told = get(client, f"/api/accounts/{first['key']}")
    assert sum(told["hours"]) == told["coverage"]["prompts"] == first["prompts"] == 12
    assert client.get("/api/accounts/0123456789abcdef").status_code == 404


def read(content: bytes) -> Shown:
    """Take the bytes of a map apart, as its script does."""
    n = len(content) // 18
    assert len(content) == 18 * n
    return Shown(
        np.frombuffer(content, "<f4", 2 * n).reshape(-1, 2),
        np.frombuffer(content, "<f4", n, 8 * n),
        np.frombuffer(content, "<u4", n, 12 * n),
        np.frombuffer(content, "u1", n, 16 * n),
        np.frombuffer(content, "u1", n, 17 * n),
    )


def test_the_map_has_a_point_for_each_prompt_with_its_verdict_and_time(
    client: TestClient, index: Path, rows: Rows
) -> None:
    answer = client.get("/api/map/points")
    assert answer.headers["content-type"] == "application/octet-stream"
    shown, opened = read(answer.content), open_index(index)
    texts = opened.prompts.to_pylist()
    assert sorted(shown.number.tolist()) == list(range(len(texts)))
    assert shown.number.tolist() != sorted(shown.number.tolist())
    camp = {one["prompt"] for one in rows if one["account_id"].startswith("camp-")}
    flagged = [LABELLED[verdict] == "extraction" for verdict in shown.verdict]
    of_camp = [texts[number] in camp for number in shown.number]
    assert np.mean(np.array(flagged)[of_camp]) > 0.8
    assert np.mean(np.array(flagged)[~np.array(of_camp)]) < 0.1
    number = int(shown.number[0])
    told = get(client, f"/api/map/prompts/{number}")
    assert told["prompt"].rstrip("…") in " ".join(texts[number].split())
    assert client.get(f"/api/map/prompts/{len(texts)}").status_code == 404


def test_a_line_on_the_map_names_the_sessions_inside(client: TestClient, index: Path) -> None:
    shown = read(client.get("/api/map/points").content)
    low, high = shown.places.min(axis=0) - 1, shown.places.max(axis=0) + 1
    whole = [low[0], low[1], high[0], low[1], high[0], high[1], low[0], high[1]]
    told = get(client, "/api/map/sessions", lasso=",".join(map(str, whole)), size=500)
    assert told["prompts"] == len(shown.number)
    assert sum(one["inside"] for one in told["sessions"]) == open_index(index).rows.num_rows
    x, y = shown.places[0].tolist()
    near = [x - 1e-3, y - 1e-3, x + 1e-3, y - 1e-3, x, y + 1e-3]
    few = get(client, "/api/map/sessions", lasso=",".join(map(str, near)))
    assert 1 <= few["prompts"] < 20
    key = get(client, f"/api/map/prompts/{shown.number[0]}")["key"]
    assert key in {one["key"] for one in few["sessions"]}
    for bad in ("1,2,3,4", "a,b,c,d,e,f", "nan,1,2,3,4,5"):
        assert client.get("/api/map/sessions", params={"lasso": bad}).status_code == 422


def test_a_map_of_prompts_that_are_gone_is_not_shown(client: TestClient, index: Path) -> None:
    state = client.app.state.held  # type: ignore[attr-defined]
    view = state.view
    assert state.beside.mapped(view) is not None

    gone = open_index(index)
    gone.__dict__["prompts"] = gone.prompts[1:]
    assert state.beside.mapped(replace(view, commit="another", index=gone)) is None


def test_what_is_up_to_date_is_not_made_again(
    index: Path, encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr("capscope.classify.campaigns.current.find_campaigns", fail)
    monkeypatch.setattr("capscope.web.tasks.cluster_index", fail)
    for task in TASKS.values():
        task(Source(index), open_index(index), encoder, lambda done, total: None)


class Tags(HTMLParser):
    """The tags of a page and what stands in them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def check_hostile_text(html: str) -> None:
    """Nothing of the hostile text became markup, template output, or steers a reader."""
    parser = Tags()
    parser.feed(html)
    scripts = [attrs.get("src") for tag, attrs in parser.tags if tag == "script"]
    assert all(src is not None and src.startswith("/static/") for src in scripts)
    assert "img" not in {tag for tag, _ in parser.tags}
    assert not [name for _, attrs in parser.tags for name in attrs if name.startswith("on")]
    assert "{{7*7}}" in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", html
    )


def test_hostile_text_is_text_on_every_page(client: TestClient, strange: dict[str, Any]) -> None:
    name = strange["campaign_id"]
    accounts = get(client, f"/api/campaigns/{name}")["record"]["accounts"]
    assert len(accounts) == 4
    listed = get(client, "/api/accounts", size=500)["accounts"]
    (key,) = [one["key"] for one in listed if one["account_id"] == accounts[0]["account_id"]]
    for path in ("/campaigns", f"/campaigns/{name}", "/accounts?size=500", f"/accounts/{key}"):
        answer = client.get(path)
        assert answer.status_code == 200
        check_hostile_text(answer.text)


def test_the_report_stands_alone_and_is_the_same_each_time(
    run: Callable[..., Result], index: Path, campaign: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("a.html", "b.html"):
        result = run("report", "--index", index, "-o", tmp_path / name)
        assert result.exit_code == 0, result.output
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert html == (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "script" not in {tag for tag, _ in tags(html)}
    addresses = [v for _, attrs in tags(html) for k, v in attrs.items() if k in ("src", "href")]
    assert addresses
    assert all(address and address.startswith("#") for address in addresses)
    assert "url(" not in html
    assert "@import" not in html
    check_hostile_text(html)
    assert campaign["campaign_id"] in html
    assert html.count('class="tie"') > 30
    assert html.count('class="tile own"') > 5
    assert "camp-3" in html
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(html)
    return parser.tags


def test_the_report_masks_where_it_is_asked_to(
    run: Callable[..., Result], index: Path, tmp_path: Path
) -> None:
    plain, masked = tmp_path / "plain.html", tmp_path / "masked.html"
    run("report", "--index", index, "-o", plain)
    result = run("report", "--index", index, "-o", masked, "--redact")
    assert result.exit_code == 0, result.output
    assert SECRET in plain.read_text(encoding="utf-8")
    text = masked.read_text(encoding="utf-8")
    assert SECRET not in text
    assert "[email]" in text
    check_hostile_text(text)


def test_a_report_that_cannot_be_written_is_told_before_any_work(
    fails: Callable[..., str], index: Path, tmp_path: Path
) -> None:
    assert "ending in .html" in fails("report", "--index", index, "-o", tmp_path / "r.pdf")
    assert "does not exist" in fails("report", "--index", index, "-o", tmp_path / "no" / "r.html")
    fails("report", "--index", tmp_path / "nothing", "-o", tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def site(index: Path, client: TestClient) -> Iterator[str]:
    with serving(Source(index)) as base:
        yield base


@pytest.mark.browser
def test_a_group_leads_to_its_accounts_and_shows_why_they_are_linked(
    page: Page, campaign: dict[str, Any]
) -> None:
    go(page, "/")
    page.get_by_role("link", name=campaign["campaign_id"]).click()
    expect(page.locator("h1 .verdict")).to_have_text("extraction")
    assert page.locator(".network circle").count() == 16
    page.locator(".network a").first.focus()
    expect(page.locator(".told")).to_contain_text("certainty")
    page.locator(".network line").first.dispatch_event("pointerover")
    expect(page.locator(".told")).to_contain_text("text:")
    assert page.locator(".network .near").count() == 1
    assert page.locator(".week .tile").count() == 2 * 168
    expect(page.get_by_text(f"launch of {LAUNCH}")).to_be_visible()
    page.locator("#accounts ~ .scroll tbody a").first.click()
    expect(page.locator("h1 .id")).to_contain_text("camp-")
    assert page.locator(".matrix .own").count() > 0
    assert page.evaluate(CONTRAST) == []
    page.locator(".rows tbody th a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Session")
    page.locator(".figures").get_by_role("link", name=campaign["campaign_id"]).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Group")


@pytest.mark.browser
def test_accounts_are_listed_and_ordered(page: Page) -> None:
    page.goto("/accounts")
    assert page.evaluate(CONTRAST) == []
    page.get_by_label("Order").select_option("certainty")
    page.get_by_role("button", name="Show").click()
    values = [float(text) for text in page.locator("tbody td:nth-child(7)").all_inner_texts()[:9]]
    assert values == sorted(values, reverse=True)


@pytest.mark.browser
def test_the_map_moves_points_out_prompts_and_lists_what_is_encircled(
    browser: Browser, site: str
) -> None:
    with looking(browser, site) as page:
        go(page, "/map")
        page.locator("#map[data-points]").wait_for()
        whole = picture(page)
        assert len(set(whole)) > 50
        canvas = page.locator(".cloud canvas")
        canvas.focus()
        page.keyboard.press("+")
        assert picture(page) != whole
        page.keyboard.press("0")
        box = canvas.bounding_box()
        assert box is not None
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle)
        page.mouse.wheel(0, -300)
        page.mouse.down()
        page.mouse.move(middle[0] + 80, middle[1] + 30, steps=4)
        page.mouse.up()
        page.get_by_role("button", name="Whole").click()
        page.wait_for_timeout(400)
        page.locator(".lasso circle").evaluate("ring => ring.setAttribute('r', 0)")
        assert picture(page) == whole
        shown = read(page.request.get("/api/map/points").body())
        apart = np.linalg.norm(shown.places[:, None] - shown.places, axis=2)
        np.fill_diagonal(apart, np.inf)
        alone = int(apart.min(axis=1).argmax())
        page.mouse.move(*where(shown, alone, box))
        number = json.loads(page.request.get(f"/api/map/prompts/{shown.number[alone]}").text())
        expect(page.locator(".pointed b")).to_have_text(number["about"])
        expect(page.locator(".pointed span")).to_have_text(number["prompt"])
        page.get_by_label("verdict").check()
        assert picture(page) != whole
        page.locator("[data-legend=verdict] input").first.uncheck()
        page.get_by_role("button", name="Lasso").click()
        corners = [(0.05, 0.05), (0.95, 0.05), (0.95, 0.95), (0.05, 0.95)]
        for place, (x, y) in enumerate(corners):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)
            if not place:
                page.mouse.down()
        page.mouse.up()
        expect(page.locator(".found caption")).to_contain_text("prompts of")
        expect(page.locator(".found td a").first).to_be_visible()
        page.get_by_role("button", name="More").click()
        page.locator(".found tr:nth-of-type(60)").wait_for()
        assert page.evaluate(CONTRAST) == []
        page.locator(".found td a").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Session")


def where(shown: Shown, number: int, box: Any) -> tuple[float, float]:
    """Where on the page a point lies while the whole map is seen, a little of it left free."""
    low, high = shown.places.min(axis=0), shown.places.max(axis=0)
    sides = np.array([box["width"], box["height"]])
    scale = 0.94 * (sides / (high - low)).min()
    right, up = (shown.places[number] - (low + high) / 2) * scale
    return box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 - up


def picture(page: Page) -> bytes:
    """The map's canvas as it is now, once it stands still."""
    page.wait_for_timeout(400)
    return page.locator(".cloud").screenshot()


@pytest.mark.browser
def test_pages_fit_a_phone_in_the_dark(
    browser: Browser, site: str, campaign: dict[str, Any]
) -> None:
    with looking(browser, site, dark=True, phone=True) as page:
        key = json.loads(page.request.get("/api/accounts?size=1").text())["accounts"][0]["key"]
        paths = [
            "/accounts",
            f"/accounts/{key}",
            "/campaigns",
            f"/campaigns/{campaign['campaign_id']}",
        ]
        for path in [*paths, "/map"]:
            go(page, path)
            assert page.evaluate("document.documentElement.scrollWidth") == 390, path
            assert page.evaluate(CONTRAST) == [], path


@pytest.mark.browser
def test_the_report_opens_as_a_file_in_dark_and_light(
    browser: Browser, run: Callable[..., Result], index: Path, tmp_path: Path
) -> None:
    run("report", "--index", index, "-o", tmp_path / "r.html")
    for scheme, width in (("light", 1280), ("dark", 390)):
        context = browser.new_context(
            color_scheme=scheme,
            viewport={"width": width, "height": 900},  # type: ignore[arg-type]
        )
        page, problems = context.new_page(), []
        page.on("console", lambda message: problems.append(message.text))  # noqa: B023
        page.on("request", lambda request: problems.append(request.url))  # noqa: B023
        address = (tmp_path / "r.html").as_uri()
        page.goto(address)
        assert problems == [address]
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(CONTRAST) == []
        context.close()


@pytest.mark.browser
def test_pictures_of_the_pages(
    browser: Browser, site: str, campaign: dict[str, Any], tmp_path: Path
) -> None:
    """Kept in docs/pictures by `make pictures`."""
    folder = pictures(tmp_path)
    with looking(browser, site) as page:
        go(page, f"/campaigns/{campaign['campaign_id']}")
        whole = {"x": 0, "y": 0, "width": 1280, "height": 1250}
        page.screenshot(path=folder / "campaign.png", full_page=True, clip=whole)
    with looking(browser, site, dark=True) as page:
        go(page, "/map")
        page.locator("#map[data-points]").wait_for()
        page.get_by_label("verdict").check()
        page.wait_for_timeout(600)
        page.screenshot(path=folder / "map.png")
    assert all((folder / name).stat().st_size > 20_000 for name in ("campaign.png", "map.png"))
