import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.nn import splash_attention as splash
from gr_jax.nn.attention import attend
from gr_jax.nn.attention_mask import Blocks, Pattern
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tests.reference import attention_cases

FLOAT32 = jnp.dtype(jnp.float32)


def check_equal(name):
  mask = attention_cases.masks()[name]
  plain = attention_cases.values_and_gradients(
    lambda q, cached: attend(q, cached, mask.dense()), mask
  )
  kernel = splash.splash_attention(mask, dtype=FLOAT32, interpret=True)
  attention_cases.check_equal(kernel, plain, mask, atol=2e-5)


@pytest.mark.parametrize("name", ["branches", "pages"])
def test_the_kernel_equals_the_plain_form(name):
  check_equal(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["causal", "packed", "two ways", "cross"])
def test_every_other_mask_equals_the_plain_form(name):
  check_equal(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", attention_cases.masks())
def test_many_blocks_equal_the_plain_form(name, monkeypatch):
  monkeypatch.setattr(splash, "_BLOCKS", (128,))
  assert splash.padded_shape(attention_cases.masks()[name].pattern)[1] == 256
  check_equal(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", attention_cases.masks())
def test_split_positions_equal_the_plain_form(name, monkeypatch):
  """Blocks of 128 on two devices; rows and heads are split as well."""
  monkeypatch.setattr(splash, "_BLOCKS", (128,))
  mask = attention_cases.masks()[name]
  assert splash.padded_shape(mask.pattern, 2)[0] == 256
  with jax.set_mesh(make_mesh(MeshConfig(data=2, sequence=2, model=2))):
    check_equal(name)


@pytest.mark.parametrize(
  ("size", "padded"),
  [(100, 128), (257, 384), (512, 512), (560, 640), (700, 768), (1000, 1024)],
)
def test_lengths_are_filled_up_to_whole_blocks(size, padded):
  pattern = Pattern(Blocks(size), Blocks(size), causal=True)
  assert splash.padded_shape(pattern) == (padded, padded)


@pytest.mark.parametrize("causal", [True, False])
def test_no_row_is_empty_and_no_row_that_is_read_sees_what_is_filled_up(causal):
  blocks = Blocks(100, 4, 5)
  pattern = Pattern(blocks, blocks, causal)
  mask = splash._PatternMask(pattern, (256, 256))
  parts = [slice(0, 128), slice(128, 256)]
  whole = np.block(
    [[mask[rows, columns] for columns in parts] for rows in parts]
  )
  np.testing.assert_array_equal(
    whole[:120, :120], pattern.block(slice(None), slice(None))
  )
  assert not whole[:120, 120:].any()
  assert whole.any(axis=1).all()
