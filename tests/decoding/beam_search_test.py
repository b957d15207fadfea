import functools
from types import SimpleNamespace

import chex
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from tests.reference import dictionary_trie
from tests.reference.hashed_generator import HashedGenerator
from tests.reference.random_ids import random_ids

PLAIN = HashedGenerator((4, 3, 5), has_ends=False)
ENDS = HashedGenerator((3, 4, 2, 3), has_ends=True)
# How many values a log-probability takes: with 3 nearly every choice is a tie.
RICH, TIED = np.uint32(1 << 16), np.uint32(3)
WIDE = 64  # More than any catalogue here has IDs.
CAPACITY, BATCH, EXCLUDED = 48, 4, 8
SEEDS = st.integers(0, 2**32 - 1)
GENERATORS = st.sampled_from([PLAIN, ENDS])
VALUES = st.sampled_from([RICH, TIED])


@functools.cache
def searcher(generator):
  search = functools.partial(beam_search, generator)
  return jax.jit(search, static_argnames="beam_size")


def random_catalogue(rng, generator, count=CAPACITY):
  sizes, has_ends = generator.level_sizes, generator.has_ends
  ids = random_ids(rng, sizes, count, has_ends=has_ends)
  # The widest branches, so that every catalogue has the same static shapes.
  branches = [generator.columns(level) for level in range(len(sizes))]
  return ids, build_trie(ids, sizes, capacity=CAPACITY, branches=branches)


def random_filters(rng, num_ids):
  """Rows to leave out, some repeated, some padding; and a mask of a block."""
  excluded = rng.integers(-1, num_ids, (BATCH, EXCLUDED)).astype(np.int32)
  allowed = rng.random((BATCH, CAPACITY)) < rng.choice([0.2, 0.7, 1.0])
  return excluded, allowed


def surviving(num_ids, excluded=(), allowed=None):
  rows = set(range(num_ids)) - set(np.asarray(excluded).tolist())
  return {row for row in rows if allowed is None or allowed[row]}


def assert_is(result, b, expected):
  """Row `b` of `result` is the list of `(row, score, codes)` and no more."""
  found = len(expected)
  assert result.ids[b, :found].tolist() == [row for row, _, _ in expected]
  assert result.log_probs[b, :found].tolist() == [s for _, s, _ in expected]
  codes = [list(codes) for _, _, codes in expected]
  assert result.codes[b, :found].tolist() == codes
  assert (result.ids[b, found:] == -1).all()
  assert (result.log_probs[b, found:] == -np.inf).all()
  assert (result.codes[b, found:] == -1).all()


def widths_of(generator):
  return (2, 5, 3, 4)[: len(generator.level_sizes)]


@pytest.mark.parametrize(
  ("generator", "used"),
  [
    (PLAIN, ()),
    (PLAIN, ("excluded", "allowed")),
    (ENDS, ()),
    (ENDS, ("excluded", "allowed")),
    (ENDS, ("excluded",)),
    (ENDS, ("allowed",)),
  ],
)
@hypothesis.given(seed=SEEDS, values=VALUES)
def test_equals_beam_search_over_a_dictionary(generator, used, seed, values):
  rng = np.random.default_rng(seed)
  ids, trie = random_catalogue(rng, generator, rng.integers(1, CAPACITY))
  excluded, allowed = random_filters(rng, len(ids))
  filters = {"excluded": excluded, "allowed": allowed}
  filters = {name: filters[name] for name in used}
  prompt = rng.integers(0, 2**32, BATCH, dtype=np.uint32)
  widths = widths_of(generator)
  search = searcher(generator)
  result = search(values, prompt, trie, beam_size=widths, **filters)
  result = jax.device_get(result)
  for b in range(BATCH):
    rows = surviving(len(ids), **{k: v[b] for k, v in filters.items()})
    expected = dictionary_trie.beam_search(
      dictionary_trie.build(ids, rows),
      generator.next_log_probs(values, prompt[b]),
      widths,
    )
    assert_is(result, b, expected)


@hypothesis.given(SEEDS, GENERATORS, VALUES)
def test_a_beam_that_holds_every_prefix_enumerates_the_catalogue(
  seed, generator, values
):
  rng = np.random.default_rng(seed)
  ids, trie = random_catalogue(rng, generator)
  excluded, allowed = random_filters(rng, len(ids))
  prompt = rng.integers(0, 2**32, BATCH, dtype=np.uint32)
  result = jax.device_get(
    searcher(generator)(
      values, prompt, trie, beam_size=WIDE, excluded=excluded, allowed=allowed
    )
  )
  for b in range(BATCH):
    rows = surviving(len(ids), excluded[b], allowed[b])
    expected = dictionary_trie.enumerate_ids(
      ids, rows, generator.next_log_probs(values, prompt[b])
    )
    found = result.valid[b]
    assert found.sum() == len(expected)
    scores = result.log_probs[b][found]
    assert dict(zip(result.ids[b][found].tolist(), scores)) == expected
    assert (np.diff(scores) <= 0).all()


def test_ten_thousand_requests_get_no_invalid_and_no_filtered_id():
  generator = HashedGenerator((8, 8, 8), has_ends=True)
  rng = np.random.default_rng(0)
  ids = random_ids(rng, (8, 8, 8), 200, has_ends=True)
  trie = build_trie(ids, (8, 8, 8))
  search, batch, returned = searcher(generator), 1000, 0
  for _ in range(10):
    prompt = rng.integers(0, 2**32, batch, dtype=np.uint32)
    excluded = rng.integers(-1, len(ids), (batch, 64)).astype(np.int32)
    allowed = rng.random((batch, len(ids))) < 0.5
    result = jax.device_get(
      search(
        RICH, prompt, trie, beam_size=10, excluded=excluded, allowed=allowed
      )
    )
    b, m = np.nonzero(result.valid)
    rows = result.ids[b, m]
    np.testing.assert_array_equal(ids[rows], result.codes[b, m])
    assert allowed[b, rows].all()
    assert not (excluded[b] == rows[:, None]).any()
    assert len(np.unique(b * len(ids) + rows)) == len(rows)
    returned += len(rows)
  assert returned > 90_000


@pytest.mark.parametrize("generator", [PLAIN, ENDS])
def test_beam_of_one_equals_greedy(generator):
  rng = np.random.default_rng(1)
  ids, trie = random_catalogue(rng, generator)
  prompt = np.arange(BATCH, dtype=np.uint32)
  search = searcher(generator)
  result = jax.device_get(search(TIED, prompt, trie, beam_size=1))
  for b in range(BATCH):
    node = dictionary_trie.build(ids, range(len(ids)))
    next_log_probs = generator.next_log_probs(TIED, prompt[b])
    prefix, score = (), 0.0
    while isinstance(node, dict):
      log_probs = next_log_probs(prefix)
      gains = {c: dictionary_trie.gain(log_probs, prefix, c) for c in node}
      code = max(gains, key=gains.get)
      prefix, score, node = (*prefix, code), score + gains[code], node[code]
    assert_is(result, b, [(node, score, prefix)])


def test_a_request_alone_gets_the_answer_it_gets_in_a_batch():
  rng = np.random.default_rng(2)
  ids, trie = random_catalogue(rng, ENDS)
  excluded, allowed = random_filters(rng, len(ids))
  prompt = rng.integers(0, 2**32, BATCH, dtype=np.uint32)
  search = functools.partial(searcher(ENDS), beam_size=(2, 5, 3, 4))
  together = search(RICH, prompt, trie, excluded=excluded, allowed=allowed)
  for b in range(BATCH):
    alone = search(
      RICH,
      prompt[b : b + 1],
      trie,
      excluded=excluded[b : b + 1],
      allowed=allowed[b : b + 1],
    )
    pairs = zip(*map(jax.tree.leaves, (alone, together)), strict=True)
    for one, all_of_them in pairs:
      np.testing.assert_array_equal(one[0], all_of_them[b])


def test_one_mask_for_all_requests_equals_the_same_mask_for_each():
  rng = np.random.default_rng(3)
  ids, trie = random_catalogue(rng, ENDS)
  excluded, allowed = random_filters(rng, len(ids))
  prompt = rng.integers(0, 2**32, BATCH, dtype=np.uint32)
  search = functools.partial(searcher(ENDS), RICH, prompt, trie, beam_size=WIDE)
  each = search(excluded=excluded, allowed=np.tile(allowed[:1], (BATCH, 1)))
  chex.assert_trees_all_equal(
    search(excluded=excluded, allowed=allowed[0]), each
  )


@pytest.mark.parametrize("survivors", [[], [5], [0, 30]])
def test_fewer_ids_than_beams_leave_the_rest_empty(survivors):
  ids, trie = random_catalogue(np.random.default_rng(4), ENDS)
  allowed = np.isin(np.arange(CAPACITY), survivors)
  prompt = np.arange(BATCH, dtype=np.uint32)
  result = searcher(ENDS)(
    RICH, prompt, trie, beam_size=(2, 5, 3, 4), allowed=allowed
  )
  found = np.sort(np.asarray(result.ids), axis=1)[:, 4 - len(survivors) :]
  np.testing.assert_array_equal(found, np.tile(survivors, (BATCH, 1)))
  np.testing.assert_array_equal(result.valid.sum(axis=1), len(survivors))
  np.testing.assert_array_equal(result.log_probs == -np.inf, ~result.valid)
  assert len(ids) > 30


def test_a_new_catalogue_of_the_same_capacity_does_not_retrace():
  rng = np.random.default_rng(5)

  @jax.jit
  @chex.assert_max_traces(n=1)
  def search(prompt, trie, excluded, allowed):
    return beam_search(
      ENDS,
      RICH,
      prompt,
      trie,
      beam_size=1,
      excluded=excluded,
      allowed=allowed,
    )

  prompt = np.arange(BATCH, dtype=np.uint32)
  for count in (48, 20, 7):
    ids, trie = random_catalogue(rng, ENDS, count)
    excluded, allowed = random_filters(rng, len(ids))
    search(prompt, trie, excluded, allowed)


@pytest.mark.parametrize("wide", [32, 33, 40])
def test_children_beyond_the_few_are_candidates(wide):
  generator = HashedGenerator((2, 40), has_ends=False)
  ids = [[0, code] for code in range(3)] + [[1, code] for code in range(wide)]
  ids = np.array(ids)
  trie = build_trie(ids, (2, 40), branches=(2, 40))
  for prompt in np.arange(4, dtype=np.uint32):
    next_log_probs = generator.next_log_probs(RICH, prompt)
    for widths in ((2, WIDE), (1, 5)):
      result = searcher(generator)(RICH, prompt[None], trie, beam_size=widths)
      expected = dictionary_trie.beam_search(
        dictionary_trie.build(ids, range(len(ids))), next_log_probs, widths
      )
      assert_is(jax.device_get(result), 0, expected)


def recurrent_generator(level_sizes, width=6):
  """A small random network with normalised log-probabilities."""
  rng = np.random.default_rng(6)
  heads = [rng.normal(size=(width, c)) for c in level_sizes]
  embed = [jnp.asarray(rng.normal(size=(c, width))) for c in level_sizes]

  def prefill(params, prompt):
    return jax.nn.log_softmax(prompt @ heads[0]), prompt[:, None]

  def decode_step(params, codes, parents, cache, *, level):
    state = jnp.take_along_axis(cache, parents[..., None], axis=1)
    state = jnp.tanh(state + embed[level - 1][codes])
    return jax.nn.log_softmax(state @ heads[level]), state

  return SimpleNamespace(prefill=prefill, decode_step=decode_step)


def test_scores_are_the_models_own_and_are_not_renormalised():
  sizes = (3, 4, 2)
  everything = np.stack(np.unravel_index(np.arange(24), sizes), axis=1)
  few = everything[::5]
  prompt = jnp.asarray(np.random.default_rng(7).normal(size=(BATCH, 6)))
  search = jax.jit(
    functools.partial(
      beam_search, recurrent_generator(sizes), None, prompt, beam_size=24
    )
  )
  whole = search(build_trie(everything, sizes))
  part = search(build_trie(few, sizes))
  total = jax.nn.logsumexp(whole.log_probs, axis=1)
  np.testing.assert_allclose(total, np.zeros(BATCH), atol=1e-5)
  score = np.zeros((BATCH, 24))
  np.put_along_axis(score, np.asarray(whole.ids), whole.log_probs, axis=1)
  expected = np.take_along_axis(score, part.ids[:, : len(few)] * 5, axis=1)
  np.testing.assert_allclose(part.log_probs[:, : len(few)], expected, 1e-5)
  assert (part.ids[:, len(few) :] == -1).all()


def test_an_id_of_probability_zero_is_not_returned():
  def prefill(params, prompt):
    return jnp.array([[0.0, -jnp.inf]]), None

  def decode_step(params, codes, parents, cache, *, level):
    return jnp.array([[-jnp.inf, -1.0]])[:, None].repeat(codes.shape[1], 1), 0

  ids = np.array([[0, 0], [0, 1], [1, 1]])
  trie = build_trie(ids, (2, 2))
  result = jax.jit(
    lambda trie: beam_search(
      SimpleNamespace(prefill=prefill, decode_step=decode_step),
      None,
      None,
      trie,
      beam_size=3,
    )
  )(trie)
  np.testing.assert_array_equal(result.ids, [[1, -1, -1]])
  np.testing.assert_array_equal(result.log_probs, [[-1, -np.inf, -np.inf]])


def test_what_a_dead_beam_gets_from_the_model_is_not_read():
  def prefill(params, prompt):
    return jnp.array([[-1.0, -jnp.inf]]), None

  def decode_step(params, codes, parents, cache, *, level):
    return jnp.array([[[-1.0, -1.0], [jnp.nan, jnp.nan]]]), None

  trie = build_trie(np.array([[0, 0], [1, 0]]), (2, 2))
  result = jax.jit(
    lambda trie: beam_search(
      SimpleNamespace(prefill=prefill, decode_step=decode_step),
      None,
      None,
      trie,
      beam_size=3,
    )
  )(trie)
  np.testing.assert_array_equal(result.ids, [[0, -1, -1]])


@pytest.mark.parametrize("beam_size", [0, (4, 4), (4, 4, 0)])
def test_beam_sizes_that_do_not_fit_are_refused(beam_size):
  _, trie = random_catalogue(np.random.default_rng(8), PLAIN)
  with pytest.raises(ValueError, match="positive number or 3 of them"):
    searcher(PLAIN)(RICH, np.zeros(1, np.uint32), trie, beam_size=beam_size)


def test_a_model_of_other_level_sizes_is_refused():
  _, trie = random_catalogue(np.random.default_rng(9), PLAIN)
  other = HashedGenerator((4, 6, 5), has_ends=False)
  with pytest.raises(ValueError, match="3 codes, but the model gave 6 columns"):
    searcher(other)(RICH, np.zeros(1, np.uint32), trie, beam_size=2)


def test_a_model_without_end_is_refused_where_ids_end_early():
  _, trie = random_catalogue(np.random.default_rng(10), ENDS)
  other = HashedGenerator(ENDS.level_sizes, has_ends=False)
  with pytest.raises(ValueError, match="must give 5 columns, END last"):
    searcher(other)(RICH, np.zeros(1, np.uint32), trie, beam_size=2)
