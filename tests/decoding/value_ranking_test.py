import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.decoding.beams import Beams
from gr_jax.decoding.value_ranking import is_valued, rank_by_value

LOG_PROBS = np.array([[-1.0, -2.0, -3.0, -np.inf]], np.float32)
WORTH = np.array([[1.0, 10.0, 0.0, 50.0]], np.float32)


class Valued:
  value_buckets = 2

  def predict_value(self, variables, codes, parents, cache):
    assert codes.tolist() == [[5, -1, 7, -1]]
    assert cache == "cache"
    return jnp.asarray(WORTH)


def ranked(rerank):
  beams = Beams(
    nodes=jnp.array([[10, 11, 12, 0]]),
    scores=jnp.asarray(LOG_PROBS),
    codes=jnp.array([[[1, 5], [2, -1], [3, 7], [4, 0]]]),
    parents=jnp.zeros((1, 4), jnp.int32),
  )
  variables = {"values": {"rerank": np.float32(rerank)}}
  return rank_by_value(Valued(), variables, beams, "cache")


@pytest.mark.parametrize(
  ("rerank", "nodes"), [(0.0, [10, 11, 12, 0]), (1.0, [11, 10, 12, 0])]
)
def test_the_order_is_that_of_log_prob_and_log_value(rerank, nodes):
  """An early end has no last code; a dead beam stays last, whatever it says."""
  beams, values = ranked(rerank)
  assert beams.nodes.tolist() == [nodes]
  worth = dict(zip([10, 11, 12, 0], [1.0, 10.0, 0.0, 0.0]))
  assert values.tolist() == [[worth[node] for node in nodes]]
  scores = dict(zip([10, 11, 12, 0], LOG_PROBS[0].tolist()))
  assert beams.scores.tolist() == [[scores[node] for node in nodes]]


def test_only_a_generator_with_buckets_predicts_values():
  assert is_valued(Valued())
  assert not is_valued(object())
