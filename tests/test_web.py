"""The JSON API and its guard: read beside a writer, strangers refused, hostile text as text."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import schemathesis
from conftest import Rows, write_rows
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from capscope.classify import judge_index, load_model, model_folder
from capscope.data import read_labels, read_traffic, seal
from capscope.embed import SentenceEncoder
from capscope.index import add, forget, open_index, similar
from capscope.web import Source
from capscope.web import state as states
from capscope.web.app import create_app
from capscope.web.token import Token
from capscope.web.work import Worker

BASE = "http://127.0.0.1:8321"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> {{7*7}} {% raw %} ${7*7} &amp; "
    "\x1b[31mred\x9b2J \u202egnihton\u2066 \u200bhidden ' \" </textarea> ]]>"
)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """New commits are looked for often; what is judged already needs no worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "LOOKED", 0.05)
        patch.setattr(Worker, "see", lambda self, state: None)
        yield


@pytest.fixture(scope="module")
def client(own_index: Callable[[], Path]) -> Iterator[TestClient]:
    with TestClient(create_app(Source(own_index())), BASE) as client:
        until(lambda: client.get("/api/overview").json()["areas"])
        yield client


@pytest.fixture(scope="module")
def index(client: TestClient) -> Path:
    return Path(client.app.state.held.source.index)  # type: ignore[attr-defined]


def until(ready: Callable[[], Any], seconds: float = 30.0) -> None:
    end = monotonic() + seconds
    while not ready():
        assert monotonic() < end, "it did not come"
        sleep(0.05)


def get(client: TestClient, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_overview_counts_what_the_sample_holds(client: TestClient, sample_rows: Rows) -> None:
    told = get(client, "/api/overview")
    assert told["status"]["prompts"] == len(sample_rows)
    assert sum(told["sessions"].values()) == told["status"]["judged"] == 300
    assert sum(sum(bar["prompts"].values()) for bar in told["volume"]) == len(sample_rows)
    assert sum(sum(area.values()) for area in told["areas"].values()) == len(sample_rows)
    first = min(row["timestamp"] for row in sample_rows)
    assert told["volume"][0]["start"] <= first
    assert told["status"]["work"] is None


def test_search_finds_what_the_command_finds(
    client: TestClient, index: Path, encoder: SentenceEncoder, sample_rows: Rows
) -> None:
    text = "write a grading rubric"
    expected = similar(open_index(index), text, encoder, 30)
    found = get(client, "/api/search", q=text, size=20)
    assert found["more"]
    more = get(client, "/api/search", q=text, size=20, page=2)["hits"]
    hits = [*found["hits"], *more][:30]
    assert [hit["prompt"] for hit in hits] == [record["prompt"] for record in expected]
    assert [hit["repeats"] for hit in hits] == [record["repeats"] for record in expected]
    session = get(client, f"/api/sessions/{hits[0]['session']}", size=500)
    assert hits[0]["prompt"] in [prompt["text"] for prompt in session["prompts"]]


@pytest.mark.parametrize("name", ["account", "model", "area", "verdict"])
def test_filters_narrow_a_search(client: TestClient, name: str) -> None:
    field = {"account": "account_id"}.get(name, name)
    every = get(client, "/api/search", q="compare two answers", size=200)["hits"]
    for value in dict.fromkeys(hit[field] for hit in every[::40]):
        hits = get(client, "/api/search", q="compare two answers", size=200, **{name: value})[
            "hits"
        ]
        first = [hit["prompt"] for hit in every if hit[field] == value]
        assert {hit[field] for hit in hits} == {value}
        # A prompt that was sent by others as well is named by another row without the filter.
        assert [hit["prompt"] for hit in hits if hit["prompt"] in first] == first


def test_days_narrow_a_search_and_nothing_is_found_of_nobody(client: TestClient) -> None:
    day = "2025-09-09"
    hits = get(client, "/api/search", q="a poem", since=day, until=day, size=200)["hits"]
    assert len(hits) == 200
    assert {hit["timestamp"][:10] for hit in hits} == {day}
    assert get(client, "/api/search", q="a poem", account="nobody")["hits"] == []
    assert get(client, "/api/search", q="a poem", area="nowhere")["hits"] == []
    assert get(client, "/api/search")["hits"] == []


def test_a_session_has_its_prompts_gaps_and_verdict(client: TestClient, sample_rows: Rows) -> None:
    rows = [row for row in sample_rows if row["session_id"] == sample_rows[0]["session_id"]]
    listed = get(client, "/api/sessions", account=rows[0]["account_id"])["sessions"]
    (key,) = [one["key"] for one in listed if one["session_id"] == rows[0]["session_id"]]
    told = get(client, f"/api/sessions/{key}", size=500)
    assert [prompt["text"] for prompt in told["prompts"]] == [row["prompt"] for row in rows]
    assert told["prompts"][0]["gap"] is None
    assert all(prompt["gap"] >= 0 for prompt in told["prompts"][1:])
    assert told["session"]["prompts"] == len(rows)
    second = get(client, f"/api/sessions/{key}", size=2, page=2)["prompts"]
    assert second == told["prompts"][2:4]
    assert {"measures", "nearest_known", "template"} <= told["evidence"].keys()


def test_similar_sessions_are_of_the_same_campaign(client: TestClient, sample_rows: Rows) -> None:
    """Of extraction sessions that are alike, most are labelled extraction in the sample."""
    truth = {row["session_id"]: row["label"] for row in sample_rows}
    listed = get(client, "/api/sessions", verdict="extraction", size=10)["sessions"]
    assert all(truth[one["session_id"]] == "extraction" for one in listed)
    alike = [like for one in listed for like in get(client, f"/api/sessions/{one['key']}/similar")]
    assert len(alike) >= 10
    shares = [truth[like["session"]["session_id"]] == "extraction" for like in alike]
    assert sum(shares) / len(shares) > 0.7
    assert all(like["similarity"] >= 0.5 for like in alike)


def test_lists_are_paged_and_ordered(client: TestClient) -> None:
    pages = [get(client, "/api/sessions", size=70, page=n)["sessions"] for n in range(1, 6)]
    assert [len(page) for page in pages] == [70, 70, 70, 70, 20]
    every = [one for page in pages for one in page]
    assert len({one["key"] for one in every}) == 300
    scores = [one["score"] for one in every if one["score"] is not None]
    assert scores == sorted(scores, reverse=True)
    assert get(client, "/api/sessions", page=99)["sessions"] == []
    newest = get(client, "/api/sessions", order="newest", size=300)["sessions"]
    assert [one["last"] for one in newest] == sorted((o["last"] for o in newest), reverse=True)


def test_the_queue_begins_nearest_to_the_threshold(client: TestClient) -> None:
    queue = get(client, "/api/queue", size=300)["sessions"]
    judged = get(client, "/api/sessions", size=300)["sessions"]
    assert len(queue) == sum(one["score"] is not None for one in judged)
    firsts = {}
    for one in queue:
        firsts.setdefault(one["account_id"], one["margin"])
    assert list(firsts.values()) == sorted(firsts.values())
    nearest = min(
        (one for one in judged if one["score"] is not None),
        key=lambda one: abs(one["score"] - one["threshold"]),
    )
    assert queue[0]["key"] == nearest["key"]


def test_reviews_are_appended_and_become_labels(
    own_index: Callable[[], Path], tmp_path: Path
) -> None:
    folder = own_index()
    with TestClient(create_app(Source(folder)), BASE) as client:
        organic = get(client, "/api/sessions", verdict="organic", size=2)["sessions"]
        extraction = get(client, "/api/sessions", verdict="extraction", size=2)["sessions"]
        log = folder / "reviews" / "reviews.jsonl"
        decided = [(organic[0], "agree"), (organic[1], "disagree"), (extraction[0], "unsure")]
        decided += [(extraction[1], "disagree"), (extraction[1], "agree")]
        before = b""
        for one, decision in decided:
            body = {
                "session": one["key"],
                "decision": decision,
                "reviewer": "Ada\u202e",
                "note": HOSTILE,
            }
            answer = client.post("/api/reviews", json=body)
            assert answer.status_code == 201, answer.text
            assert log.read_bytes().startswith(before)
            before = log.read_bytes()
        with log.open("ab") as file:
            file.write(b'{"session_id": "cut sho')
        assert get(client, "/api/reviews")["total"] == 5
        assert get(client, "/api/reviews", size=1)["reviews"][0]["note"] == HOSTILE
        waiting = {one["key"] for one in get(client, "/api/queue", size=300)["sessions"]}
        assert not waiting & {one["key"] for one, _ in decided}
        again = {"session": organic[0]["key"], "decision": "agree", "reviewer": "Bob"}
        assert client.post("/api/reviews", json=again).status_code == 201
        assert get(client, "/api/reviews")["total"] == 6
        exported = client.get("/api/labels")
    with TestClient(create_app(Source(folder)), BASE) as client:
        assert get(client, "/api/reviews")["total"] == 6
        shown = client.get(f"/sessions/{organic[0]['key']}").text
        assert "Bob" in shown
        assert "<script>alert" not in shown
    (tmp_path / "labels.jsonl").write_bytes(exported.content)
    assert not set("\x1b\x9b\u202e") & set(exported.text)
    assert read_labels(tmp_path / "labels.jsonl") == {
        organic[0]["session_id"]: "organic",
        organic[1]["session_id"]: "extraction",
        extraction[1]["session_id"]: "extraction",
    }
    rows = [json.loads(line) for line in exported.text.splitlines()]
    assert {row["label"] for row in rows} == {"organic", "extraction", "unsure"}
    assert {row["reviewer"] for row in rows} == {"Ada\u202e", "Bob"}


def test_what_has_no_score_cannot_be_reviewed(client: TestClient) -> None:
    (one,) = get(client, "/api/sessions", verdict="insufficient_evidence", size=1)["sessions"]
    body = {"session": one["key"], "decision": "agree", "reviewer": "Ada"}
    assert client.post("/api/reviews", json=body).status_code == 409
    body["session"] = "0" * 16
    assert client.post("/api/reviews", json=body).status_code == 404
    assert get(client, "/api/reviews")["total"] == 0


def test_new_commits_and_verdicts_are_taken_up(
    few_file: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    add(folder, read_traffic([str(few_file)]), encoder)
    with TestClient(create_app(Source(folder)), BASE) as client:
        assert get(client, "/api/status")["judged"] == 0
        assert get(client, "/api/overview")["sessions"]["unjudged"] == 12
        assert client.get("/").status_code == 200
        judge_index(folder, open_index(folder), encoder, load_model(), seal(model_folder(None)))
        until(lambda: get(client, "/api/status")["judged"] == 12)
        new: Rows = [
            {"prompt": "what is a fjord", "session_id": "new", "account_id": "sailor"},
            {"prompt": "and a skerry", "session_id": "new", "account_id": "sailor"},
        ]
        write_rows(tmp_path / "more.jsonl", new)
        add(folder, read_traffic([str(tmp_path / "more.jsonl")]), encoder)
        until(lambda: get(client, "/api/status")["sessions"] == 13)
        assert get(client, "/api/status")["judged"] == 12
        hit = get(client, "/api/search", q="what is a fjord")["hits"][0]
        assert (hit["account_id"], hit["verdict"]) == ("sailor", "unjudged")
        assert client.get(f"/sessions/{hit['session']}").status_code == 200
        forget(folder, "sailor")
        until(lambda: get(client, "/api/status")["sessions"] == 12)
        assert client.get(f"/sessions/{hit['session']}").status_code == 404
        assert hit["prompt"] not in str(get(client, "/api/search", q="what is a fjord"))
        # Prompts have other numbers now: their areas must be those of a server that starts here.
        forget(folder, get(client, "/api/sessions", order="newest")["sessions"][-2]["account_id"])
        until(lambda: get(client, "/api/status")["sessions"] == 11)
        until(lambda: get(client, "/api/overview")["areas"])
        areas = get(client, "/api/overview")["areas"]
    with TestClient(create_app(Source(folder)), BASE) as client:
        until(lambda: get(client, "/api/overview")["areas"])
        assert get(client, "/api/overview")["areas"] == areas


def test_an_index_that_forgot_everything_has_pages(
    few_file: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    add(folder, read_traffic([str(few_file)]), encoder)
    for account in set(open_index(folder).rows["account_id"].to_pylist()):
        forget(folder, account)
    with TestClient(create_app(Source(folder)), BASE) as client:
        for path in ("/", "/sessions", "/review", "/search?q=x", "/api/overview", "/api/queue"):
            assert client.get(path).status_code == 200, path
        assert get(client, "/api/status")["prompts"] == 0


def test_hostile_text_is_shown_as_text(encoder: SentenceEncoder, tmp_path: Path) -> None:
    bad = f"{HOSTILE} {{{{ config }}}}"
    rows: Rows = [
        {"prompt": f"{bad} {n}", "session_id": bad, "account_id": bad, "model": bad}
        for n in range(6)
    ]
    write_rows(tmp_path / "t.jsonl", rows)
    folder = tmp_path / "index"
    add(folder, read_traffic([str(tmp_path / "t.jsonl")]), encoder)
    judge_index(folder, open_index(folder), encoder, load_model(), seal(model_folder(None)))
    with TestClient(create_app(Source(folder)), BASE) as client:
        (one,) = get(client, "/api/sessions")["sessions"]
        for path in ("/", "/sessions", f"/sessions/{one['key']}", "/review", "/search?q=red"):
            text = client.get(path).text
            assert "<script>alert" not in text
            assert "<img" not in text
            # What a form sends back is not shown, and must stay as it is.
            text = re.sub(r'<option value="[^"]*"', "", text)
            assert "alert(1)" in text or "gnihton" not in text
            assert not set("\x1b\x9b\u202e\u2066\u200b") & set(text)
            assert not re.search(r"(?<!\d)49(?!\d)", re.sub(r"[\d.,:-]{3,}", "", text)), path
        asked = client.get("/search", params={"q": f'">{bad}', "account": f'">{bad}'})
        assert asked.status_code == 200
        wrong = client.get("/search", params={"since": f"<script>alert(1)</script>{bad}"})
        assert wrong.status_code == 422
        assert "<script>alert" not in asked.text + wrong.text
        page = client.get(f"/sessions/{one['key']}").text
        assert "{{7*7}}" in page
        assert "U+202E" in page
        raw = client.get("/api/search", params={"q": "red"})
        assert not set("\x1b\x9b\u202e\u2066") & set(raw.text)
        assert raw.json()["hits"][0]["prompt"].startswith("<script>")


# What is refused.


@pytest.mark.parametrize(
    "host", ["example.org", "127.0.0.1.example.org", "", "localhost.", "10.0.0.1"]
)
def test_a_wrong_host_header_is_refused(client: TestClient, host: str) -> None:
    for path in ("/", "/api/status", "/static/style.css"):
        assert client.get(path, headers={"Host": host}).status_code == 421
    assert client.get("/api/status", headers={"Host": "localhost:9"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_another_site_sends_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    (one,) = get(client, "/api/queue", size=1)["sessions"]
    body = {"session": one["key"], "decision": "agree", "reviewer": "Mallory"}
    assert client.post("/api/reviews", json=body, headers=headers).status_code == 403
    assert client.post("/review", data=body, headers=headers).status_code == 403
    assert get(client, "/api/reviews")["total"] == 0
    as_text = {"Content-Type": "text/plain"}
    answer = client.post("/api/reviews", content=json.dumps(body), headers=as_text)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2fetc/passwd",
        "/static//etc/passwd",
        "/sessions/..%2f..%2fetc%2fpasswd",
        "/api/sessions/....//",
        "/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_paths_lead_nowhere_else(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 422), answer.text
    assert "root:" not in answer.text
    assert "create_app" not in answer.text


def test_large_bodies_are_refused(client: TestClient) -> None:
    assert client.post("/api/reviews", content=b"x" * 70_000).status_code == 413
    unsaid = client.post("/review", content=(b"x" * 1000 for _ in range(70)))
    assert unsaid.status_code == 413
    assert client.get("/api/search", params={"q": "x" * 8001}).status_code == 422


def test_answers_name_no_folder_and_no_server(
    client: TestClient, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [client.get(path) for path in ("/", "/api/status", "/nothing", "/api/nothing", "/api/")]
    told.append(client.get("/api/openapi.json"))
    told.append(client.get("/api/sessions", params={"page": "x"}))
    monkeypatch.setattr("capscope.web.reviews.Reviews.latest", lambda self: open("/no/such/place"))
    with TestClient(client.app, BASE, raise_server_exceptions=False) as bare:
        told += [bare.get("/api/sessions"), bare.get("/sessions")]
    assert [answer.status_code for answer in told[-2:]] == [500, 500]
    monkeypatch.undo()
    key = get(client, "/api/queue", size=1)["sessions"][0]["key"]
    body = {"session": key, "decision": "agree", "reviewer": "Ada"}
    (index / "reviews").write_text("in the way")
    told += [client.post("/api/reviews", json=body), client.get("/api/queue")]
    assert [answer.status_code for answer in told[-2:]] == [503, 503]
    (index / "reviews").unlink()
    for answer in told:
        assert str(index) not in answer.text
        assert "/no/such" not in answer.text
        assert "Traceback" not in answer.text
        assert "server" not in answer.headers
        assert "'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_token_is_asked_of_everyone(own_index: Callable[[], Path]) -> None:
    token, secret = Token.made()
    app = create_app(Source(own_index()), "0.0.0.0", token)
    with TestClient(app, BASE, follow_redirects=False) as client:
        assert client.get("/api/status").status_code == 401
        assert client.get("/api/openapi.json").status_code == 401
        sent = client.get("/search?q=a b")
        assert (sent.status_code, sent.headers["location"]) == (
            303,
            "/login?after=%2Fsearch%3Fq%3Da%2520b",
        )
        assert client.get("/login").status_code == 200
        assert client.get("/static/style.css").status_code == 200
        for wrong in ("", "Bearer ", "Bearer é", f"Bearer {secret}x", "Bearer " + token.cookie):
            headers = {"Authorization": wrong.encode()}
            assert client.get("/api/status", headers=headers).status_code == 401
        headers = {"Authorization": f"Bearer {secret}"}
        assert client.get("/api/status", headers=headers).status_code == 200
        assert client.post("/login", data={"token": "wrong"}).status_code == 401
        entered = client.post("/login", data={"token": secret, "after": "/search?q=a b"})
        assert (entered.status_code, entered.headers["location"]) == (303, "/search?q=a%20b")
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert secret.lower() not in cookie
        assert client.get("/api/status").status_code == 200
        for away in ("https://example.org", "//example.org", "/\\example.org", "javascript:x"):
            there = client.post("/login", data={"token": secret, "after": away})
            assert there.headers["location"] == "/"
        named = {"Host": "evil.example"}
        assert client.get("/api/status", headers=named).status_code == 421
        assert client.get("/api/status", headers={"Host": "192.0.2.7:80"}).status_code == 200


def test_no_request_of_the_description_breaks_the_server(client: TestClient) -> None:
    schema = schemathesis.openapi.from_dict(get(client, "/api/openapi.json"))
    operations = [result.ok() for result in schema.get_all_operations()]
    answered = {
        (operation.label, mode): asked(client, operation.as_strategy(generation_mode=mode))
        for operation, mode in product(operations, schemathesis.GenerationMode)
    }
    assert all(status < 500 for statuses in answered.values() for status in statuses)
    well = {label for (label, _), statuses in answered.items() if statuses & {200, 201}}
    refused = {label for (label, _), statuses in answered.items() if statuses & {404, 422}}
    assert len(well) >= 7
    assert len(refused) >= 7


def asked(client: TestClient, cases: Any) -> set[int]:
    """Ask some of what a description allows, or does not; return the statuses of the answers."""
    statuses = set()

    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=cases)
    def ask(case: Any) -> None:
        asks = case.as_transport_kwargs(base_url=BASE)
        if "data" in asks:
            asks["content"] = asks.pop("data")
        answer = client.request(**{name: asks[name] for name in asks if name != "cookies"})
        statuses.add(answer.status_code)

    # An operation that takes nothing takes nothing wrong.
    with suppress(Unsatisfiable):
        ask()
    return statuses
