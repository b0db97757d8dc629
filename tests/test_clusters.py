"""Clusters equal exact HDBSCAN's; they last over batches, and say what they are."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hdbscan
import numpy as np
import pyarrow as pa
import pytest
from conftest import Rows, records, write_rows
from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score
from typer.testing import Result

from capscope.data import FolderError, InputError, Traffic, read_traffic
from capscope.embed import SentenceEncoder, embed
from capscope.index import (
    ClusterModel,
    add,
    cluster,
    density_clusters,
    find_clusters,
    open_index,
)
from capscope.index import neighbours as module
from capscope.index.batches import fingerprint
from capscope.index.clusters import stratified
from capscope.index.condensed import choose_clusters
from capscope.index.names import WORDLESS, name_clusters
from capscope.index.neighbours import nearest_neighbours
from capscope.index.placing import cutoffs_of, exemplars_of, place
from capscope.index.spanning import core_distances, spanning_tree

Vectors = NDArray[np.float32]
Run = Callable[..., Result]


def planted(
    n: int, clusters: int, noise: float = 0.1, spread: float = 0.7, seed: int = 0
) -> tuple[Vectors, NDArray[np.int64]]:
    """Return unit vectors around random centres, and among them noise labelled -1."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, clusters, n)
    labels[rng.random(n) < noise] = -1
    centres = rng.normal(size=(clusters + 1, 96)) / np.sqrt(96)
    centres[-1] = 0.0
    width = np.where(labels < 0, 1.0, spread)[:, None]
    vectors = centres[labels] + width * rng.normal(size=(n, 96)) / np.sqrt(96)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), labels


def exact(vectors: Vectors) -> hdbscan.HDBSCAN:
    return hdbscan.HDBSCAN(min_cluster_size=5, core_dist_n_jobs=1).fit(vectors.astype(np.float64))


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the road of many vectors for few."""
    monkeypatch.setattr(module, "FLAT", 0)
    monkeypatch.setattr(module, "SCANNED", 0)
    monkeypatch.setattr(module, "PER_LIST", 100)


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLAT", 0)


@pytest.mark.parametrize("road", [None, "codes", "lists"])
def test_planted_clusters_are_those_of_exact_hdbscan(
    road: str | None, request: pytest.FixtureRequest
) -> None:
    if road:
        request.getfixturevalue(road)
    vectors, labels = planted(3000, 20)
    found, oracle = density_clusters(vectors), exact(vectors)
    assert adjusted_rand_score(oracle.labels_, found.labels) > 0.98
    assert adjusted_rand_score(labels, found.labels) > 0.97
    assert abs((found.labels < 0).mean() - (oracle.labels_ < 0).mean()) < 0.02


def test_clusters_of_real_prompts_are_those_of_exact_hdbscan(
    sample: Traffic, encoder: SentenceEncoder
) -> None:
    vectors = embed(sample.table["prompt"][:1000], encoder).rows
    found, oracle = density_clusters(vectors), exact(vectors)
    assert adjusted_rand_score(oracle.labels_, found.labels) > 0.9
    assert abs((found.labels < 0).mean() - (oracle.labels_ < 0).mean()) < 0.02


def test_labels_and_strengths_out_of_a_tree_are_the_packages() -> None:
    for seed in range(5):
        vectors, _ = planted(400, 6, seed=seed, spread=1.0)
        linkage = exact(vectors).single_linkage_tree_.to_numpy()
        tree = condense_tree(linkage, 5)
        labels, strengths, _ = get_clusters(tree, compute_stability(tree))
        found = choose_clusters(linkage, 5)
        assert np.array_equal(found.labels, labels)
        np.testing.assert_allclose(found.strengths, strengths)
        assert set(found.labels[found.exemplars]) == set(range(labels.max() + 1))
        assert np.array_equal(found.labels[found.exemplars], found.exemplar_of)
        assert sorted(found.walk) == list(range(labels.max() + 1))


def test_kin_are_the_nearest_branch_of_the_tree() -> None:
    rng = np.random.default_rng(0)
    pair = rng.normal(size=(2, 1, 96))
    centres = np.concatenate([pair + 0.4 * rng.normal(size=(2, 1, 96)) for _ in range(2)], axis=1)
    vectors = centres.reshape(4, 1, 96) + 0.1 * rng.normal(size=(4, 40, 96))
    vectors = vectors.reshape(-1, 96)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = density_clusters(vectors.astype(np.float32))
    of = found.labels[::40]
    kin = {int(label): found.walk[slice(*found.kin[label])].tolist() for label in of}
    assert kin == {of[0]: [of[1]], of[1]: [of[0]], of[2]: [of[3]], of[3]: [of[2]]}


def test_a_graph_that_falls_apart_is_joined_as_the_exact_tree_is() -> None:
    vectors, labels = planted(600, 6, noise=0.0, spread=0.3)
    found, oracle = density_clusters(vectors), exact(vectors)
    assert adjusted_rand_score(labels, found.labels) == 1.0
    np.testing.assert_allclose(found.strengths, oracle.probabilities_, atol=1e-3)
    near = nearest_neighbours(vectors, 15)
    core = core_distances(near, np.ones(600, dtype=np.int64), 5)
    tree = spanning_tree(vectors, near, core)
    exactly = oracle.single_linkage_tree_.to_numpy()[:, 2]
    np.testing.assert_allclose(np.sort(tree.data), exactly, atol=1e-4)


def test_equal_vectors_count_as_often_as_there_are() -> None:
    vectors, _ = planted(200, 1, noise=1.0)
    repeated = np.concatenate([vectors, np.repeat(vectors[:1], 30, axis=0), vectors[1:4]])
    found = density_clusters(repeated)
    assert found.labels[0] >= 0
    assert density_clusters(vectors).labels[0] == -1
    assert len(set(found.labels[np.r_[0, 200:230]])) == 1
    assert adjusted_rand_score(exact(repeated).labels_, found.labels) > 0.95


def test_vectors_all_equal_are_one_cluster() -> None:
    found = cluster(np.repeat(planted(1, 1)[0], 40, axis=0))
    assert set(found.labels) == {0}
    assert set(found.strengths) == {1.0}


def test_few_different_vectors_among_many_equal_ones() -> None:
    vectors = np.repeat(planted(3, 1)[0], [30, 20, 1], axis=0)
    labels = cluster(vectors).labels
    assert len(set(labels[:30])) == len(set(labels[30:50])) == 1
    assert labels[0] != labels[30]


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_prompts_are_refused(n: int) -> None:
    with pytest.raises(InputError, match=f"{n} distinct prompts in the index; expected more than"):
        cluster(planted(6, 1)[0][:n])


@pytest.mark.usefixtures("lists")
def test_the_same_vectors_give_the_same_labels() -> None:
    vectors, _ = planted(2000, 10)
    one, other = cluster(vectors), cluster(vectors)
    assert np.array_equal(one.labels, other.labels)
    assert np.array_equal(one.strengths, other.strengths)


def test_placing_agrees_with_the_fit_and_leaves_strangers_out() -> None:
    vectors, planted_labels = planted(4000, 20)
    fitted = cluster(vectors[:3000])
    chosen, of = exemplars_of(fitted.labels, fitted.strengths)
    assert np.bincount(of).max() <= 64
    cutoffs = cutoffs_of(vectors[:3000], fitted.labels, chosen, of)
    placed = place(vectors, vectors[chosen], of, cutoffs)
    inside = fitted.labels >= 0
    assert (placed.labels[:3000] == fitted.labels)[inside].mean() > 0.95
    assert adjusted_rand_score(planted_labels[3000:], placed.labels[3000:]) > 0.9
    assert (place(-vectors, vectors[chosen], of, cutoffs).labels == -1).all()


def test_a_sample_takes_each_account_in_turn() -> None:
    strata = np.repeat([0, 1, 2], [1000, 10, 3])
    drawn = stratified(strata, 30)
    assert np.bincount(strata[drawn]).tolist() == [17, 10, 3]
    assert np.array_equal(drawn, stratified(strata, 30))


def test_more_than_can_be_clustered_together_is_placed_or_clustered_in_turn() -> None:
    vectors, labels = planted(3000, 15)
    vectors, labels = vectors[np.argsort(labels)], np.sort(labels)
    strata = (labels == 14).astype(np.int64)
    found = cluster(vectors, strata, most=1000)
    assert adjusted_rand_score(labels, found.labels) > 0.9
    assert len(found.kin) == found.labels.max() + 1


@pytest.fixture(scope="module")
def words() -> Rows:
    """Prompts of three plain subjects by three accounts."""
    subjects = {
        "cook": "How do I cook {} in a {} pan with garlic butter?",
        "plan": "Plan a cheap train journey to {} for {} days.",
        "code": "Write a Python function that sorts a list of {} by {}.",
    }
    things = ["rice", "beans", "fish", "eggs", "corn", "leeks", "beef", "peas", "kale", "tofu"]
    others = ["iron", "steel", "small", "large"]
    return [
        {
            "prompt": form.format(thing, other),
            "account_id": name,
            "session_id": f"{name}-{other}",
            "timestamp": f"2026-01-0{1 + day}T00:00:00Z",
        }
        for name, form in subjects.items()
        for day, other in enumerate(others)
        for thing in things
    ]


def indexed(folder: Path, rows: Rows, encoder: SentenceEncoder) -> Path:
    write_rows(folder / "rows.jsonl", rows)
    add(folder / "index", read_traffic([str(folder / "rows.jsonl")]), encoder)
    return folder / "index"


def test_records_say_whose_a_cluster_is_and_what_it_asks(
    run: Run, words: Rows, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    again = [row | {"session_id": "again"} for row in words[:10]]
    found = records(run("clusters", "--index", indexed(tmp_path, words + again, encoder)))
    cook = next(record for record in found if "cook" in record["name"])
    assert [record["size"] for record in found] == sorted(
        (record["size"] for record in found), reverse=True
    )
    assert cook["accounts"] == 1
    assert cook["first"] == "2026-01-01T00:00:00Z"
    assert cook["last"] == "2026-01-04T00:00:00Z"
    assert cook["skeleton"] == "How do I cook {} pan with garlic butter?"
    others = {record["cluster"] for record in found} - {cook["cluster"]}
    assert cook["neighbours"]
    assert set(cook["neighbours"]) <= others
    whole = [record for record in found if record["accounts"] == 1 and record["sessions"] >= 4]
    assert whole
    assert 0.0 < cook["repeats"] < 0.5


def test_clusters_keep_their_ids_and_names_over_batches(
    run: Run, words: Rows, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    known = np.random.default_rng(0).permutation(80)[:50]
    folder = indexed(tmp_path, [words[number] for number in known], encoder)
    first = records(run("clusters", "--index", folder))
    assert records(run("clusters", "--index", folder)) == [
        record | {"neighbours": []} for record in first
    ]
    indexed(tmp_path, words, encoder)
    second = {record["cluster"]: record for record in records(run("clusters", "--index", folder))}
    for record in first:
        assert second[record["cluster"]]["name"] == record["name"]
        assert second[record["cluster"]]["size"] > record["size"]
    new = [record for number, record in second.items() if number >= len(first)]
    assert any("sorts" in record["exemplars"][0] for record in new)
    assert all(record["first"] for record in new)
    fresh = records(run("clusters", "--index", folder, "--fresh"))
    assert all(record["neighbours"] for record in fresh)


def test_a_name_once_given_stays(words: Rows, encoder: SentenceEncoder, tmp_path: Path) -> None:
    _, model = find_clusters(open_index(indexed(tmp_path, words[:80], encoder)))
    given = [f"name {number}" for number in range(len(model.names))]
    _, later = find_clusters(
        open_index(indexed(tmp_path, words, encoder)), replace(model, names=given)
    )
    assert later.names[: len(given)] == given
    assert len(later.names) > len(given)


def test_a_saved_model_is_loaded_as_it_was_and_a_changed_one_refused(
    words: Rows, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    index = open_index(indexed(tmp_path, words, encoder))
    found, model = find_clusters(index)
    model.save(tmp_path / "clusters")
    loaded = ClusterModel.load(tmp_path / "clusters")
    assert loaded.names == model.names
    placed = loaded.place(index.vectors)
    inside = found.labels >= 0
    assert (placed.labels == found.labels)[inside].mean() > 0.95
    assert np.array_equal(loaded.labels, found.labels)
    other = ClusterModel("other", *(getattr(model, f) for f in list(ClusterModel.__slots__)[1:]))
    with pytest.raises(InputError, match="found with the encoder other"):
        find_clusters(index, other)
    stored = next((tmp_path / "clusters").glob("cutoffs.*"))
    stored.write_bytes(stored.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(FolderError, match="was changed"):
        ClusterModel.load(tmp_path / "clusters")


def test_a_model_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    vectors = planted(3, 1)[0]
    none = np.zeros(3, dtype=np.int64)
    ClusterModel("e", [], vectors, none, np.zeros(0, np.float32), none, "").save(tmp_path / "c")
    with pytest.raises(FolderError, match="cannot be read"):
        ClusterModel.load(tmp_path / "c")


def test_names_are_the_words_that_only_one_cluster_has() -> None:
    prompts = ["please bake the bread", "please bake bread", "please solve sums", "solve the sums"]
    told = pa.chunked_array([pa.array([*prompts, "42 !!", "noise"], pa.large_string())])
    names = name_clusters(told, np.array([0, 0, 1, 1, 2, -1]), 3)
    assert names == ["bake, bread", "solve, sums", WORDLESS]


def test_hostile_prompts_name_nothing_but_words() -> None:
    hostile = ["<script>alert(1)</script> $x^2$", "'; DROP TABLE rows; --", "\x00\x1b[31m \u202e"]
    told = pa.chunked_array([pa.array(hostile * 3, pa.large_string())])
    for name in name_clusters(told, np.array([0, 1, 2] * 3), 3):
        assert name == WORDLESS or all(c.isalpha() or c in ", " for c in name)


def test_prompts_are_told_apart_by_what_they_say_however_they_are_chunked() -> None:
    texts = ["one", "", "two", "三"]
    whole = pa.chunked_array([pa.array(texts, pa.large_string())])
    parts = pa.chunked_array([whole.chunk(0)[:1], whole.chunk(0)[1:]])
    assert fingerprint(whole) == fingerprint(parts)
    assert fingerprint(whole[:3]) == fingerprint(pa.chunked_array([pa.array(texts[:3])]))
    for others in (["one", "", "too", "三"], ["on", "e", "two", "三"]):
        assert fingerprint(whole) != fingerprint(pa.chunked_array([pa.array(others)]))
