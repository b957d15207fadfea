import functools
from types import SimpleNamespace

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.decoding.unconstrained_beam_search import unconstrained_beam_search
from tests.reference import dictionary_trie
from tests.reference.hashed_generator import HashedGenerator
from tests.reference.random_ids import random_ids

SIZES = (3, 4, 2)
WIDTHS = (2, 5, 4)
VALUES = np.uint32(1 << 16)


@functools.cache
def searcher(has_ends):
  generator = HashedGenerator(SIZES, has_ends)
  search = functools.partial(unconstrained_beam_search, generator)
  return generator, jax.jit(search, static_argnames="beam_size")


@hypothesis.given(st.integers(0, 2**32 - 1), st.booleans())
def test_equals_the_reference_and_flags_what_is_no_id(seed, has_ends):
  generator, search = searcher(has_ends)
  rng = np.random.default_rng(seed)
  ids = random_ids(rng, SIZES, 16, has_ends=has_ends)
  trie = build_trie(ids, SIZES, capacity=16, branches=(3, 5, 3))
  row_of = {tuple(row): i for i, row in enumerate(ids.tolist())}
  prompt = rng.integers(0, 2**32, 4, dtype=np.uint32)
  result = jax.device_get(search(VALUES, prompt, trie, beam_size=WIDTHS))
  for b in range(4):
    expected = dictionary_trie.unconstrained_beam_search(
      generator.next_log_probs(VALUES, prompt[b]),
      SIZES,
      WIDTHS,
      has_ends=has_ends,
    )
    codes = [codes for _, codes in expected]
    assert [tuple(c) for c in result.codes[b].tolist()] == codes
    assert result.log_probs[b].tolist() == [score for score, _ in expected]
    assert result.ids[b].tolist() == [row_of.get(c, -1) for c in codes]
    assert result.valid[b].tolist() == [c in row_of for c in codes]


def test_equals_the_constrained_search_where_every_code_is_an_id():
  generator, search = searcher(False)
  ids = np.stack(np.unravel_index(np.arange(24), SIZES), axis=1)
  trie = build_trie(ids, SIZES)
  prompt = jnp.arange(8, dtype=jnp.uint32)
  unconstrained = search(VALUES, prompt, trie, beam_size=WIDTHS)
  constrained = jax.jit(
    lambda prompt, trie: beam_search(
      generator,
      VALUES,
      prompt,
      trie,
      beam_size=WIDTHS,
    )
  )(prompt, trie)
  assert unconstrained.valid.all()
  jax.tree.map(np.testing.assert_array_equal, unconstrained, constrained)


def test_a_beam_wider_than_the_codes_is_filled_with_nothing():
  _, search = searcher(False)
  trie = build_trie(np.zeros((1, 3), int), SIZES)
  prompt = jnp.arange(2, dtype=jnp.uint32)
  result = search(VALUES, prompt, trie, beam_size=30)
  np.testing.assert_array_equal(result.valid.sum(axis=1), [1, 1])
  np.testing.assert_array_equal(np.isfinite(result.log_probs).sum(1), [24, 24])
  np.testing.assert_array_equal(result.codes[:, 24:], -1)


def test_end_columns_that_stop_are_refused():
  def prefill(params, prompt):
    return jnp.zeros((1, 3)), None

  def decode_step(params, codes, parents, cache, *, level):
    return jnp.zeros((1, codes.shape[1], (3, 5, 2)[level])), cache

  trie = build_trie(np.zeros((1, 3), int), SIZES)
  with pytest.raises(ValueError, match="level 2 has no END column"):
    unconstrained_beam_search(
      SimpleNamespace(prefill=prefill, decode_step=decode_step),
      None,
      None,
      trie,
      beam_size=2,
    )


def test_a_code_of_no_probability_is_never_extended():
  def prefill(params, prompt):
    return jnp.array([[-1.0, -jnp.inf, -jnp.inf]]), None

  def decode_step(params, codes, parents, cache, *, level):
    return jnp.zeros((1, codes.shape[1], SIZES[level])), cache

  generator = SimpleNamespace(prefill=prefill, decode_step=decode_step)
  search = functools.partial(
    unconstrained_beam_search, generator, None, None, beam_size=30
  )
  result = jax.jit(search)(build_trie(np.zeros((1, 3), int), SIZES))
  ways = SIZES[1] * SIZES[2]
  assert result.log_probs[0].tolist() == [-1] * ways + [-np.inf] * (30 - ways)
  assert (result.codes[0, :ways, 0] == 0).all()
  assert (result.codes[0, ways:] == -1).all()
