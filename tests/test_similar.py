"""`similar`: from a text, a file or a row, filtered in the search, hostile text made harmless."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Rows, records, write_rows
from typer.testing import Result

from capscope.data import read_traffic
from capscope.embed import SentenceEncoder
from capscope.index import add, open_index
from capscope.index import segment as segments

Run = Callable[..., Result]

HOSTILE = "[red]hello[/red] \x1b[31mthere\x9b2J \u202egood friend [link=http://a]"


@pytest.fixture(scope="module")
def rows(few_sessions: Rows) -> Rows:
    models = ("m-large", "m-small")
    rows = [row | {"model": models[n % 2]} for n, row in enumerate(few_sessions)]
    return [
        row | ({"prompt": rows[5]["prompt"]} if n % 10 == 5 else {}) for n, row in enumerate(rows)
    ]


@pytest.fixture(scope="module", params=["flat", "ivf"])
def folder(
    request: pytest.FixtureRequest,
    rows: Rows,
    encoder: SentenceEncoder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The same traffic in two segments, scanned exactly or by inverted lists."""
    folder = tmp_path_factory.mktemp("similar")
    for number, part in enumerate((rows[:60], rows[60:90])):
        write_rows(folder / f"{number}.jsonl", part)
        traffic = read_traffic([str(folder / f"{number}.jsonl")])
        add(folder / "index", traffic, encoder, request.param)
    return folder / "index"


def scan(rows: Rows, text: str, encoder: SentenceEncoder) -> list[str]:
    """Rank the distinct prompts of `rows` by cosine similarity, the slow and obvious way."""
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))
    similarities = encoder.encode(prompts) @ encoder.encode([text])[0]
    ranked = sorted(zip(similarities.tolist(), prompts, strict=True), reverse=True)
    return [prompt for _, prompt in ranked]


@pytest.mark.parametrize(
    ("option", "column"),
    [("--account", "account_id"), ("--session", "session_id"), ("--model", "model")],
)
def test_filters_find_what_a_filtered_scan_finds(
    option: str,
    column: str,
    run: Run,
    rows: Rows,
    folder: Path,
    encoder: SentenceEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments, "SCANNED", 0)
    for value in dict.fromkeys(row[column] for row in rows[:90]):
        theirs = [row for row in rows[:90] if row[column] == value]
        found = records(
            run("similar", "write a short poem", "--index", folder, option, value, "-k", 40)
        )
        expected = scan(theirs, "write a short poem", encoder)[:40]
        assert [record["prompt"] for record in found] == expected
        assert {record[column] for record in found} == {value}
        counts = [sum(row["prompt"] == r["prompt"] for row in theirs) for r in found]
        assert [record["repeats"] for record in found] == counts


def test_filters_join(run: Run, rows: Rows, folder: Path) -> None:
    one = rows[40]
    search = ["similar", "x", "--index", folder, "--account", one["account_id"], "-k", 100]
    search += ["--since", one["timestamp"], "--until", one["timestamp"]]
    found = records(run(*search, "--model", one["model"]))
    assert [(r["prompt"], r["timestamp"]) for r in found] == [(one["prompt"], one["timestamp"])]
    assert records(run(*search, "--model", "another")) == []


def test_a_least_similarity_cuts_the_end_off(run: Run, folder: Path) -> None:
    search = ["similar", "explain photosynthesis", "--index", folder, "-k", 1000]
    every = records(run(*search))
    least = every[4]["similarity"]
    found = records(run(*search, "--min-similarity", least - 1e-6))
    assert found == [record for record in every if record["similarity"] >= least - 1e-6]
    assert 5 <= len(found) < len(every)


def test_more_than_there_are_is_short(run: Run, rows: Rows, folder: Path) -> None:
    found = records(run("similar", "x", "--index", folder, "-k", 5000))
    assert len(found) == len({row["prompt"] for row in rows[:90]})


def test_a_row_finds_its_own_prompt_first_and_needs_no_encoder(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = records(run("similar", "a question about history", "--index", folder, "-k", 1))
    monkeypatch.setattr("capscope.index.queries.open_encoder", None)
    found = records(run("similar", "--id", one["id"], "--index", folder, "-k", 3))
    assert found[0] == one | {"similarity": pytest.approx(1.0, abs=1e-5)}
    assert len(found) == 3


def test_each_line_of_a_file_is_a_query(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("a poem\n\n  solve for x \n", encoding="utf-8")
    found = records(run("similar", "--texts", tmp_path / "texts.txt", "--index", folder, "-k", 2))
    assert [(r.pop("query"), r.pop("text")) for r in found] == [
        (1, "a poem"),
        (1, "a poem"),
        (3, "solve for x"),
        (3, "solve for x"),
    ]
    assert found[:2] == records(run("similar", "a poem", "--index", folder, "-k", 2))


def test_what_to_look_for_is_named_once(
    fails: Callable[..., str], folder: Path, tmp_path: Path
) -> None:
    assert "0 things to look for" in fails("similar", "--index", folder)
    assert "2 things to look for" in fails("similar", "x", "--id", "y", "--index", folder)
    assert "no row y in the index" in fails("similar", "--id", "y", "--index", folder)
    assert "cannot be read" in fails("similar", "--texts", tmp_path / "no", "--index", folder)
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    assert "UTF-8" in fails("similar", "--texts", tmp_path / "latin", "--index", folder)


def test_repeats_name_their_accounts_and_hostile_text_is_harmless(
    run: Run, tmp_path: Path, encoder: SentenceEncoder
) -> None:
    rows: Rows = [
        {"prompt": HOSTILE, "account_id": f"a-{n % 25}", "session_id": f"s-{n}", "timestamp": t}
        for n, t in enumerate(f"2026-01-{day:02d}T00:00:00Z" for day in range(28, 0, -1))
    ]
    rows.append({"prompt": "something else entirely", "account_id": "[b]x[/b]"})
    write_rows(tmp_path / "t.jsonl", rows)
    folder = tmp_path / "index"
    add(folder, read_traffic([str(tmp_path / "t.jsonl")]), encoder)
    (stored,) = [p for p in open_index(folder).prompts.to_pylist() if "hello" in p]
    search = ("similar", "hello there good friend", "--index", folder)
    result = run(*search)
    found = records(result)
    assert found[0]["prompt"] == stored
    assert (found[0]["repeats"], found[0]["account_count"]) == (28, 25)
    assert found[0]["accounts"] == [f"a-{n % 25}" for n in range(27, 7, -1)]
    assert found[0]["timestamp"] == "2026-01-01T00:00:00Z"
    shown = run(*search, "--table")
    assert shown.exit_code == 0
    assert "[red]hello[/red]" in shown.stdout
    assert "[b]x[/b]" in shown.stdout
    for text in (shown.stdout, result.stdout):
        assert not set("\x1b\x9b\u202e") & set(text)


def test_a_table_of_nothing_is_empty(run: Run, folder: Path) -> None:
    result = run("similar", "x", "--index", folder, "--account", "nobody", "--table")
    assert result.exit_code == 0
    assert "similarity" in result.stdout
