"""What draws a group and what scores it agree."""

import functools

import jax
import numpy as np
import pytest

from gr_jax.rl.policies import CONSTRAINED, UNCONSTRAINED
from tests.reference.small_policy import model, params, trie
from tests.reference.small_world import writer

ROWS = np.arange(50, 54)


@pytest.mark.parametrize("policy", [CONSTRAINED, UNCONSTRAINED])
def test_scores_are_the_log_probabilities_of_the_draw(policy):
  prompt = writer().prompts(ROWS, shown=np.ones(4, bool))
  queries = writer().queries(np.array([0, 1, 2, -1]))
  draw = jax.jit(functools.partial(policy.sample, model(), group_size=6))
  found = draw(params(), (prompt, queries), trie(), key=jax.random.key(2))
  shape = (4, 6, queries.shape[-1])
  logits = jax.jit(model().apply)(
    params(), prompt, np.broadcast_to(queries[:, None], shape), found.codes
  )
  scored = jax.jit(policy.score)(logits, found.codes, trie())
  where = np.asarray(found.where)
  np.testing.assert_allclose(
    np.asarray(scored)[where], np.asarray(found.log_probs)[where], atol=1e-4
  )
