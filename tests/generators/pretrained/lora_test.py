import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.extended import NewTokens, extend
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.lora import (
  TRAINED,
  lora_mask,
  split_params,
  train_only,
)
from gr_jax.nn.flat_tree import flatten
from gr_jax.nn.layers import Lora
from gr_jax.nn.lora import add_lora, merge_lora
from tests.reference.small_pretrained import LLAMA, QWEN, write_model

BOTH = pytest.mark.parametrize("arrangement", [QWEN, LLAMA])
LORA = Lora(rank=2, alpha=6.0)
NEW = NewTokens(36, 5)
TOKENS = np.random.default_rng(1).integers(0, 41, (2, 9)).astype(np.int32)
TOKENS[:, 2:7] = np.arange(36, 41)
ALL = np.ones((2, 9), bool)


def adapted(folder, arrangement):
  """A decoder with new tokens and LoRA, and its parameters."""
  write_model(folder, arrangement)
  rows = jax.random.normal(jax.random.key(3), (5, 16))
  params = extend(
    load_params(folder, arrangement), rows, None if arrangement.tied else rows
  )
  model = make_decoder(arrangement, new=NEW, lora=LORA)
  return model, add_lora(params, jax.random.key(0), LORA)


def logits(model, params):
  return jax.jit(model.apply)(params, TOKENS, ALL)


def loss(model, params):
  out = model.apply(params, TOKENS[:, :-1], ALL[:, :-1])
  each = optax.softmax_cross_entropy_with_integer_labels(out, TOKENS[:, 1:])
  return each.mean()


@BOTH
def test_lora_starts_as_the_model_that_was_read(tmp_path, arrangement):
  model, params = adapted(tmp_path, arrangement)
  plain = make_decoder(arrangement, new=NEW)
  before = {
    path: x
    for path, x in flatten(params).items()
    if path[-1] not in ("lora_a", "lora_b")
  }
  found = logits(model, params)
  expected = logits(plain, merge_lora(params, LORA))
  np.testing.assert_array_equal(found, expected)
  merged = flatten(merge_lora(params, LORA))
  assert set(merged) == set(before)
  np.testing.assert_array_equal(
    merged["params", "token_embedding"], before["params", "token_embedding"]
  )


def test_the_tree_is_that_of_the_decoder(tmp_path):
  model, params = adapted(tmp_path, LLAMA)
  abstract = nn.unbox(
    jax.eval_shape(model.init, jax.random.key(0), TOKENS, ALL)
  )
  shapes = {path: x.shape for path, x in flatten(params).items()}
  assert shapes == {path: x.shape for path, x in flatten(abstract).items()}


@BOTH
def test_merging_equals_the_adapted_model(tmp_path, arrangement):
  model, params = adapted(tmp_path, arrangement)
  keys = iter(jax.random.split(jax.random.key(5), 20))
  params = jax.tree.map_with_path(
    lambda path, x: (
      jax.random.normal(next(keys), x.shape) if path[-1].key == "lora_b" else x
    ),
    params,
  )
  found = logits(model, params)
  plain = make_decoder(arrangement, new=NEW)
  np.testing.assert_allclose(
    logits(plain, merge_lora(params, LORA)), found, atol=1e-3
  )
  assert np.abs(logits(plain, params) - found).max() > 0.1


@BOTH
def test_new_rows_and_lora_move_and_all_else_stands_still(
  tmp_path, arrangement
):
  model, params = adapted(tmp_path, arrangement)
  optimizer = train_only(
    optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-2)),
    lora_mask(params),
  )

  @jax.jit
  def step(params, state):
    grads = jax.grad(lambda p: loss(model, p))(params)
    updates, state = optimizer.update(grads, state, params)
    return optax.apply_updates(params, updates), state

  after, state = step(params, optimizer.init(params))
  after, state = step(after, state)
  before, after = flatten(params), flatten(after)
  moved = {p[-1] for p in before if not np.array_equal(before[p], after[p])}
  heads = set() if arrangement.tied else {"new_head"}
  assert moved == {"lora_a", "lora_b", "new_embedding"} | heads
  rows = "params", "new_embedding"
  assert (before[rows] != after[rows]).any(axis=1).all()
  stays = {p for p in before if p[-1] not in TRAINED}
  assert all(
    np.asarray(before[p]).tobytes() == np.asarray(after[p]).tobytes()
    for p in stays
  )
  moments = [x for x in jax.tree.leaves(state) if jnp.ndim(x) > 1]
  counted = sum(x.size for p, x in before.items() if p[-1] in TRAINED)
  assert sum(x.size for x in moments) == 2 * counted


def test_a_gradient_of_the_trained_part_is_that_of_the_whole(tmp_path):
  model, params = adapted(tmp_path, LLAMA)
  trained, joined = split_params(params, lora_mask(params))
  assert {path[-1] for path in trained} == set(TRAINED)
  assert jax.tree.all(jax.tree.map(np.array_equal, joined(trained), params))
  part = jax.jit(jax.grad(lambda t: loss(model, joined(t))))(trained)
  whole = flatten(jax.jit(jax.grad(lambda p: loss(model, p)))(params))
  for path, found in part.items():
    np.testing.assert_allclose(found, whole[path], atol=1e-6)
