"""The kernel's arguments, handed to XLA in place of cuDNN.

What the kernel makes of them is for a GPU to say (`tools/check_device.py`).
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.nn.attention import attend
from gr_jax.nn.attention_mask import branch_mask, causal_mask
from gr_jax.nn.biased_attention import attend_with_bias
from gr_jax.nn.cudnn_attention import cudnn_attention
from tests.reference import attention_cases

FLOAT32 = jnp.dtype(jnp.float32)
MASKS = attention_cases.masks()


def built(mask, **changes):
  options = {"head_size": attention_cases.h, "implementation": "xla"}
  return cudnn_attention(mask, **options | {"dtype": FLOAT32} | changes)


def plain(mask):
  return attention_cases.values_and_gradients(
    lambda q, cached: attend(q, cached, mask.dense()), mask
  )


@pytest.mark.parametrize("name", ["branches", "pages", "packed", "two ways"])
def test_the_arguments_say_what_the_mask_says(name):
  mask = MASKS[name]
  attention_cases.check_equal(built(mask), plain(mask), mask, atol=2e-5)


def test_what_is_filled_up_is_not_read_where_all_read_all():
  mask = MASKS["two ways"].replace(there=None)
  attention_cases.check_equal(built(mask), plain(mask), mask, atol=2e-5)


def test_a_head_without_room_gets_an_array_for_all_heads(monkeypatch):
  monkeypatch.setattr("gr_jax.nn.cudnn_attention.WIDEST", attention_cases.h)
  mask = MASKS["pages"]
  kernel = built(mask)
  assert kernel.hidden is None
  assert kernel.bias.shape == (2, 1, 150, 150)
  attention_cases.check_equal(kernel, plain(mask), mask, atol=2e-5)


def test_bfloat16_is_near():
  mask = MASKS["causal"]
  kernel = built(mask, dtype=jnp.dtype(jnp.bfloat16))
  attention_cases.check_equal(kernel, plain(mask), mask, atol=0.06)


def test_a_relative_bias_is_added_and_learned():
  mask = MASKS["two ways"]
  bias = jax.random.normal(
    jax.random.key(0), (attention_cases.H, *mask.pattern.shape)
  )
  expected = attention_cases.values_and_gradients(
    lambda q, cached, b: attend_with_bias(q, cached, mask.dense(), b),
    mask,
    bias,
  )
  found = attention_cases.values_and_gradients(
    lambda q, cached, b: built(mask, bias=b).attend(q, cached), mask, bias
  )
  for ours, theirs in zip(found, expected, strict=True):
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_the_future_is_the_kernels_and_padding_goes_with_the_heads():
  there = jnp.ones((1, 300), bool)
  kernel = cudnn_attention(causal_mask(there), head_size=64)
  assert kernel.causal
  assert kernel.bias is None
  assert kernel.hidden.rows.shape == (1, 300, 1)


def test_what_the_kernel_cannot_do_is_left_to_the_plain_form():
  there = jnp.ones((1, 300), bool)
  bias = jnp.zeros((2, 300, 300))
  many = branch_mask(there, 60, 4)
  assert cudnn_attention(causal_mask(there), head_size=60) is None
  assert cudnn_attention(causal_mask(there), head_size=136) is None
  assert cudnn_attention(many, head_size=64).hidden is not None
  assert cudnn_attention(many, head_size=120).hidden is None
  # With an array for each head there is nothing to win.
  assert cudnn_attention(many, head_size=120, bias=bias) is None
