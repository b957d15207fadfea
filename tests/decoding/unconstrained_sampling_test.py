import functools

import jax
import numpy as np
import pytest
import scipy.stats

from gr_jax.decoding.trie import build_trie
from gr_jax.decoding.unconstrained_sampling import sample_unconstrained_group
from tests.reference.hashed_generator import HashedGenerator
from tests.reference.random_ids import random_ids

SIZES = (3, 2, 2)


class Normalised(HashedGenerator):
  """The hashed generator as a policy: probabilities sum to one."""

  def prefill(self, params, prompt):
    log_probs, cache = super().prefill(params, prompt)
    return jax.nn.log_softmax(log_probs), cache

  def decode_step(self, params, codes, parents, cache, *, level):
    log_probs, cache = super().decode_step(
      params, codes, parents, cache, level=level
    )
    return jax.nn.log_softmax(log_probs), cache


@pytest.mark.parametrize("has_ends", [False, True])
def test_all_codes_come_up_as_often_as_the_model_says(has_ends):
  generator = Normalised(SIZES, has_ends)
  rng = np.random.default_rng(0)
  ids = random_ids(rng, SIZES, 5, has_ends=has_ends)
  trie = build_trie(ids, SIZES)
  draw = functools.partial(
    sample_unconstrained_group,
    generator,
    group_size=4,
  )
  prompt = np.full(3000, 77, np.uint32)
  values, key = np.uint32(4096), jax.random.key(0)
  found = jax.device_get(jax.jit(draw)(values, prompt, trie, key=key))
  codes = found.codes.reshape(-1, 3)
  rows, first, counts = np.unique(
    codes, axis=0, return_index=True, return_counts=True
  )
  p = np.exp(found.log_probs.reshape(-1, 3)[first].sum(axis=1))
  np.testing.assert_allclose(p.sum(), 1, atol=0.01)
  likely = p * len(codes) > 5
  counts, p = counts[likely], p[likely] / p[likely].sum()
  assert scipy.stats.chisquare(counts, p * counts.sum()).pvalue > 1e-3
  known = {tuple(row): k for k, row in enumerate(ids.tolist())}
  expected = [known.get(tuple(row), -1) for row in codes.tolist()]
  np.testing.assert_array_equal(found.ids.ravel(), expected)
  assert (found.ids < 0).any()
  assert len(rows) > len(ids)
  assert not found.log_probs[~found.where].any()
