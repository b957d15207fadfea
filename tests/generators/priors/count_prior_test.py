import functools

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.count_prior import CountPrior
from tests.reference.small_world import semantic_ids, shop, writer

ROWS = np.arange(380, 384)


@functools.cache
def built():
  prior = CountPrior(
    writer()._vocabulary.prompt_size, semantic_ids().level_sizes, 4
  )
  counts = count_catalogue(semantic_ids(), shop().catalogue.popularity, alpha=1)
  prompt = writer().prompts(ROWS, shown=np.ones(4, bool))
  rng = np.random.default_rng(1)
  params = {
    "scale": jnp.asarray(rng.normal(size=prior.prompt_size)),
    "gate": jnp.asarray(rng.normal(size=(3, 4))),
    "gate_bias": jnp.asarray(rng.normal(size=3)),
  }
  return prior.bind({"params": params}), counts, prompt


def reference(prior, counts, prompt, row, codes, state):
  """The equation of the module, item by item."""
  params = prior.variables["params"]
  level = len(codes)
  node = np.zeros(1, np.int32)
  for l, code in enumerate(codes):
    node = counts.step(l, node, np.array([code]))
  share = np.asarray(counts.rows(level, node))[0]
  own, under = np.zeros_like(share), 0.0
  offsets = writer()._vocabulary.code_offsets
  for tokens, there in zip(prompt.history[row], prompt.mask[row, 1:]):
    item = tokens[:3] - offsets
    if there and (item[:level] == codes).all():
      weight = np.exp(params["scale"][tokens[3:]].sum())
      own[item[level]] += weight
      under += weight
  gate = np.exp(state @ params["gate"][level] + params["gate_bias"][level])
  return np.log(1e-6 + share + gate * own / (1 + under))


def test_the_bias_is_the_equation_for_every_prefix():
  prior, counts, prompt = built()
  assert prompt.mask[:, 1:].any(axis=1).all()
  codes = semantic_ids().codes[shop().requests.event_item[: 4 * 5]]
  codes = codes.reshape(4, 5, 3)
  # Some prefixes are those of an item in the history.
  offsets = np.array(writer()._vocabulary.code_offsets)
  codes[:, 0] = prompt.history[:, -1, :3] - offsets
  states = np.random.default_rng(0).normal(size=(4, 5, 4)).astype(np.float32)
  counted = prior.start(prompt)
  for level in range(3):
    if level:
      counted = prior.step(counted, counts, codes[:, :, level - 1], level - 1)
    found = prior.bias(counted, counts, jnp.asarray(states), level)
    for row in range(4):
      for m in range(5):
        expected = reference(
          prior, counts, prompt, row, codes[row, m, :level], states[row, m]
        )
        np.testing.assert_allclose(found[row, m], expected, atol=1e-4)


def test_beams_carry_what_they_extend():
  prior, counts, prompt = built()
  codes = np.stack([semantic_ids().codes[:5]] * 4)
  wide = prior.step(prior.start(prompt), counts, codes[:, :, 0], 0)
  parents = jnp.asarray([[3, 0, 0]] * 4)
  chosen = wide.select(parents)
  alone = prior.step(prior.start(prompt), counts, codes[:, [3, 0, 0], 0], 0)
  jax.tree.map(np.testing.assert_array_equal, chosen, alone)


def test_strangers_get_the_shares_of_all():
  prior, counts, _ = built()
  prompt = writer().prompts(ROWS, shown=np.zeros(4, bool))
  found = prior.bias(prior.start(prompt), counts, jnp.zeros((4, 1, 4)), 0)
  share = counts.rows(0, np.zeros(1, np.int32))[0]
  for row in found[:, 0]:
    np.testing.assert_allclose(row, jnp.log(1e-6 + share), atol=1e-6)
