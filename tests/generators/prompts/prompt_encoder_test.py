import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.generators.prompts.prompt_encoder import (
  FlattenItems,
  MergeItems,
  SumItems,
)
from gr_jax.generators.prompts.writer import Prompt
from tests.reference.small_world import PROMPT, semantic_ids, writer

LEVELS = len(semantic_ids().level_sizes)
WIDTH = 4
TABLE = jnp.asarray(
  np.random.default_rng(0).normal(size=(writer()._vocabulary.size, WIDTH)),
  jnp.float32,
)


def embed_with(table):
  def embed(tokens):
    return jnp.where(tokens[..., None] >= 0, table[tokens], 0).sum(axis=-2)

  return embed


def prompts() -> Prompt:
  return writer().prompts(np.arange(100, 104), shown=np.ones(4, bool))


def test_an_item_is_one_position_that_sums_its_tokens():
  prompt, prompt_encoder = prompts(), SumItems()
  states, mask = prompt_encoder.apply(
    {}, prompt, embed_with(TABLE), levels=LEVELS
  )
  assert states.shape == (4, 1 + PROMPT.history, WIDTH)
  assert states.shape[1] == prompt_encoder.length(items=6, levels=LEVELS)
  np.testing.assert_array_equal(mask, prompt.mask)
  newest = prompt.history[0, -1]
  want = TABLE[newest[newest >= 0]].sum(axis=0)
  np.testing.assert_allclose(states[0, -1], want, rtol=1e-5)


def flattened():
  prompt, model, embed = prompts(), FlattenItems(), embed_with(TABLE)
  params = model.init(jax.random.key(0), prompt, embed, levels=LEVELS)
  return prompt, params, model.apply(params, prompt, embed, levels=LEVELS)


def test_an_item_takes_one_position_a_code_and_a_separator():
  prompt, _, (states, mask) = flattened()
  items = prompt.history.shape[1]
  length = FlattenItems().length(items=items, levels=LEVELS)
  assert length == 1 + items * (LEVELS + 1)
  assert states.shape == (4, length, WIDTH)
  assert mask.shape == (4, length)


def test_codes_stand_in_order_before_their_separator():
  prompt, params, (states, _) = flattened()
  newest = states[:, -(LEVELS + 1) :]
  codes = prompt.history[:, -1, :LEVELS]
  for l in range(LEVELS):
    want = np.where(codes[:, l, None] >= 0, TABLE[codes[:, l]], 0)
    np.testing.assert_allclose(newest[:, l], want, rtol=1e-5)
  separator = params["params"]["separator"].unbox()
  facts = embed_with(TABLE)(prompt.history[:, -1, LEVELS:])
  np.testing.assert_allclose(newest[:, -1], separator + facts, rtol=1e-5)


def test_codes_that_are_not_there_are_masked_and_so_are_empty_places():
  prompt, _, (_, mask) = flattened()
  inside = np.asarray(mask)[:, 1:].reshape(4, -1, LEVELS + 1)
  there = prompt.mask[:, 1:]
  np.testing.assert_array_equal(inside[..., -1], there)
  want = there[..., None] & (prompt.history[..., :LEVELS] >= 0)
  np.testing.assert_array_equal(inside[..., :-1], want)


@jax.jit
def start():
  embed = embed_with(TABLE)
  params = MergeItems().init(jax.random.key(0), prompts(), embed, levels=LEVELS)
  return nn.unbox(params)


@jax.jit
def merge(params, table=TABLE, prompt=None):
  prompt = prompts() if prompt is None else prompt
  return MergeItems().apply(params, prompt, embed_with(table), levels=LEVELS)


def with_kernel(kernel):
  params = start()
  params["params"]["merge"]["dense"]["kernel"] = kernel
  return params


@given(items=st.integers(1, 20))
def test_length_is_items_and_separators_whatever_the_levels(items):
  history = np.zeros((2, items, LEVELS + 2), np.int32)
  prompt = Prompt(
    np.zeros((2, 1, 1), np.int32), history, np.ones((2, 1 + items), bool)
  )
  states, mask = jax.eval_shape(lambda: merge(start(), prompt=prompt))
  separators = 1 + items  # Of the profile and of every item.
  assert states.shape == (2, items + separators, WIDTH)
  assert mask.shape == (2, items + separators)
  assert MergeItems().length(items=items, levels=9) == items + separators


@pytest.mark.parametrize("level", range(LEVELS))
def test_a_selector_reads_one_token_only(level):
  kernel = np.zeros((LEVELS * WIDTH, WIDTH), np.float32)
  kernel[level * WIDTH : (level + 1) * WIDTH] = np.eye(WIDTH)
  states, _ = merge(with_kernel(kernel))
  codes = prompts().history[..., level]
  want = jnp.where(codes[..., None] >= 0, TABLE[codes], 0)
  np.testing.assert_allclose(states[:, 1::2], want, rtol=1e-5)


def test_it_begins_as_the_sum_of_the_tokens():
  states, _ = merge(start())
  want = embed_with(TABLE)(prompts().history[..., :LEVELS])
  np.testing.assert_allclose(states[:, 1::2], want, rtol=1e-5, atol=1e-6)


def test_the_gradient_reaches_the_tokens_of_every_level():
  def total(table):
    return jnp.sum(jnp.sin(merge(start(), table).states[:, 1::2]))

  grad = np.abs(jax.jit(jax.grad(total))(TABLE)).sum(axis=1)
  history, there = prompts().history, prompts().mask[:, 1:]
  for level in range(LEVELS):
    tokens = history[there][:, level]
    assert (grad[tokens[tokens >= 0]] > 0).all()


def test_an_item_is_merged_the_same_whoever_stands_beside_it():
  prompt = prompts()
  together, _ = merge(start())
  alone, _ = merge(
    start(),
    prompt=Prompt(
      prompt.profile[2:3],
      prompt.history[2:3, -1:],
      prompt.mask[2:3, [0, -1]],
    ),
  )
  np.testing.assert_allclose(together[2, -2:], alone[0, -2:], rtol=1e-6)


def test_an_item_and_its_separator_are_read_where_the_item_is():
  prompt = prompts()
  mask = np.array([True, False, False, True, False, True, True])
  prompt = Prompt(
    prompt.profile, prompt.history, np.stack([mask, ~mask, mask, ~mask])
  )
  _, found = merge(start(), prompt=prompt)
  want = np.array([1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1], bool)
  np.testing.assert_array_equal(found, np.stack([want, ~want, want, ~want]))
