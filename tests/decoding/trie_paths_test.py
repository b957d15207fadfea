"""All paths together say all IDs, with the chances of both policies."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.decoding import trie_paths
from gr_jax.decoding.trie import build_trie

SIZES = (3, 4, 2)
WHOLE = np.array([[0, 1, 0], [0, 1, 1], [0, 3, 0], [2, 0, 1]], np.int32)
ENDED = np.array([[0, -1, -1], [0, 1, 0], [0, 1, 1], [2, 3, -1]], np.int32)


@functools.cache
def everywhere(ended: bool):
  """Every path to the last level: one per child of each path before."""
  ids = ENDED if ended else WHOLE
  trie = build_trie(ids, SIZES)
  found, logits = trie_paths.start(1), []
  for level, size in enumerate(SIZES):
    columns = size + (ended and level > 0)
    scores = jax.random.normal(
      jax.random.key(level), (1, found.nodes.shape[1], columns)
    )
    scores = jax.nn.log_softmax(scores)
    children = trie_paths.expand(found, scores, trie, level=level)
    parents, slots = np.nonzero(np.isfinite(children.model_log_probs[0]))
    chosen = trie_paths.Chosen(
      jnp.asarray(parents[None], jnp.int32),
      jnp.asarray(slots[None], jnp.int32),
      jnp.ones((1, len(parents)), bool),
    )
    logits.append((scores, found, parents))
    found = trie_paths.advance(found, children, chosen, trie, level=level)
  return ids, found, logits


@pytest.mark.parametrize("ended", [False, True])
def test_paths_are_the_ids(ended):
  ids, found, _ = everywhere(ended)
  np.testing.assert_array_equal(found.codes[0], ids)


@pytest.mark.parametrize("ended", [False, True])
def test_in_the_catalogue_chances_add_up_to_one(ended):
  _, found, _ = everywhere(ended)
  total = jnp.exp(found.constrained_log_probs.sum(-1)).sum()
  np.testing.assert_allclose(total, 1, rtol=1e-5)
  assert jnp.exp(found.model_log_probs.sum(-1)).sum() < 1


@pytest.mark.parametrize("ended", [False, True])
def test_the_models_own_log_probs_are_copied(ended):
  _, found, logits = everywhere(ended)
  scores, before, parents = logits[-1]
  codes = np.asarray(found.codes[0, :, -1])
  given = np.asarray(scores[0])[parents, codes]  # -1 is the column of ends.
  over = np.asarray(before.ended[0])[parents]
  np.testing.assert_allclose(
    found.model_log_probs[0, :, -1], np.where(over, 0, given), rtol=1e-6
  )


def test_nothing_is_left_to_choose_after_an_end():
  ids, found, _ = everywhere(True)
  after = np.diff(ids < 0, axis=1, prepend=False) == 0
  after &= ids < 0
  assert (np.asarray(found.model_log_probs[0])[after] == 0).all()
  assert (np.asarray(found.constrained_log_probs[0])[after] == 0).all()


def test_padding_has_no_children():
  trie = build_trie(WHOLE, SIZES)
  dead = trie_paths.start(1)._replace(live=jnp.zeros((1, 1), bool))
  children = trie_paths.expand(dead, jnp.zeros((1, 1, 3)), trie, level=0)
  assert (children.model_log_probs == -jnp.inf).all()
  assert (children.constrained_log_probs == -jnp.inf).all()
