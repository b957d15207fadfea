import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.generators.code_head import CodeTable
from tests.reference import small_policy
from tests.reference.small_world import writer

SIZES = (3, 2)
ROWS = np.random.default_rng(0).normal(size=(4 + 5, 6)).astype(np.float32)
END = np.full((1, 6), 2, np.float32)


def table(ends=False):
  model = CodeTable(4, SIZES, 6, ends)
  params = {"token_embedding": ROWS} | ({"end_embedding": END} if ends else {})
  return model.bind({"params": params})


def test_tokens_add_up_and_none_is_zero():
  found = table().embed(jnp.array([[0, 3, -1], [-1, -1, -1]]))
  np.testing.assert_allclose(found, [ROWS[0] + ROWS[3], np.zeros(6)], rtol=1e-6)


@pytest.mark.parametrize("level", [0, 1])
def test_a_code_is_scored_by_the_row_that_reads_it(level):
  states = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
  rows = table().embed_codes(jnp.arange(SIZES[level]), level)
  np.testing.assert_allclose(
    table().logits(states, level), states @ rows.T, rtol=1e-5, atol=1e-6
  )


def test_ends_have_the_last_column_after_the_first_level():
  states = np.ones((1, 6), np.float32)
  assert table(ends=True).logits(states, 0).shape == (1, 3)
  second = table(ends=True).logits(states, 1)
  assert second.shape == (1, 3)
  np.testing.assert_allclose(second[0, -1], 2 * 6, rtol=1e-6)


def test_an_ended_code_reads_as_nothing():
  assert not table().embed_codes(jnp.array([-1]), 0).any()


def test_the_table_holds_every_token_and_end():
  params = CodeTable(4, SIZES, 6, True).init(
    jax.random.key(0), jnp.zeros((1, 1), int), method="embed"
  )
  shapes = jax.tree.map(jnp.shape, jax.tree.leaves(params))
  assert sorted(shapes) == [(1, 6), (9, 6)]


@pytest.mark.parametrize("counted", [False, True])
def test_the_first_log_probs_are_those_of_the_scores(counted):
  """With counts and without, which the head finds by itself."""
  variables = (
    small_policy.counted_params() | small_policy.counts()
    if counted
    else small_policy.params()
  )
  prompt = writer().prompts(np.array([100, 101]), shown=np.ones(2, bool))
  states = np.random.default_rng(0).normal(size=(2, 16)).astype(np.float32)

  @jax.jit
  def both(states):
    head = small_policy.model().bind(variables).head
    one = states[:, None]
    codes = jnp.zeros((2, 1, len(head.level_sizes)), jnp.int32)
    scores = head.logits(prompt, [one] * len(head.level_sizes), codes)[0]
    log_probs, prior = head.first_log_probs(prompt, states)
    return jax.nn.log_softmax(scores[:, 0]), log_probs, prior

  expected, found, prior = both(states)
  np.testing.assert_allclose(found, expected, atol=1e-5)
  assert (prior is not None) == counted
