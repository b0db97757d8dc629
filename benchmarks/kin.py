"""Which sources of a pool share text: the evidence for `KIN` in data/split.py.

Two prompts share text when a run of ten words stands in both, at least six of them different and
made of letters. Runs that stand in more than one prompt in fifty of their source are its template
and not counted. The project's own sources are looked at as well: how many of their prompts share
text with any source of the pool.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from capscope.data.pool import PoolSource, load_pool
from capscope.data.simulation.invented import invented_shelves
from capscope.data.split import KIN

RUN = 10
DIFFERENT = 6
TEMPLATE = 0.02
WORDS = re.compile(r"\w+")


def runs(text: str) -> Iterator[int]:
    """Yield a hash of each run of ten words."""
    words = WORDS.findall(text.lower())
    for start in range(len(words) - RUN + 1):
        run = words[start : start + RUN]
        if len({word for word in run if word.isalpha()}) >= DIFFERENT:
            yield hash(tuple(run))


def own_runs(source: PoolSource) -> list[set[int]]:
    """Return the runs of each prompt, the source's template left out."""
    prompts = [set(runs(prompt)) for prompt in source.prompts]
    counts = Counter(run for prompt in prompts for run in prompt)
    most = max(3, TEMPLATE * len(prompts))
    return [{run for run in prompt if counts[run] <= most} for prompt in prompts]


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--pool", type=Path, required=True)
parser.add_argument("--least", type=float, default=0.02, help="share of a source's prompts")
arguments = parser.parse_args()

of_source = {source.name: own_runs(source) for source in load_pool(arguments.pool)}
owners: dict[int, set[str]] = defaultdict(set)
for name, prompts in of_source.items():
    for prompt in prompts:
        for run in prompt:
            owners[run].add(name)
for name, prompts in of_source.items():
    shared = Counter(
        other for prompt in prompts for other in {o for run in prompt for o in owners[run]} - {name}
    )
    for other, count in shared.most_common():
        if count / len(prompts) >= arguments.least:
            kin = any({name, other} <= family for family in KIN)
            sys.stdout.write(
                f"{name:22} {other:22} {count:5} of {len(prompts):5} {count / len(prompts):6.1%}"
                f"  {'kin' if kin else 'NOT KIN'}\n"
            )

shelves = invented_shelves().values()
own = [
    source
    for shelf in shelves
    for source in chain(shelf.organic, shelf.extraction, *shelf.payloads.values())
]
prompts = [prompt for source in own for prompt in own_runs(source)]
alike = sum(not owners.keys().isdisjoint(prompt) for prompt in prompts)
sys.stdout.write(f"{alike} of {len(prompts)} invented prompts share text with the pool\n")
