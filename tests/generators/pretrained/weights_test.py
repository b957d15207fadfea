import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.weights import (
  is_implied,
  parameter_shapes,
  tensors,
)
from gr_jax.nn.flat_tree import flatten, unflatten
from tests.reference.plain_llama import random_files
from tests.reference.small_pretrained import LLAMA, QWEN

BOTH = pytest.mark.parametrize("arrangement", [QWEN, LLAMA])


@BOTH
def test_the_table_has_every_tensor_of_the_files(arrangement):
  files = random_files(arrangement, seed=0)
  table = {tensor.name: tensor.shape for tensor in tensors(arrangement)}
  assert table == {name: x.shape for name, x in files.items()}


@BOTH
def test_the_table_has_every_parameter_of_the_decoder(arrangement):
  text = jnp.zeros((1, 2), jnp.int32), jnp.ones((1, 2), bool)
  params = nn.unbox(
    jax.eval_shape(make_decoder(arrangement).init, jax.random.key(0), *text)
  )
  shapes = {path: x.shape for path, x in flatten(params["params"]).items()}
  assert parameter_shapes(arrangement) == shapes


@BOTH
def test_blocks_fill_every_parameter_once(arrangement):
  shapes = parameter_shapes(arrangement)
  filled = {path: np.zeros(shape, int) for path, shape in shapes.items()}
  for tensor in tensors(arrangement):
    block = tuple(slice(s, s + n) for s, n in zip(tensor.start, tensor.block))
    filled[tensor.path][block] += 1
  assert all((count == 1).all() for count in filled.values())


def test_what_says_nothing_new_may_be_there():
  inverse = "model.layers.0.self_attn.rotary_emb.inv_freq"
  assert is_implied(inverse, LLAMA)
  assert is_implied("lm_head.weight", QWEN)
  assert not is_implied("lm_head.weight", LLAMA)
  assert not is_implied("model.layers.0.self_attn.q_norm.weight", QWEN)


def test_trees_are_flattened_and_back():
  tree = {"a": {"b": 1, "c": {"d": 2}}}
  assert flatten(tree) == {("a", "b"): 1, ("a", "c", "d"): 2}
  assert unflatten(flatten(tree)) == tree
