import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.extended import NewTokens
from gr_jax.generators.pretrained.frozen import FROZEN, in_two, initialized
from gr_jax.generators.pretrained.text_prompt import TextPrompt
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.generators.pretrained.weights import parameter_shapes
from gr_jax.nn.flat_tree import flatten
from gr_jax.nn.layers import Lora
from gr_jax.nn.lora import in_one
from tests.reference.small_pretrained import LLAMA

SIZES = (4, 3)
CODES = np.array([[[1, 2], [3, 0]]], np.int32)
INPUTS = (
  TextPrompt(np.array([[3, 1, 4]], np.int32)),
  np.array([[[1, 5], [9, -1]]], np.int32),
  CODES,
)


@pytest.fixture(scope="module")
def generator():
  decoder = make_decoder(LLAMA, new=NewTokens(34, 7), lora=Lora(2))
  return TextToCodes(decoder, SIZES)


@pytest.fixture(scope="module")
def variables(generator):
  made = jax.jit(lambda key: initialized(generator.decoder, key))
  return nn.unbox(made(jax.random.key(0)))


def test_frozen_is_the_model_that_was_read_and_nothing_else(variables):
  found = {path: x.shape for path, x in flatten(variables[FROZEN]).items()}
  assert found == parameter_shapes(LLAMA)
  names = {path[-1] for path in flatten(variables["params"])}
  assert names == {"lora_a", "lora_b", "new_embedding", "new_head"}


def test_two_parts_are_one_again(generator, variables):
  whole = in_one(variables)
  again = in_two(generator.decoder, whole)
  jax.tree.map(np.testing.assert_array_equal, again, variables)
  jax.tree.map(np.testing.assert_array_equal, in_one(whole), whole)


def test_without_lora_everything_is_trained():
  decoder = make_decoder(LLAMA, new=NewTokens(34, 7))
  made = nn.unbox(initialized(decoder, jax.random.key(0)))
  assert set(made) == {"params"}


def test_a_generator_computes_with_both_parts(generator, variables):
  run = jax.jit(generator.apply)
  expected = run(in_one(variables), *INPUTS)
  found = run(variables, *INPUTS)
  jax.tree.map(np.testing.assert_array_equal, found, expected)
  assert float(jnp.std(found[0])) > 0


def test_training_parameters_are_initialized_with_names_of_axes(generator):
  boxed = jax.eval_shape(generator.initializer({}), jax.random.key(0))
  names = flatten(nn.get_partition_spec(boxed)["params"])
  assert {path[-1] for path in names} >= {"lora_a", "new_head"}
  assert all(spec is not None for spec in names.values())


def test_gradients_of_the_trained_part_need_no_other(generator, variables):
  def loss(params):
    logits = generator.apply(variables | {"params": params}, *INPUTS)
    return sum(jnp.square(x).mean() for x in logits)

  # B is zero at first: A moves only once it is not.
  params = jax.tree.map(lambda x: x + 0.05, variables["params"])
  grads = flatten(jax.jit(jax.grad(loss))(params))
  assert grads.keys() == flatten(params).keys()
  assert all(np.abs(g).max() > 0 for g in grads.values())
