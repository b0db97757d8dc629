"""A pool of made-up prompts, with the payload sources that applications ask for by name."""

from collections.abc import Iterator

from capscope.data.pool import PoolSource
from capscope.data.recipes import PAYLOADS, TEMPLATES

AREAS = ("coding", "reasoning", "tool_use", "vision", "orchestration", "data_analysis")
NOT_FOR_TRAINING = ("ag_news", "dialogsum", "product_reviews")
TOPICS = ("rivers", "clocks", "bread", "maps", "wool")


def made_up_pool() -> list[PoolSource]:
    """Sources of every kind for every group, a small one among them."""
    return [*_made_up(may_train=True, each=6), *_made_up(may_train=False, each=2), *_payloads()]


def _made_up(*, may_train: bool, each: int) -> Iterator[PoolSource]:
    for i in range(each):
        name = f"{'may' if may_train else 'not'}-{i}"
        chats = [
            [f"{name} asks of {TOPICS[s % 5]}, sitting {s}, turn {t}" for t in range(1 + s % 6)]
            for s in range(30)
        ]
        owners = [s // 2 for s in range(30)] if i % 2 else list(range(30))
        yield PoolSource(f"o-{name}", "organic", may_train, None, chats, owners)
        tasks = [[f"{name} task {t}" + " and more" * (t % 7)] for t in range(40 + 40 * i)]
        levels = [("easy", "hard")[t % 2] for t in range(len(tasks))] if i % 2 else []
        owners = list(range(len(tasks)))
        yield PoolSource(f"x-{name}", "extraction", may_train, AREAS[i], tasks, owners, levels)


def _payloads() -> Iterator[PoolSource]:
    for name in (name for names in PAYLOADS.values() for name in names):
        kind = "organic" if name == "star_dialogues" else "payload"
        turns = 4 if name in ("sgd_assistant", "star_dialogues") else 1
        payloads = [[f"{name} payload {p}.{t}" for t in range(turns)] for p in range(60)]
        may_train = name not in NOT_FOR_TRAINING
        yield PoolSource(name, kind, may_train, None, payloads, list(range(60)))
    found = [
        [f"Please look at this and say in style {i} what it is about: {{text}}"] for i in range(9)
    ]
    yield PoolSource(TEMPLATES, "payload", True, None, found, list(range(9)))
