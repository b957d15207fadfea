"""Contrast brings ads together that the same people take."""

import jax
import numpy as np
import pytest
from scipy import sparse

from gr_jax.data import swing
from gr_jax.data.row_lists import RowLists, offsets_of
from gr_jax.tokenizers import ad_contrast, quality
from gr_jax.tokenizers.ad_encoder import AdNetwork
from gr_jax.training.optimizer import OptimizerConfig

ADS, GROUPS = 60, 12
NETWORK = AdNetwork((ADS // 4, 3), width=16, feed_forward=16)
CONFIG = ad_contrast.AdContrastConfig(
  batch_size=24, steps=150, optimizer=OptimizerConfig(learning_rate=1e-2)
)
GROUP = np.arange(ADS) % GROUPS


def world(seed=0):
  """Vectors that say a little of the group of an ad, and facts."""
  rng = np.random.default_rng(seed)
  centres = np.random.default_rng(9).normal(size=(GROUPS, 10))
  vectors = centres[GROUP] + 1.2 * rng.normal(size=(ADS, 10))
  facts = np.column_stack([np.arange(ADS) // 4, rng.integers(-1, 3, ADS)])
  return vectors.astype(np.float32), facts


def users(seed, count=150):
  """Lists of three ads of one group, and one of any."""
  rng = np.random.default_rng(seed)
  rows = [
    np.append(
      rng.choice(np.flatnonzero(rng.integers(GROUPS) == GROUP), 3, False),
      rng.integers(ADS),
    )
    for _ in range(count)
  ]
  return RowLists(offsets_of([4] * count), np.concatenate(rows))


def similar(lists):
  return swing.similarities(lists, num_items=ADS, neighbours=4)


def fit(**changes):
  arguments = {"similarities": similar(users(1)), "config": CONFIG, **changes}
  similarities = arguments.pop("similarities")
  vectors, facts = world()
  return ad_contrast.fit(
    arguments.pop("network", NETWORK),
    arguments.pop("vectors", vectors),
    arguments.pop("facts", facts),
    similarities,
    key=jax.random.key(0),
    **arguments,
  )


@pytest.fixture(scope="module")
def fitted():
  return fit()


def recall(vectors, lists):
  """R@1 of the partners of other users than those of the training."""
  found = similar(lists)
  partners = RowLists(found.indptr.astype(np.int64), found.indices)
  unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
  rows = {
    row["metric"]: row["value"] for row in quality.partner_rows(unit, partners)
  }
  return rows["partner_recall@1"]


def test_the_loss_falls_and_partners_of_other_users_are_nearer(fitted):
  encoder, history = fitted
  assert [row["step"] for row in history] == [100, 150]
  assert history[-1]["loss"] < history[0]["loss"]
  vectors, facts = world()
  raw = recall(vectors, users(2))
  assert recall(encoder.encode(vectors, facts), users(2)) > raw + 0.2


def test_new_ads_of_nobody_are_nearer_to_their_group(fitted):
  """Other vectors of the same groups; their advertisers are not known."""
  encoder, _ = fitted
  vectors, facts = world()
  new = world(5)[0]
  nobody = np.full_like(facts, -1)

  def share(new, old):
    return (GROUP[(new @ old.T).argmax(axis=1)] == GROUP).mean()

  unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (new, vectors)]
  moved = encoder.encode(new, nobody), encoder.encode(vectors, facts)
  assert share(*moved) >= share(*unit)


def test_a_batch_has_partners_and_no_row_against_itself():
  similarities = similar(users(1))
  partners = jax.tree.map(np.asarray, ad_contrast.partners_of(similarities))
  draw = jax.jit(ad_contrast.draw_batch, static_argnames="size")
  dense = similarities.toarray() > 0
  for seed in range(5):
    key = jax.random.key(seed)
    rows, positive, candidate = map(np.asarray, draw(partners, key, size=24))
    assert rows.shape == (48,)
    assert dense[rows[:24], rows[24:]].all()
    other = rows[:, None] != rows
    np.testing.assert_array_equal(candidate, other)
    both = dense | dense.T
    np.testing.assert_array_equal(positive, both[np.ix_(rows, rows)] & other)


def test_partners_are_drawn_by_their_similarity():
  """Of ad 0: ad 1 three times as often as ad 2; ad 3 has none but itself."""
  matrix = np.eye(4, dtype=np.float32)
  matrix[0, 1], matrix[0, 2], matrix[1, 0], matrix[2, 0] = 3, 1, 1, 1
  matrix[3, 0] = -1
  partners = ad_contrast.partners_of(sparse.csr_array(matrix))
  np.testing.assert_array_equal(partners.drawn, [0, 1, 2])
  np.testing.assert_array_equal(
    partners.ads, [[1, 2], [0, -1], [0, -1], [-1, -1]]
  )
  partners = jax.tree.map(jax.numpy.asarray, partners)
  rows = ad_contrast.draw_batch(partners, jax.random.key(0), size=4000)[0]
  drawn, partner = np.split(np.asarray(rows), 2)
  assert (partner >= 0).all()
  np.testing.assert_allclose(np.bincount(drawn) / 4000, 1 / 3, atol=0.03)
  of_zero = np.bincount(partner[drawn == 0], minlength=3)
  np.testing.assert_allclose(
    of_zero / of_zero.sum(), [0, 0.75, 0.25], atol=0.05
  )


def test_ads_with_the_same_triple_are_one():
  columns = np.array([[5, 1, 0], [2, 0, 0], [5, 1, 0], [5, 1, 1]])
  first, ad_of_item = ad_contrast.distinct_triples(columns)
  np.testing.assert_array_equal(first, [0, 1, 3])
  np.testing.assert_array_equal(ad_of_item, [0, 1, 0, 2])
  np.testing.assert_array_equal(columns[first][ad_of_item], columns)


def test_what_does_not_fit_together_is_refused():
  facts = world()[1]
  facts[4, 1] = 3
  with pytest.raises(
    ValueError, match=r"facts\[:, 1\] has values from -1 to 3"
  ):
    fit(facts=facts)
  with pytest.raises(ValueError, match=r"\(60, 60\) of 60 ads give 0 of them"):
    fit(similarities=sparse.csr_array((ADS, ADS), dtype=np.float32))
  with pytest.raises(ValueError, match=r"\(3, 3\) of 60 ads"):
    fit(similarities=sparse.csr_array(np.ones((3, 3), np.float32)))
