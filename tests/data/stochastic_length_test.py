"""Laws of stochastic lengths, and the loads of simulated ranks."""

import chex
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from gr_jax.data.stochastic_length import (
  StochasticLengthConfig,
  balanced_lengths,
  draw_events,
  draw_lengths,
  expected_lengths,
  load_ratio,
  shortest,
  whole_share,
)

CONFIG = StochasticLengthConfig(longest=16_384, alpha=1.5)
SMALL = StochasticLengthConfig(longest=64, alpha=1.0)


def _stream(rng, n):
  """Lengths of a heavy-tailed stream."""
  lengths = np.exp(rng.normal(np.log(4000), 1.5, n))
  return np.clip(lengths, 1, CONFIG.longest).astype(np.int64)


def test_the_threshold_is_the_root_of_the_longest_to_alpha():
  assert CONFIG.threshold == int(16_384**0.75) == 1448
  assert SMALL.threshold == 8
  assert StochasticLengthConfig(longest=125, alpha=2.0).threshold == 125


def test_shares_follow_the_published_formula():
  lengths = np.array([0, 8, 9, 16, 64])
  expected = [1, 1, 64 / 81, 64 / 256, 64 / 4096]
  np.testing.assert_allclose(whole_share(lengths, SMALL), expected)


def test_drawn_lengths_are_whole_or_the_threshold_as_often_as_published():
  rng = np.random.default_rng(0)
  lengths = np.full(100_000, 16)
  drawn = draw_lengths(lengths, SMALL, rng)
  assert set(drawn.tolist()) == {8, 16}
  np.testing.assert_allclose(np.mean(drawn == 16), 0.25, atol=0.005)
  mean = expected_lengths(lengths, SMALL)[0]
  assert mean == 10
  np.testing.assert_allclose(drawn.mean(), mean, atol=0.05)


@hypothesis.given(
  lengths=st.lists(st.integers(0, 64), min_size=1, max_size=30),
  target=st.integers(0, 2000),
  seed=st.integers(0, 9),
)
def test_balanced_lengths_meet_their_target_and_never_fall_below_the_least(
  lengths, target, seed
):
  lengths = np.array(lengths)
  found = balanced_lengths(lengths, target, SMALL, np.random.default_rng(seed))
  least = shortest(lengths, SMALL)
  assert (found >= least).all()
  assert (found <= lengths).all()
  assert found.sum() == np.clip(target, least.sum(), lengths.sum())


@hypothesis.given(
  lengths=st.lists(st.integers(1, 64), min_size=40, max_size=60),
  seed=st.integers(0, 9),
)
def test_a_rank_whose_target_is_its_own_draw_reads_what_was_drawn(
  lengths, seed
):
  lengths = np.array(lengths)
  drawn = draw_lengths(lengths, SMALL, np.random.default_rng(seed))
  found = balanced_lengths(
    lengths, drawn.sum(), SMALL, np.random.default_rng(seed)
  )
  np.testing.assert_array_equal(found, drawn)


@pytest.mark.parametrize("ranks", [8, 64, 512])
def test_ranks_of_a_heavy_tailed_stream_have_the_same_load(ranks):
  rng = np.random.default_rng(ranks)
  plain, balanced = [], []
  # The target comes from earlier steps, as a job re-estimates it.
  target = 64 * expected_lengths(_stream(rng, 64 * 512), CONFIG).mean()
  for _ in range(20):
    own = _stream(rng, ranks * 64).reshape(ranks, 64)
    loads = [draw_lengths(one, CONFIG, rng).sum() for one in own]
    plain.append(load_ratio(np.array(loads)))
    loads = [balanced_lengths(one, target, CONFIG, rng).sum() for one in own]
    balanced.append(load_ratio(np.array(loads)))
  assert max(balanced) <= 1.02
  assert np.mean(plain) > 1.05


@hypothesis.given(length=st.integers(0, 50), data=st.data())
def test_events_that_are_read_keep_their_order(length, data):
  kept = data.draw(st.integers(0, length))
  places = draw_events(length, kept, np.random.default_rng(0))
  assert len(places) == kept
  assert (np.diff(places) > 0).all()
  assert all(0 <= place < length for place in places)


def test_each_event_is_read_equally_often():
  rng = np.random.default_rng(0)
  drawn = np.concatenate([draw_events(10, 3, rng) for _ in range(5000)])
  share = np.bincount(drawn, minlength=10) / 5000
  chex.assert_trees_all_close(share, np.full(10, 0.3), atol=0.03)


@pytest.mark.parametrize(
  ("wrong", "message"),
  [
    ({"alpha": 0.0}, r"stochastic_length.alpha \(0.0\)"),
    ({"alpha": 2.1}, r"stochastic_length.alpha \(2.1\)"),
    ({"longest": 0}, r"stochastic_length.longest \(0\)"),
  ],
)
def test_sizes_without_a_meaning_are_errors(wrong, message):
  with pytest.raises(ValueError, match=message):
    StochasticLengthConfig(**wrong)
