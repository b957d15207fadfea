import functools
from types import SimpleNamespace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.sampling import beam_group, sample_distinct, sample_group
from gr_jax.decoding.trie import build_trie
from tests.reference import dictionary_trie
from tests.reference.hashed_generator import HashedGenerator
from tests.reference.random_ids import random_ids

PLAIN = HashedGenerator((4, 3, 5), has_ends=False)
ENDS = HashedGenerator((3, 4, 2), has_ends=True)
# Log-probabilities of 0 to -2 nats: no ID is too rare to be counted.
VALUES = np.uint32(8192)
BATCH, GROUP = 2000, 4
GENERATORS = pytest.mark.parametrize("generator", [PLAIN, ENDS])
SAMPLERS = pytest.mark.parametrize("sampler", [sample_group, sample_distinct])


@functools.cache
def jitted(function, generator):
  draw = functools.partial(function, generator)
  return jax.jit(draw, static_argnames="group_size")


def catalogue(generator, count=8, seed=0):
  rng = np.random.default_rng(seed)
  sizes, has_ends = generator.level_sizes, generator.has_ends
  ids = random_ids(rng, sizes, count, has_ends=has_ends)
  return ids, build_trie(ids, sizes)


def draw(function, generator, trie, prompt, group_size=GROUP, seed=0):
  options = {} if function is beam_group else {"key": jax.random.key(seed)}
  found = jitted(function, generator)(
    VALUES, prompt, trie, group_size=group_size, **options
  )
  return jax.device_get(found)


@functools.cache
def one_request(function, generator):
  """The same request many times, and what enumeration says of it."""
  ids, trie = catalogue(generator)
  prompt = np.full(BATCH, 12345, np.uint32)
  next_log_probs = generator.next_log_probs(VALUES, prompt[0])
  found = draw(function, generator, trie, prompt)
  return ids, found, enumerated(ids, next_log_probs)


def enumerated(ids, next_log_probs):
  """Token log-probabilities of every ID, the model's own and constrained."""
  own, constrained = np.zeros(ids.shape), np.zeros(ids.shape)
  root = dictionary_trie.build(ids, range(len(ids)))
  for row, codes in enumerate(ids.tolist()):
    node = root
    for level, code in enumerate(codes):
      prefix = tuple(codes[:level])
      log_probs = next_log_probs(prefix)
      gains = {c: dictionary_trie.gain(log_probs, prefix, c) for c in node}
      own[row, level] = gains[code]
      constrained[row, level] = gains[code] - np.logaddexp.reduce(
        [*gains.values()]
      )
      node = node[code]
  return own, constrained


def assert_frequencies(counts, probabilities):
  expected = probabilities / probabilities.sum() * counts.sum()
  assert expected.min() > 5
  assert scipy.stats.chisquare(counts, expected).pvalue > 1e-3


@GENERATORS
def test_samples_have_the_frequencies_of_the_policy(generator):
  ids, found, (_, constrained) = one_request(sample_group, generator)
  counts = np.bincount(found.ids.ravel(), minlength=len(ids))
  assert counts.sum() == BATCH * GROUP
  assert_frequencies(counts, np.exp(constrained.sum(axis=1)))


@GENERATORS
def test_members_of_a_group_are_independent(generator):
  ids, found, (_, constrained) = one_request(sample_group, generator)
  p = np.exp(constrained.sum(axis=1))
  pairs = found.ids[:, 0] * len(ids) + found.ids[:, 1]
  same = np.bincount(pairs // len(ids) == pairs % len(ids), minlength=2)
  again = (p**2).sum()
  assert_frequencies(same, np.array([1 - again, again]))


@GENERATORS
def test_distinct_samples_are_drawn_one_after_another(generator):
  """The first as the policy, the second as the policy without the first."""
  ids, found, (_, constrained) = one_request(sample_distinct, generator)
  p = np.exp(constrained.sum(axis=1))
  first, second = found.ids[:, 0], found.ids[:, 1]
  assert_frequencies(np.bincount(first, minlength=len(ids)), p)
  after = (p / (1 - p)).sum() * p - p**2 / (1 - p)
  assert_frequencies(np.bincount(second, minlength=len(ids)), after)


@GENERATORS
@pytest.mark.parametrize("function", [sample_group, sample_distinct])
def test_log_probabilities_are_those_of_enumeration(generator, function):
  ids, found, (own, constrained) = one_request(function, generator)
  np.testing.assert_allclose(found.model_log_probs, own[found.ids], atol=1e-5)
  np.testing.assert_allclose(found.log_probs, constrained[found.ids], atol=1e-5)
  np.testing.assert_array_equal(found.codes, ids[found.ids])


@GENERATORS
@pytest.mark.parametrize(
  "function", [sample_group, sample_distinct, beam_group]
)
def test_nothing_but_ids_of_the_catalogue(generator, function):
  ids, trie = catalogue(generator, count=30, seed=1)
  prompt = np.random.default_rng(2).integers(0, 2**32, BATCH, np.uint32)
  found = draw(function, generator, trie, prompt)
  assert found.ids.min() >= 0
  np.testing.assert_array_equal(found.codes, ids[found.ids])
  ended = np.pad(found.codes[..., :-1] < 0, ((0, 0), (0, 0), (1, 0)))
  np.testing.assert_array_equal(found.where, ~ended)
  assert not found.log_probs[~found.where].any()


@GENERATORS
@pytest.mark.parametrize("function", [sample_distinct, beam_group])
def test_a_group_as_large_as_the_catalogue_holds_each_id_once(
  generator, function
):
  ids, trie = catalogue(generator)
  prompt = np.arange(20, dtype=np.uint32)
  found = draw(function, generator, trie, prompt, group_size=len(ids) + 2)
  expected = np.r_[-1, -1, np.arange(len(ids))]
  np.testing.assert_array_equal(
    np.sort(found.ids, axis=1), np.tile(expected, (20, 1))
  )
  empty = found.ids < 0
  assert not found.where[empty].any()
  assert (found.codes[empty] == -1).all()
  assert np.isfinite(found.log_probs).all()
  np.testing.assert_array_equal(found.log_probs[empty], 0)


@GENERATORS
def test_the_beam_is_that_of_the_search(generator):
  _, trie = catalogue(generator, count=30, seed=3)
  prompt = np.random.default_rng(4).integers(0, 2**32, 50, np.uint32)
  found = draw(beam_group, generator, trie, prompt)
  search = functools.partial(beam_search, generator, beam_size=GROUP)
  expected = jax.device_get(jax.jit(search)(VALUES, prompt, trie))
  np.testing.assert_array_equal(found.ids, expected.ids)
  np.testing.assert_allclose(
    found.model_log_probs.sum(axis=-1), expected.log_probs, atol=1e-5
  )


@SAMPLERS
def test_a_key_gives_its_group_and_another_key_another(sampler):
  _, trie = catalogue(PLAIN, count=30)
  prompt = np.arange(BATCH, dtype=np.uint32)
  a, b, c = (draw(sampler, PLAIN, trie, prompt, seed=s) for s in (0, 0, 1))
  chex.assert_trees_all_equal(a, b)
  assert (a.ids != c.ids).mean() > 0.2


@SAMPLERS
def test_a_new_catalogue_of_the_same_capacity_compiles_nothing(sampler):
  rng = np.random.default_rng(5)
  sizes = PLAIN.level_sizes

  chex.clear_trace_counter()

  @jax.jit
  @chex.assert_max_traces(n=1)
  def rollout(prompt, trie, key):
    return sampler(
      PLAIN, VALUES, prompt, trie,
      group_size=3, key=key,
    )  # fmt: skip

  for seed, count in enumerate((20, 5, 11)):
    ids = random_ids(rng, sizes, count, has_ends=False)
    trie = build_trie(ids, sizes, capacity=24, branches=sizes)
    found = rollout(np.arange(4, dtype=np.uint32), trie, jax.random.key(seed))
    assert int(found.ids.max()) < len(ids)


def test_a_model_without_end_is_refused_where_ids_end_early():
  _, trie = catalogue(ENDS)
  other = HashedGenerator(ENDS.level_sizes, has_ends=False)
  with pytest.raises(ValueError, match="END column"):
    draw(sample_group, other, trie, np.zeros(1, np.uint32))


def test_a_certain_policy_gives_one_id_many_times():
  def prefill(params, prompt):
    return jnp.array([[0.0, -jnp.inf]]).repeat(len(prompt), 0), prompt

  def decode_step(params, codes, parents, cache, *, level):
    return jnp.log(jnp.array([0.0, 1.0])) * jnp.ones((*codes.shape, 1)), cache

  trie = build_trie(np.array([[0, 0], [0, 1], [1, 1]]), (2, 2))
  sample = jax.jit(
    lambda key: sample_group(
      SimpleNamespace(prefill=prefill, decode_step=decode_step),
      None,
      jnp.zeros(3),
      trie,
      group_size=4,
      key=key,
    )
  )
  found = sample(jax.random.key(0))
  np.testing.assert_array_equal(found.ids, np.ones((3, 4)))
  np.testing.assert_array_equal(found.log_probs, np.zeros((3, 4, 2)))
