from types import SimpleNamespace

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.decoding.beams import (
  answer_size,
  at_least,
  best_candidates,
  check_columns,
  decoder_positions,
  flat_candidates,
  has_end_column,
  level_widths,
  next_log_probs,
  precut_candidates,
  root,
)
from gr_jax.decoding.trie import build_trie

TRIE = build_trie(np.array([[0, 0], [1, 2]]), (2, 3))


@hypothesis.given(st.integers(0, 2**32 - 1), st.sampled_from([1, 5, 24, 30]))
def test_the_best_candidates_are_a_stable_sort_of_all(seed, width):
  rng = np.random.default_rng(seed)
  scores = rng.integers(-3, 0, (2, 4, 6)).astype(np.float32)
  best, beams, places = best_candidates(scores, width)
  for b in range(2):
    order = np.argsort(-scores[b].ravel(), kind="stable")[:width]
    found = len(order)
    np.testing.assert_array_equal(best[b, :found], scores[b].ravel()[order])
    np.testing.assert_array_equal(beams[b, :found], order // 6)
    np.testing.assert_array_equal(places[b, :found], order % 6)
    assert (best[b, found:] == -np.inf).all()
  assert best.shape == beams.shape == places.shape == (2, width)


@hypothesis.given(
  seed=st.integers(0, 2**32 - 1),
  width=st.sampled_from([1, 3, 7, 8, 40]),
  share=st.sampled_from([None, 0, 2]),
  values=st.sampled_from([2, 100]),
)
def test_the_pre_cut_gives_the_flat_top_k_in_its_order(
  seed, width, share, values
):
  """With two values nearly all are ties; a third of the beams are dead."""
  rng = np.random.default_rng(seed)
  scores = rng.integers(-values, 0, (2, 4, 7)).astype(np.float32)
  scores[rng.random((2, 4)) < 0.3] = -np.inf
  scores[rng.random(scores.shape) < 0.2] = -np.inf
  if share is not None:
    share += min(width, 7)
  found = jax.device_get(precut_candidates(scores, width, share=share))
  wanted = jax.device_get(flat_candidates(scores, width))
  live = wanted[0] > -np.inf
  np.testing.assert_array_equal(found[0], wanted[0])
  for mine, other in zip(found[1:], wanted[1:]):
    np.testing.assert_array_equal(mine[live], other[live])


def test_a_share_below_the_width_can_lose_the_best():
  """All of the best three are of one beam: each beam must keep three."""
  scores = jnp.array([[[-1.0, -2.0, -3.0, -9.0], [-4.0, -5.0, -6.0, -7.0]]])
  best = [precut_candidates(scores, 3, share=s)[0] for s in (2, 3)]
  np.testing.assert_array_equal(best[0], [[-1, -2, -4]])
  np.testing.assert_array_equal(best[1], [[-1, -2, -3]])


@pytest.mark.parametrize(
  ("platform", "shape", "sorts"),
  [
    ("cpu", (2, 5, 40), 1),
    ("tpu", (2, 5, 40), 2),
    ("cuda", (2, 5, 40), 2),
    ("tpu", (2, 5, 39), 1),
    ("tpu", (2, 1, 40), 1),
  ],
)
def test_only_accelerators_cut_and_only_many_children(platform, shape, sorts):
  traced = jax.jit(lambda x: best_candidates(x, 10)).trace(
    jax.ShapeDtypeStruct(shape, np.float32)
  )
  text = traced.lower(lowering_platforms=(platform,)).as_text()
  assert text.count("chlo.top_k") == sorts


def test_a_step_appends_codes_to_the_prefix_of_each_parent():
  beams = root(1).step(
    jnp.array([[3, 4]]),
    jnp.array([[-1.0, -2.0]]),
    jnp.array([[7, 8]]),
    jnp.array([[0, 0]]),
  )
  beams = beams.step(
    jnp.array([[5, 6, 9]]),
    jnp.array([[-1.0, -2.0, -3.0]]),
    jnp.array([[0, 1, -1]]),
    jnp.array([[1, 0, 1]]),
  )
  np.testing.assert_array_equal(beams.codes, [[[8, 0], [7, 1], [8, -1]]])
  np.testing.assert_array_equal(beams.ended, [[False, False, True]])


def test_a_result_is_padded_and_a_dead_beam_names_no_codes():
  beams = root(1).step(
    jnp.array([[0, 0]]),
    jnp.array([[-1.0, -jnp.inf]]),
    jnp.array([[2, 1]]),
    jnp.array([[0, 0]]),
  )
  result = beams.result(jnp.array([[6, -1]]), 3)
  np.testing.assert_array_equal(result.ids, [[6, -1, -1]])
  np.testing.assert_array_equal(result.valid, [[True, False, False]])
  np.testing.assert_array_equal(result.log_probs, [[-1, -np.inf, -np.inf]])
  np.testing.assert_array_equal(result.codes, [[[2], [-1], [-1]]])


def test_the_model_sees_a_code_for_ended_and_for_dead_beams():
  beams = root(1).step(
    jnp.zeros((1, 3), jnp.int32),
    jnp.array([[-1.0, -2.0, -jnp.inf]]),
    jnp.array([[4, -1, 9]]),
    jnp.array([[0, 0, 0]]),
  )

  def decode_step(params, codes, parents, cache, *, level):
    return codes, (params, parents, level, cache)

  generator = SimpleNamespace(decode_step=decode_step)
  codes, seen = next_log_probs(generator, "params", beams, "cache", level=1)
  np.testing.assert_array_equal(codes, [[4, 0, 0]])
  assert (seen[0], seen[2], seen[3]) == ("params", 1, "cache")


def test_one_width_is_that_of_every_level():
  assert level_widths(4, 3) == (4, 4, 4)
  assert level_widths([1, 2, 3], 3) == (1, 2, 3)


def test_the_answers_are_those_of_the_last_level():
  assert answer_size(5) == answer_size((1, 9, 5)) == 5
  assert at_least(5, 3) == 5
  assert at_least(5, 8) == 8
  assert at_least((1, 9, 5), 8) == (1, 9, 8)
  assert at_least((1, 9, 5), 2) == (1, 9, 5)


def test_a_search_decodes_all_but_its_last_level():
  assert decoder_positions((128, 256, 512)) == 385
  assert decoder_positions((512, 512, 512)) == 1025
  assert decoder_positions((7,)) == 1


@pytest.mark.parametrize("beam_size", [0, (4, 4), (4, 4, 0)])
def test_widths_that_do_not_fit_are_refused(beam_size):
  with pytest.raises(ValueError, match="positive number or 3 of them"):
    level_widths(beam_size, 3)


def test_end_is_one_column_more_and_never_at_the_root():
  assert not has_end_column(jnp.zeros((1, 1, 3)), TRIE, 1)
  assert has_end_column(jnp.zeros((1, 1, 4)), TRIE, 1)
  for level, columns in ((0, 3), (1, 5), (1, 2)):
    with pytest.raises(ValueError, match=f"gave {columns} columns"):
      has_end_column(jnp.zeros((1, 1, columns)), TRIE, level)


def test_ids_that_end_early_need_an_end_column_below_the_root():
  short = build_trie(np.array([[0, -1], [1, 2]]), (2, 3))
  check_columns(jnp.zeros((1, 2)), short, 0)
  check_columns(jnp.zeros((1, 1, 4)), short, 1)
  check_columns(jnp.zeros((1, 1, 3)), TRIE, 1)
  check_columns(jnp.zeros((1, 1, 4)), TRIE, 1)
  with pytest.raises(ValueError, match="must give 4 columns, END last"):
    check_columns(jnp.zeros((1, 1, 3)), short, 1)
