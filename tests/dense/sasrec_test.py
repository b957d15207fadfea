import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.dense import sasrec, sasrec_training
from gr_jax.dense.sasrec import SASRec
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy
from tests.reference.plain_lists import from_lists

CONFIG = TransformerConfig(
  layers=2, width=16, heads=2, kv_heads=2, head_size=8, feed_forward=24
)
ITEMS, LENGTH = 9, 6
MODEL = SASRec(CONFIG, ITEMS, dropout=0.5)
apply = jax.jit(MODEL.apply)


@pytest.fixture(scope="module")
def params():
  """Blocks begin as the identity; noise makes them read what is older."""
  return noisy(sasrec_training.initial(MODEL, length=LENGTH, seed=0))


def batch(rng, rows=3):
  return rng.integers(0, ITEMS, (rows, LENGTH)).astype(np.int32)


def test_later_items_change_no_earlier_state(params):
  rng = np.random.default_rng(0)
  rows, owners = batch(rng), np.zeros((3, LENGTH), np.int32)
  before = apply(params, rows, owners)
  for place in range(1, LENGTH):
    changed = rows.copy()
    changed[:, place:] = (rows[:, place:] + 1) % ITEMS
    after = apply(params, changed, owners)
    np.testing.assert_array_equal(before[:, :place], after[:, :place])
    assert np.all(np.abs(before[:, place:] - after[:, place:]).max(-1) > 1e-4)


def test_users_of_one_window_do_not_read_each_other(params):
  rows = batch(np.random.default_rng(1), rows=1)
  owners = np.array([[3, 3, 7, 7, 7, -1]], np.int32)
  both = apply(params, rows, owners)
  other = rows.copy()
  other[:, :2] = (rows[:, :2] + 1) % ITEMS
  changed = apply(params, other, owners)
  np.testing.assert_array_equal(both[:, 2:5], changed[:, 2:5])
  # Where a user stands in a window does not matter.
  alone = apply(params, np.roll(rows, -2, axis=1), np.roll(owners, -2, axis=1))
  np.testing.assert_allclose(both[:, 2:5], alone[:, :3], atol=1e-5)


def test_numbers_are_dropped_in_training_alone(params):
  rows, owners = batch(np.random.default_rng(2)), np.zeros((3, LENGTH), int)
  dropped = MODEL.apply(
    params, rows, owners, training=True, rngs={"dropout": jax.random.key(0)}
  )
  assert 0.3 < np.mean(np.asarray(dropped) == 0) < 0.7
  assert not np.any(np.asarray(apply(params, rows, owners)) == 0)


def test_rankings_are_products_of_the_newest_state(params):
  popularity = np.array([5, 9, 1, 1, 0, 3, 3, 2, 4])
  fitted = sasrec.index(MODEL, params, popularity, length=LENGTH)
  lists = [[4], [0, 1, 2, 3, 4, 5, 6, 7, 8], [], [8, 8, 2]]
  ranked = sasrec.rank(fitted, from_lists(lists), k=ITEMS)
  assert ranked.dtype == np.int32
  table = np.asarray(sasrec.item_table(params))
  for r in (0, 1, 3):
    # Only the newest are read, wherever the window begins.
    rows = jnp.array([lists[r][-LENGTH:]])
    state = MODEL.apply(params, rows, jnp.zeros_like(rows))[0, -1]
    assert ranked[r].tolist() == np.argsort(-(table @ state)).tolist()
  assert ranked[2].tolist() == [1, 0, 8, 5, 6, 7, 2, 3, 4]


def test_equal_scores_fall_to_the_more_popular(params):
  table = sasrec.item_table(params)
  same = {"params": {**params["params"], "items": jnp.ones_like(table)}}
  fitted = sasrec.index(MODEL, same, np.arange(ITEMS), length=LENGTH)
  ranked = sasrec.rank(fitted, from_lists([[0, 1]]), k=3)
  assert ranked.tolist() == [[8, 7, 6]]


def test_excluded_items_are_not_ranked(params):
  fitted = sasrec.index(MODEL, params, np.ones(ITEMS), length=LENGTH)
  histories = from_lists([[0, 1], [2, 3, 4]])
  ranked = sasrec.rank(fitted, histories, k=ITEMS, exclude=histories)
  assert (ranked >= 0).sum(axis=1).tolist() == [ITEMS - 2, ITEMS - 3]
  assert not {0, 1} & set(ranked[0].tolist())
  assert not {2, 3, 4} & set(ranked[1].tolist())
