"""Indicators: a bundle of one simulated provider's campaign, matched at another provider.

Each profile is one operator with accounts at two providers. Half of the wrappers and grids that it
uses at the first it uses at the second too; the question banks are the same, the accounts, times
and other traffic are not. The first provider finds its groups, exports the one that holds the
operator's accounts, and the second matches the bundle. Recipes that `--stage tune` uses are not
drawn again by `--stage report`, nor are its seeds.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from capscope.classify.campaigns import campaign_files
from capscope.classify.indicators import export_file, match_bundle
from capscope.data import read_traffic, write_simulation
from capscope.data.pool import load_pool
from capscope.data.simulation.mix import load_mix
from capscope.data.simulation.shelf import stock
from capscope.embed import open_encoder
from capscope.index import add

PROFILES = ("reasoning-and-grading", "agents-and-vision", "agentic-coding")
TUNED_ON = "reasoning-and-grading"
SEEDS = {"tune": 101, "report": 201}
COMMON = """
prompts_per_session = [10, 30]
sessions_per_account = [1, 2]
days = 28

[shares]
person = 0.3
coherent_prompts = 0.1
shared_account = 0.08
occasional = 0.08
application = 0.3
application_chat = 0.07
application_grading = 0.07

[products]
count = 10
accounts = 40

[launch]
model = "meridian-3"
day = 14
adoption = 0.15
"""

Recipes = tuple[list[str], list[str]]


def say(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def halves(names: list[str], most: int, rng: np.random.Generator) -> Recipes:
    """Deal names to two providers, at most so many to each, half of each one's in common.

    Of two names each has its own; one alone is in common, since its area has nothing else.
    """
    if len(names) < 3:
        return names[:1], names[-1:]
    half = min(most // 2, len(names) // 3)
    drawn = [str(name) for name in rng.permutation(names)[: 3 * half]]
    return drawn[: 2 * half], drawn[half:]


def operators(pool: Path, held_out: bool) -> dict[str, Recipes]:
    """Return the recipes of each profile at the two providers; profiles share none but grids."""
    shelves = stock(load_pool(pool), held_out=held_out).values()
    wrappers = {one.template: one.name for shelf in shelves for one in shelf.wrappers}
    grids = [grid for shelf in shelves for grid in shelf.grids]
    rng = np.random.default_rng(7)
    left = [str(name) for name in rng.permutation(sorted(wrappers.values()))]
    found = {}
    for profile in PROFILES:
        (campaign,) = load_mix(profile).campaign
        size = min(campaign.templates, len(wrappers) // len(PROFILES) * 2 // 3)
        own, left = left[: size * 3 // 2], left[size * 3 // 2 :]
        one, other = halves(own, size, rng)
        for area in sorted(campaign.areas):
            parts = halves(sorted(grid.name for grid in grids if grid.area == area), 2, rng)
            one, other = one + parts[0], other + parts[1]
        found[profile] = one, other
    return found


def mix_of(profile: str, recipes: list[str], accounts: int, organic: float, path: Path) -> None:
    """Write the mix of a provider with one campaign."""
    (campaign,) = load_mix(profile).campaign
    pivot = "" if campaign.pivot is None else f"pivot = {campaign.pivot}\n"
    path.write_text(
        f"{COMMON}\n[[campaign]]\nname = {json.dumps(profile)}\naccounts = {accounts}\n"
        f"templates = {len(recipes)}\norganic = {organic}\n{pivot}recipes = {json.dumps(recipes)}\n"
        "[campaign.areas]\n" + "".join(f"{a} = {s}\n" for a, s in campaign.areas.items()),
        encoding="utf-8",
    )


def provider(
    name: str, profile: str, recipes: list[str], seed: int, options: argparse.Namespace
) -> tuple[Path, dict[str, str]]:
    """Simulate and index a provider's traffic; return its index and what each account is."""
    place = options.output / f"{name}-{profile}-{seed}"
    traffic = place.with_suffix(".parquet")
    mix_of(profile, recipes, options.accounts, options.organic, place.with_suffix(".toml"))
    write_simulation(
        options.pool,
        traffic,
        sessions=options.sessions,
        seed=seed,
        mix=str(place.with_suffix(".toml")),
        held_out=options.held_out,
    )
    add(place, read_traffic([str(traffic)]), open_encoder(None, options.cache))
    table = pq.read_table(traffic, columns=["account_id", "kind", "campaign"])
    columns = (column.to_pylist() for column in table.columns)
    return place, {
        account: campaign or kind for account, kind, campaign in zip(*columns, strict=True)
    }


def share(profile: str, recipes: Recipes, seed: int, options: argparse.Namespace) -> None:
    """Export at the first provider, match at the second, and say what came of it."""
    begin = time.perf_counter()
    sender, truth = provider("sender", profile, recipes[0], seed, options)
    found, _ = campaign_files(
        [], sender.with_suffix(".found.jsonl"), index=sender, cache=options.cache
    )
    counts = [sum(truth[m["account_id"]] == profile for m in one.members) for one in found]
    best = found[int(np.argmax(counts))]
    bundle = sender.with_suffix(".json")
    profiled = export_file(best.campaign_id, sender, bundle, cache=options.cache)
    beside = profiled.outside
    receiver, truth = provider("receiver", profile, recipes[1], seed + 1, options)
    output = receiver.with_suffix(".matched.jsonl")
    match_bundle(bundle, receiver, output, cache=options.cache)
    records = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    matched = {record["account_id"] for record in records if record["match"]}
    theirs = {account for account, kind in truth.items() if kind == profile}
    others = set(truth) - theirs
    common = set(recipes[0]) & set(recipes[1])
    say(
        f"{profile}, seeds {seed} and {seed + 1}: {len(recipes[0])} and {len(recipes[1])} recipes, "
        f"{len(common)} in common; group of {len(best.members)} ({max(counts)} of "
        f"{options.accounts}, {best.label}), {len(profiled.skeletons)} skeletons, "
        f"bundle {bundle.stat().st_size / 1000:.0f} kB"
    )
    say(
        f"  at the sender {beside.matched} of {beside.accounts:,} other accounts match (at most "
        f"{beside.at_most:.2%}); at the receiver {len(matched & theirs)} of {len(theirs)} accounts "
        f"found ({len(matched & theirs) / len(theirs):.1%}), {len(matched & others)} of "
        f"{len(others):,} others matched ({len(matched & others) / len(others):.3%})"
    )
    words = {r["account_id"] for r in records if r["match"] and r["evidence"]["by_words"]}
    tell_kinds(records, truth, matched & others)
    say(
        f"  {len(words & theirs)} of them with a prompt that fits by its words; "
        f"{time.perf_counter() - begin:.0f} s"
    )


def tell_kinds(records: list[dict[str, Any]], truth: dict[str, str], wrong: set[str]) -> None:
    """Say what the wrongly matched accounts are."""
    for record in records:
        if record["account_id"] in wrong:
            say(
                f"  wrong: {truth[record['account_id']]}, {record['fit']} of {record['prompts']} "
                f"fit, {record['evidence']['by_words']} by words"
            )


def main() -> None:
    """Print a few lines for each profile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--stage", choices=SEEDS, default="report")
    parser.add_argument("--profile", nargs="*", choices=PROFILES)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--organic", type=float, default=0.0, help="organic prompts mixed in")
    parser.add_argument("--held-out", action="store_true", help="sources that may not train")
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    versions = " ".join(f"{n} {version(n)}" for n in ("numpy", "scipy", "stix2", "pyarrow"))
    say(f"{platform.platform()}, Python {platform.python_version()}, {versions}")
    told = [TUNED_ON] if options.stage == "tune" else [p for p in PROFILES if p != TUNED_ON]
    dealt = operators(options.pool, options.held_out)
    for profile in options.profile or told:
        seed = SEEDS[options.stage] + 10 * PROFILES.index(profile)
        share(profile, dealt[profile], seed, options)


if __name__ == "__main__":
    main()
