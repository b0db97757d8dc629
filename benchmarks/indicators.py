"""Indicators: bundles of one simulated provider's campaigns, matched at another provider.

`SENDER` and `RECEIVER` are simulated traffic; their campaigns are taken out, and three operators
put in, one of each profile, each with accounts at both. Half of the wrappers and grids that an
operator uses at the one it uses at the other; its question banks are the same, its accounts, times
and the other traffic are not. Wrappers of the campaigns that were taken out are not drawn: on those
the rules of a bundle were chosen. The sender finds its groups and exports those that hold the
operators' accounts, the receiver matches the bundles; only the figures read the truth.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capscope.classify import load_model
from capscope.classify.campaigns import Corpus, Judge, find_campaigns
from capscope.classify.campaigns.things import find_accounts
from capscope.classify.indicators import match_bundle
from capscope.classify.indicators.bundle import write_bundle
from capscope.classify.indicators.profile_of import profile_of
from capscope.data import JOIN, read_traffic, write_simulation
from capscope.data.pool import load_pool
from capscope.data.simulation.mix import load_mix
from capscope.data.simulation.shelf import stock
from capscope.embed import open_encoder
from capscope.index import AreaMap, add, open_index

PROFILES = ("reasoning-and-grading", "agents-and-vision", "agentic-coding")
DEALT = 19
"""Deals wrappers and grids to operators; with 7 the grouping's faults were found and looked at."""
SEEDS = (201, 202)
SIZES = """
prompts_per_session = [10, 30]
sessions_per_account = [1, 2]

[launch]
model = "meridian-3"
day = 14
adoption = 0.15

[shares]
person = 1.0
"""
"""Sizes of the operators' accounts, 10 to 60 prompts each, and the launch of the other traffic."""

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


def operators(pool: Path, used: set[str]) -> dict[str, tuple[Recipes, Recipes]]:
    """Return the wrappers and the grids of each profile's operator at both providers."""
    shelves = stock(load_pool(pool), held_out=False).values()
    names = {one.template: one.name for shelf in shelves for one in shelf.wrappers}
    grids = [grid for shelf in shelves for grid in shelf.grids]
    rng = np.random.default_rng(DEALT)
    left = [str(name) for name in rng.permutation(sorted(set(names.values()) - used))]
    found = {}
    for profile in PROFILES:
        (campaign,) = load_mix(profile).campaign
        own, left = left[: campaign.templates * 3 // 2], left[campaign.templates * 3 // 2 :]
        of_areas = [
            halves(sorted(grid.name for grid in grids if grid.area == area), 2, rng)
            for area in sorted(campaign.areas)
        ]
        swept = [name for one, _ in of_areas for name in one]
        found[profile] = (
            halves(own, campaign.templates, rng),
            (swept, [name for _, other in of_areas for name in other]),
        )
    return found


def planted(
    place: int, dealt: dict[str, tuple[Recipes, Recipes]], options: argparse.Namespace
) -> pa.Table:
    """Simulate the operators' accounts at a provider, and nobody else."""
    told = [SIZES]
    for profile, (wrappers, grids) in dealt.items():
        (campaign,) = load_mix(profile).campaign
        pivot = "" if campaign.pivot is None else f"pivot = {campaign.pivot}\n"
        told.append(
            f"[[campaign]]\nname = {json.dumps(profile)}\naccounts = {options.accounts}\n"
            f"templates = {len(wrappers[place])}\norganic = {options.organic}\n{pivot}"
            f"recipes = {json.dumps(wrappers[place] + grids[place])}\n[campaign.areas]\n"
            + "".join(f"{area} = {share}\n" for area, share in campaign.areas.items())
        )
    mix, traffic = options.output / "operators.toml", options.output / "operators.parquet"
    mix.write_text("\n".join(told), encoding="utf-8")
    enough = 2 * len(dealt) * options.accounts
    write_simulation(options.pool, traffic, sessions=enough, seed=SEEDS[place], mix=str(mix))
    table = pq.read_table(traffic)
    return table.filter(pc.equal(table["kind"], "campaign"))


def provider(
    place: int, dealt: dict[str, tuple[Recipes, Recipes]], options: argparse.Namespace
) -> tuple[Path, dict[str, str]]:
    """Index a provider's traffic; return the index and what each account is."""
    others = pq.read_table((options.sender, options.receiver)[place])
    others = others.filter(pc.not_equal(others["kind"], "campaign"))
    table = pa.concat_tables([others, planted(place, dealt, options)])
    traffic = options.output / f"{'sender' if place == 0 else 'receiver'}.parquet"
    pq.write_table(table, traffic)
    index = traffic.with_suffix("")
    added = add(index, read_traffic([str(traffic)]), open_encoder(None, options.cache))
    columns = (table[name].to_pylist() for name in ("account_id", "kind", "campaign"))
    truth = {account: campaign or kind for account, kind, campaign in zip(*columns, strict=True)}
    say(f"{index.name}: {len(truth):,} accounts, {added.total:,} prompts")
    return index, truth


def export(index: Path, truth: dict[str, str], options: argparse.Namespace) -> dict[str, Path]:
    """Export the group of each operator, as the command does, and return the bundles."""
    opened, encoder = open_index(index), open_encoder(None, options.cache)
    corpus = Corpus.of_index(opened)
    accounts, areas = find_accounts(corpus.table, corpus.prompt), AreaMap.embedded(encoder)
    found = find_campaigns(corpus, Judge(load_model(None), encoder))
    bundles = {}
    for profile in PROFILES:
        counts = [sum(truth[m["account_id"]] == profile for m in one.members) for one in found]
        best = found[int(np.argmax(counts))]
        begin = time.perf_counter()
        bundles[profile] = options.output / f"{profile}.json"
        shared = profile_of(corpus, accounts, best, areas, encoder.fingerprint)
        write_bundle(shared, bundles[profile])
        outside = shared.outside
        say(
            f"{profile}: {max(counts)} of {options.accounts} accounts in a group of "
            f"{len(best.members)}, {best.label}; {len(shared.skeletons)} skeletons, "
            f"{bundles[profile].stat().st_size / 1000:.0f} kB, "
            f"{time.perf_counter() - begin:.0f} s; {outside.matched} of "
            f"{outside.accounts:,} other accounts match, at most {outside.at_most:.3%}"
        )
    return bundles


def match(
    profile: str, bundle: Path, index: Path, truth: dict[str, str], options: argparse.Namespace
) -> None:
    """Match a bundle, and say what came of it."""
    output = options.output / f"{profile}.matched.jsonl"
    begin = time.perf_counter()
    match_bundle(bundle, index, output, cache=options.cache)
    seconds = time.perf_counter() - begin
    records = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    matched = {one["account_id"]: one for one in records if one["match"]}
    theirs = {account for account, kind in truth.items() if kind == profile}
    organic = {account for account, kind in truth.items() if kind not in PROFILES}
    right, wrong = theirs & set(matched), organic & set(matched)
    words = sum(matched[account]["evidence"]["by_words"] > 0 for account in right)
    say(
        f"{profile}: {len(right)} of {len(theirs)} accounts found "
        f"({len(right) / len(theirs):.1%}), {words} of them with words in common; "
        f"{len(wrong)} of {len(organic):,} organic accounts matched "
        f"({len(wrong) / len(organic):.3%}); "
        f"{len(set(matched) - theirs - organic)} of other operators; {seconds:.0f} s"
    )
    for account in sorted(wrong):
        one = matched[account]
        say(
            f"  wrong: {truth[account]}, {one['fit']} of {one['prompts']} prompts fit, "
            f"{one['evidence']['by_words']} by words"
        )


def templates_of(traffic: Path) -> set[str]:
    """Return the recipes that the campaigns of simulated traffic use."""
    table = pq.read_table(traffic, columns=["kind", "template"])
    own = table.filter(pc.equal(table["kind"], "campaign"))["template"].unique().to_pylist()
    return {name for names in own if names for name in names.split(JOIN)}


def main() -> None:
    """Print a few lines for each profile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sender", type=Path)
    parser.add_argument("receiver", type=Path)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--accounts", type=int, default=300, help="of each operator")
    parser.add_argument("--organic", type=float, default=0.0, help="organic prompts mixed in")
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    versions = " ".join(f"{n} {version(n)}" for n in ("numpy", "scipy", "stix2", "pyarrow"))
    say(f"{platform.platform()}, Python {platform.python_version()}, {versions}")
    used = templates_of(options.sender) | templates_of(options.receiver)
    dealt = operators(options.pool, used)
    for profile, parts in dealt.items():
        (wrappers, others), (grids, more) = parts
        say(
            f"{profile}: {len(wrappers)} wrappers and {len(grids)} grids, of which the receiver "
            f"has {len(set(wrappers) & set(others))} and {len(set(grids) & set(more))} of its "
            f"{len(others)} and {len(more)}"
        )
    bundles = export(*provider(0, dealt, options), options)
    index, truth = provider(1, dealt, options)
    for profile, bundle in bundles.items():
        match(profile, bundle, index, truth, options)


if __name__ == "__main__":
    main()
