import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.pretrained.decoder import (
  CausalDecoder,
  make_decoder,
  text_positions,
)
from gr_jax.generators.pretrained.extended import NewTokens, extend
from gr_jax.generators.pretrained.load import load_params
from gr_jax.nn.attention import KeyValues, NextPlace
from gr_jax.parallel.mesh import MeshConfig, make_mesh, parameter_shardings
from tests.reference import plain_llama
from tests.reference.small_pretrained import LLAMA, QWEN, write_model

BOTH = pytest.mark.parametrize("arrangement", [QWEN, LLAMA])
TOKENS = np.random.default_rng(1).integers(0, 36, (2, 9)).astype(np.int32)
ALL = np.ones((2, 9), bool)


def apply(model, params, *inputs, method=CausalDecoder.__call__):
  return jax.jit(nn.apply(method, model))(params, *inputs)


@BOTH
def test_logits_are_those_of_the_equations(tmp_path, arrangement):
  files = write_model(tmp_path, arrangement)
  params = load_params(tmp_path, arrangement)
  found = apply(make_decoder(arrangement), params, TOKENS, ALL)
  for row, tokens in zip(found, TOKENS):
    expected = plain_llama.logits(arrangement, files, tokens)
    np.testing.assert_allclose(row, expected, atol=1e-4)


@pytest.mark.parametrize("before", [0, 3])
def test_padding_changes_nothing_wherever_it_stands(tmp_path, before):
  write_model(tmp_path, QWEN)
  params, model = load_params(tmp_path, QWEN), make_decoder(QWEN)
  whole = apply(model, params, TOKENS, ALL)
  sides = ((0, 0), (before, 3 - before))
  tokens, mask = np.pad(TOKENS, sides), np.pad(ALL, sides)
  padded = apply(model, params, tokens, mask)
  np.testing.assert_allclose(padded[:, before : before + 9], whole, atol=1e-5)


def test_positions_count_the_tokens_before():
  mask = jnp.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0]], bool)
  assert text_positions(mask).tolist() == [[0, 0, 1, 1, 2], [0, 1, 1, 1, 1]]


def test_going_on_with_a_cache_equals_reading_the_whole(tmp_path):
  write_model(tmp_path, LLAMA)
  params, model = load_params(tmp_path, LLAMA), make_decoder(LLAMA)
  states, kept = apply(model, params, TOKENS, ALL, method=CausalDecoder.read)
  _, first = apply(
    model, params, TOKENS[:, :6], ALL[:, :6], method=CausalDecoder.read
  )
  room = ((0, 0), (0, 0), (0, 3), (0, 0), (0, 0))
  cache = KeyValues(jnp.pad(first.keys, room), jnp.pad(first.values, room))
  mask = jnp.broadcast_to(jnp.tril(jnp.ones((9, 9), bool))[6:], (2, 3, 9))
  positions = jnp.broadcast_to(jnp.arange(6, 9), (2, 3))
  rest, cache = apply(
    model,
    params,
    TOKENS[:, 6:],
    positions,
    NextPlace(mask, jnp.int32(6)),
    cache,
    method=CausalDecoder.go_on,
  )
  np.testing.assert_allclose(rest, states[:, 6:], atol=1e-5)
  np.testing.assert_allclose(cache.keys, kept.keys, atol=1e-5)


@BOTH
@pytest.mark.parametrize("unused", [0, 4])
def test_new_tokens_are_rows_of_the_whole_table(tmp_path, arrangement, unused):
  """Their rows read and score in the places after the tokens."""
  files = write_model(tmp_path, arrangement)
  first = arrangement.vocab_size - unused
  rng = np.random.default_rng(2)
  rows, head = rng.standard_normal((2, 6, 16)).astype(np.float32)
  params = extend(
    load_params(tmp_path, arrangement),
    rows,
    None if arrangement.tied else head,
  )
  names = ["model.embed_tokens.weight"]
  if not arrangement.tied:
    names.append("lm_head.weight")
  for name, more in zip(names, (rows, head)):
    files[name] = np.concatenate((files[name][:first], more))
  model = make_decoder(arrangement, new=NewTokens(first, 6))
  tokens = TOKENS % first
  tokens[:, 2:8] = first + np.arange(6)
  found = apply(model, params, tokens, ALL)
  for row, text in zip(found, tokens):
    expected = plain_llama.logits(arrangement, files, text)
    np.testing.assert_allclose(row, expected, atol=1e-4)


def test_new_logits_are_columns_of_the_logits(tmp_path):
  write_model(tmp_path, LLAMA)
  rows, head = np.random.default_rng(2).standard_normal((2, 6, 16))
  params = extend(load_params(tmp_path, LLAMA), jnp.array(rows), head)
  model = make_decoder(LLAMA, new=NewTokens(34, 6))
  states = jax.random.normal(jax.random.key(0), (3, 16))
  whole = nn.apply(CausalDecoder.logits, model)(params, states)
  some = nn.apply(CausalDecoder.new_logits, model)(params, states, 2, 5)
  np.testing.assert_allclose(some, whole[:, 36:39], atol=1e-5)


def test_parameters_have_axes_that_the_rules_know():
  text = jnp.zeros((1, 2), jnp.int32), jnp.ones((1, 2), bool)
  model = make_decoder(LLAMA, new=NewTokens(36, 5))
  abstract = jax.eval_shape(model.init, jax.random.key(0), *text)
  placed = parameter_shardings(abstract, make_mesh(MeshConfig(data=4, model=2)))
  table = placed["params"]["token_embedding"].spec
  assert tuple(table) == ("model",)
