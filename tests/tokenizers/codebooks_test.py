import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.tokenizers import codebooks, quantizers

UNPINNED = (jnp.zeros(4, bool),)


def batch(key=0, rows=32):
  x = jax.random.normal(jax.random.key(key), (rows, 3))
  book = jax.random.normal(jax.random.key(key + 1), (4, 3))
  return x, (book,), quantizers.residual_quantize(x, (book,))


@given(st.lists(st.floats(0, 100), min_size=8, max_size=8), st.floats(1e-6, 1))
def test_smoothed_sizes_sum_to_the_total(sizes, epsilon):
  sizes = jnp.asarray(sizes, jnp.float32)
  smoothed = codebooks.smoothed_sizes(sizes, epsilon=epsilon)
  np.testing.assert_allclose(
    jnp.sum(smoothed), jnp.sum(sizes), rtol=1e-4, atol=1e-5
  )


def test_without_memory_a_row_is_the_mean_of_its_residuals():
  x, books, found = batch()
  rule = codebooks.EmaCodebook(decay=0.0, restart_below=0.0)
  memory = rule.init(books, pinned=UNPINNED)
  (moved,), _ = rule.update(books, memory, found, jax.random.key(0))
  for code in np.unique(found.codes):
    mean = np.asarray(x)[np.asarray(found.codes[:, 0]) == code].mean(0)
    np.testing.assert_allclose(moved[code], mean, rtol=1e-3, atol=1e-4)


def test_with_all_memory_nothing_moves():
  _, books, found = batch()
  rule = codebooks.EmaCodebook(decay=1.0, restart_below=0.0)
  memory = rule.init(books, pinned=UNPINNED)
  (moved,), _ = rule.update(books, memory, found, jax.random.key(0))
  np.testing.assert_allclose(moved, books[0], rtol=1e-4)


def test_a_dead_code_becomes_a_residual_unless_it_is_pinned():
  memory = codebooks.EmaMemory(
    jnp.array([1.0, 1.0, 0.0, 0.0]),
    jnp.zeros((4, 3)),
    jnp.array([False, False, False, True]),
  )
  residuals = jnp.arange(1.0, 7.0).reshape(2, 3)
  moved = codebooks.restart_dead(
    memory, residuals, jax.random.key(0), share=0.1
  )
  rows = codebooks.ema_codebook(moved, epsilon=1e-6)
  assert not np.asarray(rows[jnp.array([0, 1, 3])]).any()
  gaps = np.abs(np.asarray(residuals) - np.asarray(rows[2])).max(axis=1)
  assert gaps.min() < 1e-3
  assert moved.cluster_size[2] == pytest.approx(0.5)


@pytest.mark.parametrize(
  "rule",
  [codebooks.GradientCodebook(learning_rate=0.05), codebooks.EmaCodebook(0.5)],
)
def test_a_rule_lowers_the_quantization_error(rule):
  x, books, found = batch()
  before = quantizers.codebook_loss(found)
  memory = rule.init(books, pinned=UNPINNED)
  for step in range(10):
    books, memory = rule.update(books, memory, found, jax.random.key(step))
    found = quantizers.residual_quantize(x, books)
  assert quantizers.codebook_loss(found) < before


@pytest.mark.parametrize(
  "rule", [codebooks.GradientCodebook(), codebooks.EmaCodebook(0.5)]
)
def test_rows_that_ended_move_nothing(rule):
  x, books, found = batch()
  ended = found._replace(codes=found.codes.at[8:].set(-1))
  short = quantizers.residual_quantize(x[:8], books)
  moved, alone = (
    rule.update(
      books, rule.init(books, pinned=UNPINNED), each, jax.random.key(0)
    )[0][0]
    for each in (ended, short)
  )
  # Adam's first step is the sign of the gradient, whatever its mean is over.
  np.testing.assert_allclose(moved, alone, rtol=1e-4)


def test_a_restart_takes_only_rows_that_are_there():
  memory = codebooks.EmaMemory(
    jnp.array([1.0, 0.0]), jnp.zeros((2, 1)), jnp.zeros(2, bool)
  )
  rows = jnp.arange(1.0, 7.0)[:, None]
  for where, expected in ((rows[:, 0] == 4, 4.0), (rows[:, 0] > 9, 0.0)):
    moved = codebooks.restart_dead(
      memory, rows, jax.random.key(0), share=0.1, where=where
    )
    size = moved.cluster_size[1]
    assert float(moved.embed_sum[1, 0]) == pytest.approx(expected * size)


def test_a_restart_takes_each_of_the_rows_that_are_there_alike():
  memory = codebooks.EmaMemory(
    jnp.zeros(901).at[0].set(1.0), jnp.zeros((901, 1)), jnp.zeros(901, bool)
  )
  rows = jnp.arange(1.0, 7.0)[:, None]
  where = jnp.array([False, True, True, False, False, True])
  moved = codebooks.restart_dead(
    memory, rows, jax.random.key(0), share=0.5, where=where
  )
  drawn = moved.embed_sum[1:, 0] / moved.cluster_size[1:]
  values, counts = np.unique(np.round(drawn), return_counts=True)
  assert values.tolist() == [2, 3, 6]
  np.testing.assert_allclose(counts, 300, atol=60)
