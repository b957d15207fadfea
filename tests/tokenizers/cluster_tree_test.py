import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.tokenizers.cluster_tree import _seeds, fit_tree

KEY = jax.random.key(0)


def blobs(count=6, each=20, seed=0):
  """Far apart, in random order, and which blob a row is of."""
  rng = np.random.default_rng(seed)
  centers = 100 * np.eye(count, 8)
  blob = rng.permutation(np.repeat(np.arange(count), each))
  return centers[blob] + rng.normal(size=(count * each, 8)), blob


def test_leaves_part_the_rows_and_are_small():
  vectors = np.random.default_rng(0).normal(size=(300, 4))
  _, leaves = fit_tree(vectors, branches=3, leaf=20, key=KEY)
  assert max(len(rows) for _, rows in leaves) <= 20
  together = np.concatenate([rows for _, rows in leaves])
  np.testing.assert_array_equal(np.sort(together), np.arange(300))
  paths = [path for path, _ in leaves]
  assert len(set(paths)) == len(paths)
  assert all(0 <= branch < 3 for path in paths for branch in path)


def test_no_leaf_lies_below_another():
  vectors = np.random.default_rng(1).normal(size=(300, 4))
  _, leaves = fit_tree(vectors, branches=4, leaf=9, key=KEY)
  paths = {path for path, _ in leaves}
  for path in paths:
    assert not any(path[:d] in paths for d in range(len(path)))


def test_clusters_that_are_there_are_found():
  vectors, blob = blobs()
  _, leaves = fit_tree(vectors, branches=6, leaf=20, key=KEY)
  first = {}
  for path, rows in leaves:
    for b in blob[rows]:
      first.setdefault(int(b), set()).add(path[0])
  # k-means may join two blobs, but it never parts one for nothing.
  assert sum(len(branches) == 1 for branches in first.values()) >= 4


def test_a_path_is_the_nearest_centroid_of_its_cluster():
  vectors = np.random.default_rng(2).normal(size=(120, 3))
  _, leaves = fit_tree(vectors, branches=4, leaf=60, key=KEY)
  first = np.empty(120, int)
  for path, rows in leaves:
    first[rows] = path[0]
  centroids = np.stack([vectors[first == c].mean(axis=0) for c in range(4)])
  gaps = np.square(vectors[:, None] - centroids).sum(axis=-1)
  assert (gaps.argmin(axis=1) == first).mean() > 0.95


def test_copies_of_one_vector_are_dealt_out():
  _, leaves = fit_tree(np.ones((50, 2)), branches=2, leaf=8, key=KEY)
  assert max(len(rows) for _, rows in leaves) <= 8
  assert sum(len(rows) for _, rows in leaves) == 50


def test_few_rows_are_one_leaf():
  _, ((path, rows),) = fit_tree(np.eye(5), branches=2, leaf=5, key=KEY)
  assert path == ()
  assert rows.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("branches", "leaf"), [(1, 5), (10, 9)])
def test_a_tree_that_cannot_grow_is_refused(branches, leaf):
  with pytest.raises(ValueError, match="branches"):
    fit_tree(np.eye(5), branches=branches, leaf=leaf, key=KEY)


@pytest.mark.parametrize(("branches", "leaf"), [(2, 2), (4, 9), (30, 30)])
def test_a_known_vector_goes_down_the_path_of_its_leaf(branches, leaf):
  vectors = np.random.default_rng(3).normal(size=(300, 4))
  tree, leaves = fit_tree(vectors, branches=branches, leaf=leaf, key=KEY)
  paths = tree.paths(vectors)
  for path, rows in leaves:
    assert (paths[rows, : len(path)] == path).all()
    assert (paths[rows, len(path) :] == -1).all()


def test_any_vector_ends_in_a_leaf():
  vectors, _ = blobs(count=3)
  tree, leaves = fit_tree(vectors, branches=6, leaf=12, key=KEY)
  known = {path for path, _ in leaves}
  far = np.random.default_rng(0).normal(size=(500, 8)) * 60
  found = {tuple(row[row >= 0].tolist()) for row in tree.paths(far)}
  assert found <= known
  assert len(found) > 3


def test_a_tree_of_one_leaf_has_empty_paths():
  tree, _ = fit_tree(np.eye(5), branches=2, leaf=5, key=KEY)
  assert tree.paths(np.ones((3, 5))).shape == (3, 0)


def test_no_seed_is_drawn_where_a_seed_is_already():
  """k-means++ of three places: all of them are seeds, whatever the key."""
  places = np.array([[0.0, 0.0], [3.0, -4.0], [-2.0, 1.0]], np.float32)
  x = np.repeat(places, (5, 1, 2), axis=0)
  mask = np.arange(len(x)) < 8
  draw = jax.jit(_seeds, static_argnums=3)
  for seed in range(20):
    found = draw(x, mask, jax.random.key(seed), 3)
    assert set(map(tuple, found.tolist())) == set(map(tuple, places.tolist()))


def test_seeds_are_drawn_by_the_square_of_their_distance():
  """Beside the seed 0, of rows at 1 and 3 the second is drawn 9 times in 10."""
  x = jnp.array([[0.0], [1.0], [3.0], [9.0]])
  mask = jnp.array([True, True, True, False])
  draw = jax.jit(jax.vmap(lambda key: _seeds(x, mask, key, 2)))
  first, second = draw(jax.random.split(KEY, 2000))[..., 0].T
  assert not (first == 9).any()
  assert not (second == 9).any()
  assert abs((second[first == 0] == 3).mean() - 0.9) < 0.05
