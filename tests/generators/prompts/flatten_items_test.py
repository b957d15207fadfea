import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.generators.prompts.flatten_items import FlattenItems
from tests.reference.small_world import semantic_ids, writer

LEVELS = len(semantic_ids().level_sizes)
TABLE = np.random.default_rng(0).normal(size=(writer()._vocabulary.size, 4))


def embed(tokens):
  return jnp.where(tokens[..., None] >= 0, TABLE[tokens], 0).sum(axis=-2)


def arranged():
  prompt = writer().prompts(np.arange(100, 104), shown=np.ones(4, bool))
  model = FlattenItems()
  params = model.init(jax.random.key(0), prompt, embed, levels=LEVELS)
  return prompt, params, model.apply(params, prompt, embed, levels=LEVELS)


def test_an_item_takes_one_position_a_code_and_a_separator():
  prompt, _, (states, mask) = arranged()
  items = prompt.history.shape[1]
  length = FlattenItems().length(items=items, levels=LEVELS)
  assert length == 1 + items * (LEVELS + 1)
  assert states.shape == (4, length, 4)
  assert mask.shape == (4, length)


def test_codes_stand_in_order_before_their_separator():
  prompt, params, (states, _) = arranged()
  newest = states[:, -(LEVELS + 1) :]
  codes = prompt.history[:, -1, :LEVELS]
  for l in range(LEVELS):
    want = np.where(codes[:, l, None] >= 0, TABLE[codes[:, l]], 0)
    np.testing.assert_allclose(newest[:, l], want, rtol=1e-5)
  separator = params["params"]["separator"].unbox()
  told = embed(prompt.history[:, -1, LEVELS:])
  np.testing.assert_allclose(newest[:, -1], separator + told, rtol=1e-5)


def test_codes_that_are_not_there_are_masked_and_so_are_empty_places():
  prompt, _, (_, mask) = arranged()
  inside = np.asarray(mask)[:, 1:].reshape(4, -1, LEVELS + 1)
  there = prompt.mask[:, 1:]
  np.testing.assert_array_equal(inside[..., -1], there)
  want = there[..., None] & (prompt.history[..., :LEVELS] >= 0)
  np.testing.assert_array_equal(inside[..., :-1], want)
