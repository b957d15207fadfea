import jax.numpy as jnp
import numpy as np

from gr_jax.generators.prompts.prompt_encoder import SumItems
from tests.reference.small_world import PROMPT, semantic_ids, writer

LEVELS = len(semantic_ids().level_sizes)


def test_an_item_is_one_position_that_sums_its_tokens():
  prompt = writer().prompts(np.arange(100, 103), shown=np.ones(3, bool))
  table = np.random.default_rng(0).normal(size=(writer()._vocabulary.size, 4))

  def embed(tokens):
    return jnp.where(tokens[..., None] >= 0, table[tokens], 0).sum(axis=-2)

  prompt_encoder = SumItems()
  states, mask = prompt_encoder.apply({}, prompt, embed, levels=LEVELS)
  assert states.shape == (3, 1 + PROMPT.history, 4)
  assert states.shape[1] == prompt_encoder.length(items=6, levels=LEVELS)
  np.testing.assert_array_equal(mask, prompt.mask)
  newest = prompt.history[0, -1]
  want = table[newest[newest >= 0]].sum(axis=0)
  np.testing.assert_allclose(states[0, -1], want, rtol=1e-5)
