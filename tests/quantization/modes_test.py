import functools

import jax
import numpy as np
import pytest

from gr_jax.quantization import quantize
from gr_jax.quantization.modes import MODES, format_of
from tests.reference import four_bits
from tests.reference.quantized import KINDS, there_and_back


@functools.cache
def rounded(mode):
  """Codes, scales and tensor scale of `[1, n b]`, compiled once."""
  format = MODES[mode]

  @jax.jit
  def found(row):
    each = quantize.round_matrices(row, format)
    return format.grid.encode(each.values)[0], each.scales[0], each.tensor_scale

  return found


def count_differences(mode: str, rng, rows: int) -> int:
  """Codes, scales and tensor scales that are not the reference's."""
  block = MODES[mode].block
  blocks = four_bits.drawn_blocks(rng, rows, block)
  if mode == "mxfp4":
    # The reference has no scale for zeros.
    blocks[np.abs(blocks).max(axis=-1) == 0] = 1
  codes, scales, t = four_bits.MODES[mode](blocks)
  found = rounded(mode)(blocks.reshape(1, -1))
  return sum(
    np.count_nonzero(np.asarray(ours).reshape(np.shape(theirs)) != theirs)
    for ours, theirs in zip(found, (codes, scales, t))
  )


@pytest.mark.parametrize("mode", four_bits.MODES)
def test_every_bit_is_the_reference_s(mode):
  assert count_differences(mode, np.random.default_rng(0), 20_000) == 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", four_bits.MODES)
def test_every_bit_of_ten_million_blocks_is_the_reference_s(mode):
  rng = np.random.default_rng(1)
  wrong = [count_differences(mode, rng, 100_000) for _ in range(100)]
  assert sum(wrong) == 0


@pytest.mark.parametrize("mode", MODES)
def test_scales_are_numbers_of_their_type_and_not_negative(mode):
  format = MODES[mode]
  blocks = four_bits.drawn_blocks(np.random.default_rng(2), 20_000, 32)
  found = rounded(mode)(blocks[:10_000].reshape(1, -1)[:, : 20_000 * 16])
  scales = np.asarray(found[1])
  assert (scales >= 0).all()
  kept = scales.astype(format.scale_type).astype(np.float32)
  np.testing.assert_array_equal(kept, scales)


@pytest.mark.parametrize("mode", KINDS)
def test_codes_do_not_depend_on_the_compiler(mode):
  """Neither alone nor in a larger program is anything rounded otherwise."""
  blocks = four_bits.drawn_blocks(np.random.default_rng(3), 400, 32)
  row = blocks.reshape(1, -1)
  with jax.disable_jit():
    eager = quantize.round_matrices(row, MODES[mode])
  once = jax.jit(lambda x: quantize.round_matrices(x, MODES[mode]))(row)
  for ours, theirs in zip(once, eager):
    np.testing.assert_array_equal(ours, theirs)


def test_an_unknown_name_is_an_error():
  with pytest.raises(ValueError, match=r"quantization\.mode is 'fp4'; use one"):
    format_of("fp4")


def test_signal_to_noise_is_as_published():
  x = np.random.default_rng(4).standard_normal((256, 512)).astype(np.float32)

  def decibel(mode):
    y = np.asarray(there_and_back(x, MODES[mode]))
    return 10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2))

  assert decibel("torchao") == pytest.approx(20.5, abs=0.15)
  assert decibel("four_over_six_mse_256") == pytest.approx(21.2, abs=0.15)
  assert decibel("mxfp4") == pytest.approx(18.8, abs=0.15)
