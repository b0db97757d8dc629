"""Write the shipped sample: a few hundred labelled sessions of invented LLM traffic.

The texts stand in `sample/*.toml` beside this file; the same seed gives the same bytes.
Clocks, models, session and account ids are drawn alike for every kind of session.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count, cycle, islice, product
from pathlib import Path
from random import Random
from typing import Any

TEXTS = Path(__file__).with_name("sample")
MODELS = ["meridian-2", "meridian-2", "meridian-2-mini", "meridian-3"]
START, DAYS = datetime(2025, 9, 8, tzinfo=UTC), 3
VARIANTS, PLAYED = 3, 2  # of each script: how many there are, how many are organic sessions
SPARE, NTH = 6, 25  # scripts only mixed into extraction; every nth session is cut short
PART = re.compile(r"\{(?:(\d+)\.\.(\d+)|([a-z]\w*))\}")

Spec = dict[str, Any]
Row = dict[str, str | None]


@dataclass(frozen=True)
class Session:
    """The prompts of one session; `account` is a private key that the output never shows."""

    account: str
    prompts: list[str]
    label: str
    system: str | None = None


def fill(text: str, pick: Callable[[str], str], rng: Random) -> str:
    """Replace every `{slot}` by what `pick` says, which may hold more, and `{3..9}` by a number."""
    while match := PART.search(text):
        low, high, name = match.groups()
        value = pick(name) if name else str(rng.randint(int(low), int(high)))
        text = text[: match.start()] + value + text[match.end() :]
    return text


def slip(text: str, rng: Random) -> str:
    """Type as people do: now and then two letters swapped, or no full stop."""
    at = rng.randrange(len(text))
    pair = text[at : at + 2]
    if rng.random() < 0.06 and "\n" not in text and pair.isalpha() and pair.isascii():
        text = text[:at] + pair[::-1] + text[at + 2 :]
    return text.removesuffix(".") if rng.random() < 0.3 else text


def conversations(script: Spec, uses: int, rng: Random) -> Iterator[list[str]]:
    """Play some of a script's variants; some people leave before its end."""
    turns = [[turn] if isinstance(turn, str) else turn for turn in script["turns"]]
    shifts = [rng.randrange(len(turn)) for turn in turns]
    for nth, use in enumerate(rng.sample(range(VARIANTS), uses)):
        case = {name: column[use] for name, column in script["slots"].items()}
        said = [turn[(nth + shift) % len(turn)] for turn, shift in zip(turns, shifts, strict=True)]
        said = [turn for turn in said if not turn.startswith("? ") or rng.random() < 0.6]
        texts = [fill(turn.removeprefix("? "), case.__getitem__, rng).strip() for turn in said]
        yield [slip(text, rng) for text in texts[: rng.randint(6, 30)]]


def handfuls(bank: Spec, rng: Random) -> Iterator[list[str]]:
    """Draw a power user's sessions from a bank of unrelated requests."""
    items = cycle(rng.sample(bank["items"], len(bank["items"])))
    for _ in range(bank["uses"]):
        yield [slip(item, rng) for item in islice(items, rng.randint(*bank["size"]))]


def owners(prefix: str, rng: Random) -> Iterator[str]:
    """Name the account of each next session: one to three sessions each."""
    for number in count():
        yield from [f"{prefix} {number}"] * rng.choice([1, 1, 1, 2, 3])


def people(texts: Spec, kept: list[Spec], rng: Random) -> list[Session]:
    """Let people talk, each in one language: all scripts but the `kept` ones, and the banks."""
    scripts = [script for script in texts["script"] if script not in kept]
    talks = [(s.get("lang", "en"), t) for s in scripts for t in conversations(s, PLAYED, rng)]
    talks += [(b.get("lang", "en"), t) for b in texts["bank"] for t in handfuls(b, rng)]
    rng.shuffle(talks)
    account = {lang: owners(lang, rng) for lang, _ in talks}
    return [Session(next(account[lang]), talk, "organic") for lang, talk in talks]


def length(rng: Random) -> int:
    """Draw how many prompts a session has."""
    return round(rng.triangular(5, 22, 7))


def draw(slots: dict[str, list[str]], skew: float, rng: Random) -> Callable[[str], str]:
    """Choose among a slot's values: evenly if `skew` is 1, the early ones more often above."""
    return lambda name: slots[name][int(len(slots[name]) * rng.random() ** skew)]


def applications(texts: Spec, rng: Random) -> Iterator[Session]:
    """Send naturally skewed payloads through each application's one template."""
    for app in texts["app"]:
        pick, system = draw(app["slots"], 1.3, rng), app.get("system")
        for n in range(app["sessions"]):
            prompts = [fill(app["template"], pick, rng).strip() for _ in range(length(rng))]
            yield Session(f"{app['name']} {n % app['accounts']}", prompts, "organic", system)


def cells(recipe: Spec, rng: Random) -> Iterator[dict[str, list[str]]]:
    """Walk the recipe's grid, round and round; a ladder climbs its last axis in order."""
    axes = list(recipe["axes"].values())
    steps = [(step,) for step in axes.pop()] if recipe.get("ladder") else [()]
    grid = list(product(*axes))
    rng.shuffle(grid)
    for values in cycle([cell + step for cell in grid for step in steps]):
        fixed = {axis: [value] for axis, value in zip(recipe["axes"], values, strict=True)}
        yield recipe.get("slots", {}) | fixed


def dilute(prompts: list[str], share: float, talk: list[str], rng: Random) -> list[str]:
    """Put the opening turns of an ordinary conversation in place of a share of the prompts."""
    places = rng.sample(range(len(prompts)), min(len(talk), round(share * len(prompts))))
    said = iter(talk)
    return [next(said) if at in places else prompt for at, prompt in enumerate(prompts)]


def extraction(texts: Spec, talks: Iterator[list[str]], rng: Random) -> Iterator[Session]:
    """Walk each recipe's grid; a session takes up where the one before it stopped."""
    for recipe in texts["recipe"]:
        walk = cells(recipe, rng)
        for n in range(recipe["sessions"]):
            picks = [draw(cell, 1, rng) for cell in islice(walk, length(rng))]
            prompts = [fill(rng.choice(recipe["templates"]), pick, rng) for pick in picks]
            if share := recipe.get("dilute"):
                prompts = dilute(prompts, share, next(talks), rng)
            key = f"{recipe['name']} {n % recipe['accounts']}"
            yield Session(key, prompts, "extraction", recipe.get("system"))


def moments(rng: Random) -> Iterator[datetime]:
    """Tell the times of a session's prompts: mostly a minute apart, now and then a long pause."""
    now = START + timedelta(seconds=rng.uniform(0, DAYS * 86400))
    while True:
        yield now
        median = 900 if rng.random() < 0.12 else 50
        now += timedelta(seconds=1 + median * rng.lognormvariate(0, 0.9))


def rows(sessions: list[Session], rng: Random) -> list[Row]:
    """Give sessions and accounts opaque ids, and interleave their prompts by time."""
    keys = sorted({session.account for session in sessions})
    accounts = dict(zip(keys, rng.sample(range(16**4), len(keys)), strict=True))
    out: list[Row] = []
    for code, session in zip(rng.sample(range(16**6), len(sessions)), sessions, strict=True):
        head = {"session_id": f"s-{code:06x}", "account_id": f"a-{accounts[session.account]:04x}"}
        tail = {"model": rng.choice(MODELS), "system": session.system}
        for prompt, at in zip(session.prompts, moments(rng), strict=False):
            row = head | {"timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}"} | tail
            out.append(row | {"prompt": prompt, "label": session.label})
    return sorted(out, key=lambda row: str(row["timestamp"]))


def sample(seed: int) -> list[Row]:
    """Compose the whole sample: people, applications, extraction; a few sessions cut short."""
    rng = Random(seed)
    names = ("organic", "applications", "extraction")
    talk, apps, recipes = (tomllib.loads((TEXTS / f"{n}.toml").read_text("utf-8")) for n in names)
    kept = rng.sample(talk["script"], SPARE)
    spare = cycle([turns for script in kept for turns in conversations(script, VARIANTS, rng)])
    sessions = [*people(talk, kept, rng), *applications(apps, rng)]
    sessions += extraction(recipes, spare, rng)
    for at in range(rng.randrange(NTH), len(sessions), NTH):
        few = sessions[at].prompts[: rng.randint(1, 4)]
        sessions[at] = replace(sessions[at], prompts=few)
    return rows(sessions, rng)


def main() -> None:
    """Write the sample beside its final place, then move it there in one step."""
    parser = argparse.ArgumentParser(description="Write the shipped sample of labelled traffic.")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the JSON lines to write")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    table = sample(args.seed)
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in table)
    partial = args.out.with_name(f"{args.out.name}.partial")
    partial.write_text("".join(lines), "utf-8", newline="\n")
    partial.replace(args.out)  # os.replace: whole or not at all
    sys.stderr.write(f"{args.out}: {len(table)} prompts\n")


if __name__ == "__main__":
    main()
