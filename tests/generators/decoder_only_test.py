import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.left_out import LeftOut
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.prompts.prompt_encoder import (
  FlattenItems,
  MergeItems,
  SumItems,
)
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, shop, writer

CONFIG = TransformerConfig(
  layers=2, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=24
)
# Scores reach -16, where float32's last place is 1e-6.
CLOSE = {"atol": 1e-5, "rtol": 1e-6}
SUMMED = SumItems()
ROWS = np.arange(100, 104)


@functools.partial(
  jax.jit, static_argnums=0, static_argnames=("level", "method")
)
def apply(model, params, *inputs, **options):
  return model.apply(params, *inputs, **options)


@functools.cache
def built(ends=False, prompt_encoder=SUMMED):
  sizes = semantic_ids().level_sizes
  prompt_size = writer()._vocabulary.prompt_size
  model = DecoderOnly(
    CONFIG, prompt_size, sizes, ends, prompt_encoder=prompt_encoder
  )
  prompt = writer().prompts(ROWS, shown=np.ones(4, bool))
  queries = writer().queries(np.array([[0, -1, 3]] * 4))
  rng = np.random.default_rng(0)
  codes = np.stack([rng.integers(0, c, (4, 3)) for c in sizes], axis=-1)
  inputs = (prompt, queries, codes.astype(np.int32))
  params = nn.unbox(jax.jit(model.init)(jax.random.key(0), *inputs))
  return model, noisy(params), inputs


def test_branches_do_not_read_each_other():
  model, params, (prompt, queries, codes) = built()
  together = apply(model, params, prompt, queries, codes)
  alone = apply(model, params, prompt, queries[:, 1:2], codes[:, 1:2])
  for a, b in zip(together, alone):
    np.testing.assert_allclose(a[:, 1:2], b, atol=1e-5)


@functools.cache
def counted():
  """As `built`, of a model that reads counts."""
  model, _, inputs = built()
  counts = count_catalogue(
    semantic_ids(), shop().catalogue.popularity, alpha=0.5
  )
  variables = {"counts": {"catalogue": counts}}
  init = functools.partial(model.apply, variables, mutable=["params"])
  _, params = jax.jit(lambda key: init(*inputs, rngs={"params": key}))(
    jax.random.key(0)
  )
  return model, noisy(nn.unbox(params)) | variables, inputs


@functools.cache
def related():
  """As `counted`, of a model that reads transitions as well."""
  model, _, inputs = built()
  requests = shop().requests
  owners = np.repeat(
    np.arange(len(requests.user_ids)), np.diff(requests.user_offsets)
  )
  transitions = count_transitions(
    semantic_ids(),
    requests.event_item,
    owners,
    window=3,
    neighbours=6,
    last=4,
  )
  # Half of the rows are rows of training.
  events = np.asarray(transitions.rows(inputs[2][:, :2]))
  left_out = LeftOut(
    np.where(np.arange(4)[:, None] < 2, events, -1),
    np.full((4, 1, 2), -1),
    np.zeros((4, 1)),
  )
  both = counted()[1]["counts"] | {"transitions": transitions}
  counts = {name: x.without(left_out) for name, x in both.items()}
  init = functools.partial(model.apply, {"counts": counts}, mutable=["params"])
  _, params = jax.jit(lambda key: init(*inputs, rngs={"params": key}))(
    jax.random.key(0)
  )
  return model, noisy(nn.unbox(params)) | {"counts": counts}, inputs


@pytest.mark.parametrize("ends", [False, True])
def test_the_head_lies_beside_the_transformer(ends):
  """Checkpoints and initial values depend on the paths of parameters."""
  own = {"token_embedding", "transformer"} | (
    {"end_embedding"} if ends else set()
  )
  assert set(built(ends)[1]["params"]) == own
  assert set(counted()[1]["params"]) == {
    "token_embedding",
    "transformer",
    "prior",
  }


def merged():
  return built(prompt_encoder=MergeItems())


def unmerged():
  return built(prompt_encoder=FlattenItems())


@pytest.mark.parametrize("built", [built, counted, related, merged, unmerged])
def test_steps_with_a_cache_equal_the_packed_forward_pass(built):
  model, params, (prompt, queries, codes) = built()
  packed = apply(model, params, prompt, queries, codes)
  beams = jnp.asarray(codes[:, :1])
  parents = jnp.zeros((4, 1), jnp.int32)
  log_probs, cache = apply(
    model, params, prompt, queries[:, 0], method="first_code"
  )
  np.testing.assert_allclose(
    log_probs, jax.nn.log_softmax(packed[0][:, 0]), **CLOSE
  )
  for level in range(1, len(model.level_sizes)):
    log_probs, cache = apply(
      model,
      params,
      beams[:, :, level - 1],
      parents,
      cache,
      level=level,
      method="next_code",
    )
    np.testing.assert_allclose(
      log_probs[:, 0], jax.nn.log_softmax(packed[level][:, 0]), **CLOSE
    )


@pytest.mark.parametrize("built", [built, related])
def test_beams_follow_their_parents(built):
  """Swapping the beams of a step swaps what they say."""
  model, params, (prompt, queries, codes) = built()
  _, cache = apply(model, params, prompt, queries[:, 0], method="first_code")
  step = functools.partial(apply, model, params, method="next_code")
  zero = jnp.zeros((4, 2), jnp.int32)
  first = jnp.stack((codes[:, 0, 0], codes[:, 1, 0]), axis=1)
  second = jnp.stack((codes[:, 0, 1], codes[:, 1, 1]), axis=1)
  _, cache = step(first, zero, cache, level=1)
  straight, _ = step(second, zero + jnp.arange(2), cache, level=2)
  swapped, _ = step(second[:, ::-1], zero + jnp.array([1, 0]), cache, level=2)
  np.testing.assert_allclose(straight, swapped[:, ::-1], atol=1e-5)


def test_transitions_change_the_scores_of_shoppers_with_a_history():
  model, params, (prompt, queries, codes) = related()
  apart = params | {"counts": {"catalogue": params["counts"]["catalogue"]}}
  stranger = prompt.replace(history=0 * prompt.history - 1)
  same = [
    np.allclose(
      apply(model, params, each, queries, codes)[0],
      apply(model, apart, each, queries, codes)[0],
      atol=1e-6,
    )
    for each in (prompt, stranger)
  ]
  assert same == [False, True]


def test_the_last_code_is_not_read():
  model, params, (prompt, queries, codes) = built()
  changed = codes.copy()
  changed[..., -1] = 0
  a, b = (apply(model, params, prompt, queries, c) for c in (codes, changed))
  chex.assert_trees_all_equal(a, b)


def test_padding_in_the_history_changes_nothing():
  model, params, (prompt, queries, codes) = built()
  longer = prompt.replace(
    history=np.pad(
      prompt.history, ((0, 0), (3, 0), (0, 0)), constant_values=-1
    ),
    mask=np.concatenate(
      (prompt.mask[:, :1], np.zeros((4, 3), bool), prompt.mask[:, 1:]), axis=1
    ),
  )
  # Rotary angles depend on distances: the profile moves, so it is hidden.
  hide = [p.replace(mask=p.mask & (np.arange(p.mask.shape[1]) > 0)) for p in (
    prompt, longer)]  # fmt: skip
  a, b = (apply(model, params, p, queries, codes) for p in hide)
  for x, y in zip(a, b):
    np.testing.assert_allclose(x, y, atol=1e-4)


def test_ends_add_one_column_after_the_first_level():
  model, params, inputs = built(ends=True)
  first, *later = apply(model, params, *inputs)
  assert first.shape[-1] == model.level_sizes[0]
  for logits, size in zip(later, model.level_sizes[1:]):
    assert logits.shape[-1] == size + 1


@pytest.mark.parametrize("prompt_encoder", [MergeItems(), FlattenItems()])
def test_what_is_decoded_does_not_depend_on_the_prompt_encoder(prompt_encoder):
  """The same shapes of scores and of each beam's own past."""
  summed, other = cached(SUMMED), cached(prompt_encoder)
  chex.assert_trees_all_equal_shapes(summed[0], other[0])
  own = (cache.branches.own for _, cache in (summed, other))
  chex.assert_trees_all_equal_shapes(*own)


def cached(prompt_encoder):
  """Log-probabilities of level 1, and the cache after it."""
  model, params, (prompt, queries, codes) = built(prompt_encoder=prompt_encoder)
  _, cache = apply(model, params, prompt, queries[:, 0], method="first_code")
  return apply(
    model,
    params,
    jnp.asarray(codes[:, :2, 0]),
    jnp.zeros((4, 2), jnp.int32),
    cache,
    level=1,
    method="next_code",
  )
