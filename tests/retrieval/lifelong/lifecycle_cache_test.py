"""What a cache answers is what one pass over the whole lifecycle gives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given, settings
from hypothesis import strategies as st

from gr_jax.nn.virtual_seeds import EventSums, SeedConfig
from gr_jax.retrieval.lifelong.lifecycle_cache import (
  ArrayHistory,
  LifecycleCache,
)
from gr_jax.retrieval.lifelong.state_store import StateStore
from tests.reference.noisy import noisy

CONFIG = SeedConfig(layers=2, width=8, heads=2, head_size=4)
SHAPE = CONFIG.state_shape
NEWEST, ITEMS = 5, 50


class SmallModel(nn.Module):
  """Sums of items and of the prices that were paid for them."""

  @nn.compact
  def __call__(self, events, mask):
    x = nn.Embed(ITEMS, CONFIG.width)(events["items"])
    x = x + nn.Dense(CONFIG.width)(events["prices"][..., None])
    return EventSums(CONFIG)(x, mask)


@functools.cache
def model(seed=0):
  events = {"items": jnp.zeros((1, 4), int), "prices": jnp.zeros((1, 4))}
  mask = jnp.ones((1, 4), bool)
  params = SmallModel().init(jax.random.key(seed), events, mask)
  return jax.jit(functools.partial(SmallModel().apply, noisy(nn.unbox(params))))


NOTES = []


class Read(ArrayHistory):
  """A history that notes what is read of it."""

  def read(self, start, stop):
    NOTES.append((start, stop))
    return super().read(start, stop)


def history(length, *, user="ann", seed=0):
  """The oldest `length` events of a user."""
  drawn = np.random.default_rng(seed)
  events = {
    "items": drawn.integers(0, ITEMS, 3000).astype(np.int32),
    "prices": drawn.normal(size=3000).astype(np.float32),
  }
  return Read(user, {name: x[:length] for name, x in events.items()})


def whole(history, newest=NEWEST):
  """One pass over the lifecycle."""
  count = max(len(history) - newest, 0)
  events = {k: v[None, :count] for k, v in history.events.items()}
  if not count:
    return np.zeros(SHAPE)
  # As long as the longest of all, so that one program does.
  mask = np.arange(3000)[None] < count
  events = {
    k: np.pad(v, ((0, 0), (0, 3000 - count))) for k, v in events.items()
  }
  return np.asarray(model()(events, mask))[0]


def cached(path, *, version="one", newest=NEWEST, **options):
  store = StateStore(path, version=version, shape=SHAPE)
  return LifecycleCache(store, model(), newest=newest, **options)


def assert_same(found, expected):
  np.testing.assert_allclose(
    found, expected, rtol=1e-5, atol=1e-5 * max(np.abs(expected).max(), 1)
  )


@pytest.fixture
def path(tmp_path):
  NOTES.clear()
  return tmp_path / "states"


@given(
  st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 90)),
    min_size=1,
    max_size=8,
  )
)
@settings(max_examples=15, deadline=None)
def test_any_order_of_requests_gives_what_one_pass_gives(requests):
  store = StateStore(":memory:", version="one", shape=SHAPE)
  cache = LifecycleCache(
    store, model(), newest=NEWEST, shapes=((2, 4), (1, 32))
  )
  histories = [
    history(length, user=user, seed=ord(user)) for user, length in requests
  ]
  half = len(histories) // 2
  for part in (histories[:half], histories[half:], histories):
    if part:
      assert_same(cache.states(part), np.stack([whole(each) for each in part]))


def test_an_event_costs_one_event_and_a_request_without_one_none(path):
  cache = cached(path)
  cache.states([history(2000)])
  assert cache.compressed == 1995
  NOTES.clear()
  for length in range(2000, 2100):
    found = cache.states([history(length)])
  assert cache.compressed == 1995 + 99
  # Two marks and the event.
  assert len(NOTES) <= 3 * 100
  assert all(stop - start == 1 for start, stop in NOTES)
  assert_same(found[0], whole(history(2099)))
  again = cached(path)
  np.testing.assert_array_equal(again.states([history(2099)]), found)
  assert again.compressed == 0


def test_recent_events_change_nothing_of_what_is_kept(path):
  cache, first = cached(path), history(600)
  before = cache.states([first])
  other = {k: v.copy() for k, v in first.events.items()}
  for array in other.values():
    array[-NEWEST:] += 1
  # Before a request and after: one snapshot, one answer.
  np.testing.assert_array_equal(
    cache.states([ArrayHistory("ann", other)]), before
  )
  assert cache.compressed == 595
  after = cache.states([history(601)])
  assert cache.compressed == 596
  assert_same(after[0], whole(history(601)))


def test_sums_of_single_events_stay_exact(path):
  cache = cached(path, newest=0)
  for length in range(1, 1500):
    found = cache.states([history(length)])
  assert_same(found[0], whole(history(1499), newest=0))


def test_another_model_begins_anew(path):
  cached(path).states([history(300)])
  other = cached(path, version="two")
  other.states([history(300)])
  assert other.compressed == 295


def test_a_history_that_is_another_begins_anew(path):
  cache = cached(path)
  for changed in (
    history(300, seed=1),
    # Shorter than what is kept.
    history(200, seed=1),
    # Without an event in its midst.
    ArrayHistory(
      "ann",
      {k: np.delete(v, 100) for k, v in history(300, seed=1).events.items()},
    ),
  ):
    cache.states([history(300)])
    read = cache.compressed
    found = cache.states([changed])
    assert cache.compressed - read == len(changed) - NEWEST
    assert_same(found[0], whole(changed))


def test_without_a_lifecycle_there_is_nothing_to_keep(path):
  cache = cached(path)
  assert not np.any(cache.states([history(0), history(NEWEST)]))
  assert cache.states([]).shape == (0, *SHAPE)
  assert cache.compressed == 0
  assert not NOTES


def test_a_cache_that_is_gone_is_made_again(path):
  cached(path).states([history(300)])
  path.write_bytes(path.read_bytes()[:5000])
  cache = cached(path)
  assert_same(cache.states([history(300)])[0], whole(history(300)))
  cache = cached(path)
  assert_same(cache.states([history(300)])[0], whole(history(300)))


def test_wrong_sizes_are_named(path):
  with pytest.raises(ValueError, match=r"newest \(-1\)"):
    cached(path, newest=-1)
  with pytest.raises(ValueError, match="shapes"):
    cached(path, shapes=((0, 4),))
