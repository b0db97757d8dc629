"""Indicators: what a bundle tells and what it keeps to itself, and whom it finds elsewhere."""

import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import Rows, records, write_rows
from scipy import stats
from stix2validator import ValidationOptions, validate_string
from typer.testing import Result

from capscope.classify.campaigns.things import find_accounts
from capscope.classify.indicators import export_file
from capscope.classify.indicators.bundle import EXTENSION, read_bundle, write_bundle
from capscope.classify.indicators.fits import FEWEST, fit_by_words
from capscope.classify.indicators.match import LEAST, outside, score_accounts
from capscope.classify.indicators.profile import Skeleton, quantised
from capscope.classify.indicators.skeletons import ACCOUNTS, PROMPTS, find_skeletons
from capscope.data import read_traffic
from capscope.data.recipes import grids, wrappers
from capscope.index import AreaMap, add, open_index

Run = Callable[..., Result]
Fails = Callable[..., str]
START = datetime(2026, 1, 1, tzinfo=UTC)
WRAPPERS = [w for w in wrappers() if w.style == "chain_of_thought" and w.language == "en"]
GRIDS = [grid for grid in grids() if grid.area in ("reasoning", "chain_of_thought")]
HOSTILE = "\x1b[31m[bold]\u202e"
WORDS = ("harbour", "violin", "lentils", "glacier", "ticket", "beehive", "canvas", "tram", "fern")


def operator(name: str, accounts: int, each: int, first: int, seed: int) -> Rows:
    """One operator's accounts: three wrappers around prompts of four grids, dealt out.

    Each account also has a system prompt, an address and a session of its own, and writes two
    prompts that nobody else writes.
    """
    rng = np.random.default_rng(seed)
    chosen = [w for w in WRAPPERS if len(w.template) > 120][first : first + 3]
    tasks = [text for grid in GRIDS[first : first + 4] for text in grid.prompts()]
    work = [wrapper.template.format(task=task) for task in tasks for wrapper in chosen]
    cards = iter(rng.permutation(len(work)))
    rows = []
    for number in range(accounts):
        own = [f"My cousin {name}{number} still owes me {n}{number} crowns since May" for n in "ab"]
        for prompt in [*(work[next(cards)] for _ in range(each)), *own]:
            rows.append(
                {
                    "account_id": f"{name}-{number}",
                    "session_id": f"sitting-of-{name}-{number}",
                    "timestamp": (START + timedelta(hours=float(rng.uniform(8, 15)))).isoformat(),
                    "model": "m-1",
                    "system": f"You serve account {name} {number} and keep it to yourself",
                    "network": f"10.0.{first}.{number}",
                    "prompt": prompt,
                }
            )
    return rows


def people(name: str, accounts: int, seed: int) -> Rows:
    """Accounts that ask short things of their own."""
    rng = np.random.default_rng(seed)
    return [
        {
            "account_id": f"{name}-{number}",
            "session_id": f"{name}-{number}",
            "timestamp": (START + timedelta(hours=float(rng.uniform(0, 300)))).isoformat(),
            "model": "m-1",
            "prompt": f"Is {rng.choice(WORDS)} {turn} near {rng.choice(WORDS)} number {number}?",
        }
        for number in range(accounts)
        for turn in range(3)
    ]


def indexed(rows: Rows, folder: Path, encoder: Any) -> Path:
    write_rows(folder / "rows.jsonl", rows)
    add(folder / "index", read_traffic([str(folder / "rows.jsonl")]), encoder)
    return folder / "index"


@pytest.fixture(scope="module")
def sent() -> Rows:
    return [*people("anna", 260, 0), *operator("op", 16, 14, 0, 1)]


@pytest.fixture(scope="module")
def sender(sent: Rows, tmp_path_factory: pytest.TempPathFactory, encoder: Any) -> Path:
    return indexed(sent, tmp_path_factory.mktemp("sender"), encoder)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory, encoder: Any) -> Path:
    rows = [*people("bert", 260, 2), *operator("other", 12, 10, 1, 3)]
    return indexed(rows, tmp_path_factory.mktemp("receiver"), encoder)


@pytest.fixture(scope="module")
def group(sender: Path) -> str:
    from capscope.classify.campaigns import campaign_files

    found, _ = campaign_files([], sender.parent / "found.jsonl", index=sender)
    (one,) = (one for one in found if any(m["account_id"] == "op-0" for m in one.members))
    assert {m["account_id"] for m in one.members} == {f"op-{n}" for n in range(16)}
    return one.campaign_id


@pytest.fixture(scope="module")
def bundle(sender: Path, group: str) -> Path:
    export_file(group, sender, sender.parent / "bundle.json")
    return sender.parent / "bundle.json"


def strings(value: Any) -> Iterator[str]:
    """Every text of a JSON document, names of fields too."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def parts(bundle: Path, kind: str) -> list[dict[str, Any]]:
    return [one for one in json.loads(bundle.read_text())["objects"] if one["type"] == kind]


def test_a_bundle_is_valid_stix(bundle: Path) -> None:
    result = validate_string(bundle.read_text(), ValidationOptions(version="2.1"))
    assert result.is_valid, result.errors
    broken = bundle.read_text().replace('"valid_from"', '"valid_form"')
    assert not validate_string(broken, ValidationOptions(version="2.1")).is_valid


def test_a_bundle_tells_what_the_group_does(
    bundle: Path, group: str, sender: Path, encoder: Any
) -> None:
    (campaign,) = parts(bundle, "campaign")
    told = campaign["extensions"][EXTENSION]
    assert (campaign["name"], told["accounts"], told["prompts"]) == (group, 16, 256)
    assert told["schedule"]["quiet_hours"] == [*range(8), *range(15, 24)]
    index, areas = open_index(sender), AreaMap.embedded(encoder)
    theirs = [i for i, a in enumerate(index.rows["account_id"].to_pylist()) if a.startswith("op-")]
    placed = areas.place(index.vectors[np.asarray(index.rows["prompt"])[theirs]])
    shares = np.bincount(placed.area, minlength=len(areas.areas)) / len(theirs)
    expected = {name: share for name, share in zip(areas.areas, shares, strict=True) if share}
    assert told["areas"] == pytest.approx(expected, abs=1e-4)
    texts = [one["pattern"] for one in parts(bundle, "indicator")]
    for wrapper in [w for w in WRAPPERS if len(w.template) > 120][:3]:
        assert any(len(runs(wrapper.template) & runs(text)) >= 10 for text in texts)
    marked = parts(bundle, "marking-definition")[0]["id"]
    assert all(marked in one["object_marking_refs"] for one in parts(bundle, "indicator"))


def test_no_prompt_text_but_what_many_share_and_nothing_of_an_account(
    bundle: Path, sent: Rows
) -> None:
    """A run of five words of any prompt is in the bundle only where many prompts have it."""
    told = json.loads(bundle.read_text())
    texts = list(strings(told))
    inside = set().union(*map(runs, texts))
    prompts: dict[tuple[str, ...], set[str]] = {}
    accounts: dict[tuple[str, ...], set[str]] = {}
    for row in sent:
        for run in runs(row["prompt"]) & inside:
            prompts.setdefault(run, set()).add(row["prompt"])
            accounts.setdefault(run, set()).add(row["account_id"])
    assert len(prompts) > 30
    assert min(len(found) for found in prompts.values()) >= PROMPTS
    assert min(len(found) for found in accounts.values()) >= ACCOUNTS
    whole = "\n".join(texts).lower()
    fills = {v.lower() for grid in GRIDS for values in grid.slots.values() for v in values}
    assert not [fill for fill in fills if len(fill.split()) > 2 and fill in whole]
    assert "crowns" not in whole
    for row in sent:
        for field in ("account_id", "session_id", "network", "system"):
            assert str(row.get(field, "no such thing")).lower() not in whole


def test_a_mean_is_of_many_prompts_and_no_single_ones(bundle: Path, sender: Path) -> None:
    index = open_index(sender)
    for one in parts(bundle, "indicator"):
        extension = one["extensions"][EXTENSION]
        vector = np.frombuffer(base64.b64decode(extension["mean"]), np.int8).astype(np.float32)
        similarity = index.vectors @ (vector / np.linalg.norm(vector))
        assert extension["prompts"] >= PROMPTS
        assert 0.3 < similarity.max() < 0.99


def test_rows_in_another_order_give_the_same_bytes(
    bundle: Path, sent: Rows, group: str, tmp_path: Path, encoder: Any
) -> None:
    order = np.random.default_rng(9).permutation(len(sent))
    again = indexed([sent[i] for i in order], tmp_path, encoder)
    export_file(group, again, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == bundle.read_bytes()


def test_the_operator_is_found_elsewhere_and_nobody_else(
    bundle: Path, receiver: Path, run: Run, group: str
) -> None:
    result = run("indicators", "match", bundle, "--index", receiver)
    found = records(result)
    matched = {one["account_id"] for one in found if one["match"]}
    assert matched <= {f"other-{n}" for n in range(12)}
    assert len(matched) >= 10
    assert f"{len(matched)} of 272 accounts match" in result.stderr
    for one in found:
        assert one["campaign_id"] == group
        assert one["match"] == (one["similarity"] >= LEAST)
        assert sum(reason["prompts"] for reason in one["reasons"]) >= one["evidence"]["by_words"]
        assert one["fit"] <= one["prompts"] == 12
        assert 0 <= one["p_value"] <= one["q_value"] < 0.01
        assert one["evidence"]["areas"] > 0.5
        assert one["evidence"]["hours"] > 0.5


def test_the_false_match_rate_is_measured_at_the_sender(sender: Path, bundle: Path) -> None:
    told = read_bundle(bundle).outside
    assert (told.accounts, told.matched) == (260, 0)
    interval = stats.binomtest(0, 260, alternative="less").proportion_ci(0.95, method="exact")
    assert told.at_most == pytest.approx(interval.high, abs=1e-6)


def test_a_fit_is_half_of_a_skeletons_runs() -> None:
    rng = np.random.default_rng(4)
    fixed = [" ".join(f"w{n}x{i}" for i in range(20)) for n in range(3)]
    skeletons = [f"{{}} {fixed[0]}", f"{fixed[1]} {{}} {fixed[2]}"]
    texts = [f"ask {i} " + " ".join(fixed[i % 3].split()[: rng.integers(3, 21)]) for i in range(60)]
    fits = fit_by_words(pa.array(texts, pa.large_string()), skeletons).toarray() > 0
    for text, row in zip(texts, fits, strict=True):
        for skeleton, fit in zip(skeletons, row, strict=True):
            wanted = set().union(*(runs(part) for part in skeleton.split("{}")))
            assert fit == (2 * len(runs(text) & wanted) >= len(wanted))
    assert 0 < fits.sum() < fits.size


def test_words_that_people_share_by_chance_find_nobody(sender: Path) -> None:
    """A skeleton of what everybody writes fits many prompts, and no account beyond the others."""
    from capscope.classify.campaigns import Corpus

    corpus = Corpus.of_index(open_index(sender))
    accounts = find_accounts(corpus.table, corpus.prompt)
    text = "Is harbour 1 near {} number 7 Is violin 2 near tram number 8"
    vector = quantised(np.eye(1, corpus.vectors(np.array([0])).shape[1], dtype=np.float32)[0])
    skeleton = Skeleton(text=text, accounts=9, prompts=9, outside=0, mean=vector, near=-1.0)
    scores = score_accounts(corpus, accounts, [skeleton])
    assert scores.fit.sum() == scores.prompts.sum()
    assert not scores.match.any()
    assert outside(scores, np.arange(10)).matched == 0


def test_a_question_that_few_prompts_hold_is_no_template() -> None:
    """Sent in nineteen ways by as many accounts it stays out, in twenty it would be a template."""
    from capscope.classify.campaigns import Corpus

    question = "Which of the three keys opens the north gate at dawn if nobody lies?"
    for ways, found in ((PROMPTS - 1, 0), (PROMPTS, 1)):
        texts = [f"{WORDS[i % 9]} {i} {WORDS[i % 7]} {i + 3} {question}" for i in range(ways)]
        table = pa.table(
            {
                "account_id": [f"a{i % 12}" for i in range(ways)],
                "timestamp": pa.array([None] * ways, pa.timestamp("us", tz="UTC")),
            }
        )
        numbers = np.argsort(np.argsort(texts))
        sorted_texts = pa.array(sorted(texts), pa.large_string())
        corpus = Corpus(table, numbers, sorted_texts, lambda n: np.ones((len(n), 4), np.float32))
        accounts = find_accounts(table, numbers)
        skeletons = find_skeletons(corpus, accounts, np.arange(12))
        assert len(skeletons) == found


def test_accounts_are_told_only_hashed_and_only_if_asked(
    bundle: Path, sender: Path, group: str, run: Run, tmp_path: Path
) -> None:
    import hashlib
    import hmac

    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123\n")
    told = tmp_path / "told.json"
    result = run(
        "indicators", "export", group, "--index", sender, "-o", told, "--with-hashed-accounts", key
    )
    assert result.exit_code == 0, result.output
    expected = sorted(
        hmac.new(b"0123456789abcdef0123", f"op-{n}".encode(), hashlib.sha256).hexdigest()[:32]
        for n in range(16)
    )
    assert read_bundle(told).account_hashes == expected
    assert read_bundle(bundle).account_hashes == []
    assert "op-1" not in told.read_text()


def changed(bundle: Path, path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Write a bundle whose campaign's and first indicator's fields were changed."""
    told = json.loads(bundle.read_text())
    change({one["type"]: one for one in reversed(told["objects"])} | {"bundle": told})
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def extension(objects: dict[str, Any], kind: str = "campaign") -> dict[str, Any]:
    found: dict[str, Any] = objects[kind]["extensions"][EXTENSION]
    return found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda o: extension(o).update(version=2), "version 2"),
        (lambda o: extension(o).update(encoder="another\n\x1b[31m"), "encoder another"),
        (lambda o: extension(o).update(accounts=-1), "accounts"),
        (lambda o: extension(o).update(more="field"), "more"),
        (lambda o: extension(o).update(accounts=float("inf")), "no JSON"),
        (lambda o: extension(o, "indicator").update(mean="AAAA"), "no vector of 384"),
        (lambda o: extension(o, "indicator").update(mean="%"), "no vector of 384"),
        (lambda o: extension(o, "indicator").update(near="x"), "near"),
        (lambda o: o["indicator"].update(pattern="of the {}"), f"fewer than {FEWEST} runs"),
        (lambda o: o["indicator"].update(pattern="x " * 9000), "text"),
        (lambda o: o["indicator"].update(pattern=["x"]), "text"),
        (lambda o: o["campaign"].pop("extensions"), "0 campaigns"),
        (lambda o: o["bundle"]["objects"].append(o["campaign"]), "2 campaigns"),
        (lambda o: o["bundle"].update(type="report"), "no bundle"),
        (lambda o: o["bundle"].update(objects="none"), "no bundle"),
    ],
)
def test_a_bad_bundle_is_the_users_mistake(
    change: Callable[[dict[str, Any]], Any],
    said: str,
    bundle: Path,
    receiver: Path,
    fails: Fails,
    tmp_path: Path,
) -> None:
    bad = changed(bundle, tmp_path / "bad.json", change)
    output = tmp_path / "out.jsonl"
    assert said in fails("indicators", "match", bad, "--index", receiver, "-o", output)
    assert not output.exists()


@pytest.mark.parametrize("content", [b"", b"[" * 200_000, b'{"type": "bun', b"\xff\xfe", b"[1]"])
def test_what_is_no_bundle_is_the_users_mistake(
    content: bytes, receiver: Path, fails: Fails, tmp_path: Path
) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    assert "bad.json" in fails("indicators", "match", tmp_path / "bad.json", "--index", receiver)


def test_a_bundle_that_is_too_large_is_not_read(
    bundle: Path, receiver: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capscope.classify.indicators.bundle.LARGEST", 1000)
    assert "more than 1,000 bytes" in fails("indicators", "match", bundle, "--index", receiver)


def test_an_index_without_accounts_is_the_users_mistake(
    bundle: Path, encoder: Any, fails: Fails, tmp_path: Path
) -> None:
    nobody = indexed([{"session_id": "s", "prompt": "hello"}], tmp_path, encoder)
    assert "names no account" in fails("indicators", "match", bundle, "--index", nobody)


def test_hostile_text_is_harmless(bundle: Path, receiver: Path, run: Run, tmp_path: Path) -> None:
    def change(objects: dict[str, Any]) -> None:
        extension(objects)["campaign_id"] = HOSTILE
        objects["indicator"]["pattern"] = HOSTILE + objects["indicator"]["pattern"]

    bad = changed(bundle, tmp_path / "hostile.json", change)
    result = run("indicators", "match", bad, "--index", receiver)
    assert result.exit_code == 0, result.output
    assert records(result)[0]["campaign_id"] == HOSTILE
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output


def test_a_group_must_be_there_and_share_templates(
    sender: Path, group: str, fails: Fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.json"
    assert "no group c-0" in fails("indicators", "export", "c-0", "--index", sender, "-o", output)
    monkeypatch.setattr("capscope.classify.indicators.skeletons.PROMPTS", 10_000)
    assert "no template" in fails("indicators", "export", group, "--index", sender, "-o", output)
    assert not output.exists()


def test_without_stix2_it_is_said_what_to_install(
    bundle: Path, fails: Fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "stix2", None)
    with pytest.raises(Exception, match=r"capscope\[stix\]"):
        write_bundle(read_bundle(bundle), tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()
