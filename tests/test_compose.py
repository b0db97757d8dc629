"""Composed sessions: the same seed gives the same bytes, and groups share nothing."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from capscope.data.compose import MIX, simulate, write_simulation
from capscope.data.pool import PoolSource
from capscope.data.recipes import PAYLOADS, applications, grids, wrappers
from capscope.data.split import KIN, assign_groups


def made_up_pool() -> list[PoolSource]:
    """A pool of made-up prompts with enough sources for every group."""
    sources = []
    for may_train, count in ((True, 6), (False, 2)):
        for i in range(count):
            name = f"{'may' if may_train else 'not'}-{i}"
            chats = [[f"{name} chat {s} turn {t}" for t in range(4)] for s in range(20)]
            tasks = [[f"{name} task {t}"] for t in range(60)]
            sources.append(PoolSource(f"o-{name}", "organic", may_train, None, chats))
            sources.append(PoolSource(f"x-{name}", "extraction", may_train, "coding", tasks))
    for name in PAYLOADS.values():
        may_train = name not in ("ag_news", "dialogsum", "product_reviews")
        payloads = [[f"{name} payload {p}"] for p in range(60)]
        sources.append(PoolSource(name, "payload", may_train, None, payloads))
    return sources


def test_the_same_seed_gives_the_same_sessions() -> None:
    pool = made_up_pool()
    one, same, other = (simulate(pool, 40, seed=seed) for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)


@pytest.fixture(scope="module")
def traffic() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = simulate(made_up_pool(), 600, seed=3).to_pylist()
    return rows


def test_no_source_or_template_is_in_two_groups(traffic: list[dict[str, object]]) -> None:
    groups: dict[object, set[object]] = {}
    systems: dict[object, set[object]] = {}
    for row in traffic:
        groups.setdefault(row["source"], set()).add(row["group"])
        if row["system"]:
            systems.setdefault(row["system"], set()).add(row["group"])
    assert all(len(found) == 1 for found in groups.values())
    assert len(systems) > 20
    assert all(len(found) == 1 for found in systems.values())
    assert len({row["group"] for row in traffic}) == 5


def test_kinds_come_in_their_proportions(traffic: list[dict[str, object]]) -> None:
    kinds = {str(row["session_id"]): str(row["kind"]) for row in traffic}
    for kind, share in MIX.items():
        assert list(kinds.values()).count(kind) / len(kinds) == pytest.approx(share, abs=0.06)
    labels = {(row["kind"], row["label"]) for row in traffic}
    assert ("application", "organic") in labels
    assert len(labels) == len(MIX)


def test_lengths_do_not_tell_the_classes_apart(traffic: list[dict[str, object]]) -> None:
    lengths: dict[object, dict[object, int]] = {"organic": {}, "extraction": {}}
    for row in traffic:
        of_label = lengths[row["label"]]
        of_label[row["session_id"]] = of_label.get(row["session_id"], 0) + 1
    means = [sum(of.values()) / len(of) for of in lengths.values()]
    assert means[0] == pytest.approx(means[1], rel=0.15)


def test_kin_share_a_group() -> None:
    names = sorted(name for kin in KIN for name in kin)
    groups = assign_groups([PoolSource(n, "extraction", True, "coding", [["x"]]) for n in names])
    for kin in KIN:
        assert len({groups[name] for name in kin}) == 1


def test_recipes_are_many_and_fill_their_slots() -> None:
    assert len(applications()) >= 60
    assert len(wrappers()) >= 40
    assert len(grids()) >= 40
    for recipes in (applications(), wrappers(), grids()):
        assert len({recipe.name for recipe in recipes}) == len(recipes)
    for application in applications():
        assert "<<X>>" in application.template.format(payload="<<X>>")
        assert set(application.payloads) <= set(PAYLOADS)
    for wrapper in wrappers():
        assert "<<X>>" in wrapper.template.format(task="<<X>>")
    for grid in grids():
        prompts = grid.prompts()
        assert len(set(prompts)) == len(prompts) >= 80


def test_a_pool_without_a_kind_is_refused(fails: Callable[..., str], tmp_path: Path) -> None:
    assert "is no pool" in fails("simulate", "--pool", tmp_path, "-o", tmp_path / "t.parquet")
    (tmp_path / "catalog.json").write_text("{}")
    assert "no organic" in fails("simulate", "--pool", tmp_path, "-o", tmp_path / "t.parquet")
    assert not (tmp_path / "t.parquet").exists()


def test_the_command_writes_the_same_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capscope.data.compose.load_pool", lambda folder: made_up_pool())
    digests = set()
    for name in ("a.parquet", "b.parquet"):
        write_simulation(tmp_path, tmp_path / name, sessions=30, seed=5)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
        assert pq.read_table(tmp_path / name)["label"].null_count == 0
    assert len(digests) == 1
