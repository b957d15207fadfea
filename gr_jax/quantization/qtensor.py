"""`QTensor`: a weight of four-bit codes that takes a kernel's place.

It is one of Flax's boxes (`AxisMetadata`), as the one with names of axes is.
`Module.param` takes every box off before it compares shapes, so that a layer
which asks for its kernel gets the dequantized array, and no layer knows. With
layers that are scanned, codes and scales are sliced along the first axis and a
kernel is dequantized inside the loop, one layer at a time. Everything else that
expects an array gets it from `__jax_array__`.

Codes do not lie as the kernel does. They are `[..., F, D / 2]`, the contracted
axis last, two in a byte: what products on tensor cores read and files contain.
Codes of the kernel's own shape, which `Module.param` would accept without a
box, need a byte each on CPU (`packing`).

`nn.unbox(variables)` dequantizes all of a tree; do not call it on quantized
parameters that are to stay so.
"""

import math
from typing import Any, Self

import jax
import jax.numpy as jnp
from flax import struct
from flax.core.meta import AxisMetadata
from jax.experimental.layout import Layout, with_layout_constraint

from gr_jax.quantization import packing, quantize, scale_types
from gr_jax.quantization.blocks import Blocks, Runs
from gr_jax.quantization.formats import Format, Round


class QTensor(struct.PyTreeNode, AxisMetadata[jax.Array]):
  """The array `q s_b t` of shape `[..., D, F]`, or `[..., F, D]`.

  Attributes:
    codes: `[..., F, D / 2]` uint8, two codes in a byte.
    scales: `[..., F, D / b]` in the format's `scale_type`.
    tensor_scale: `[...]` float32, one for each matrix.
    format: the format of codes and scales.
    axis: where the array has `D`, which blocks run along: -2 (a kernel) or -1.
    dtype: the type of the dequantized array.
  """

  codes: jax.Array
  scales: jax.Array
  tensor_scale: jax.Array
  format: Format = struct.field(pytree_node=False)
  axis: int = struct.field(pytree_node=False, default=-2)
  dtype: Any = struct.field(pytree_node=False, default=jnp.dtype(jnp.float32))

  @property
  def shape(self) -> tuple[int, ...]:
    """The shape of the dequantized array."""
    *lead, rows, pairs = self.codes.shape
    last = (2 * pairs, rows) if self.axis == -2 else (rows, 2 * pairs)
    return (*lead, *last)

  @property
  def ndim(self) -> int:
    """The number of axes."""
    return self.codes.ndim

  @property
  def size(self) -> int:
    """The number of weights."""
    return math.prod(self.shape)

  @property
  def nbytes(self) -> int:
    """The bytes of codes and both kinds of scales."""
    parts = jax.tree.leaves(self)
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in parts)

  def scaled_codes(self) -> jax.Array:
    """`q s_b` `[..., F, D]` float32, exact in bfloat16 too if `s_b` is E4M3."""
    values = self.format.grid.decode(packing.unpack(self.codes))
    runs = Runs(self.format.block)
    scales = scale_types.load(self.scales)[..., None]
    return runs.join(runs.cut(values) * scales)

  def dequantize(self) -> jax.Array:
    """`q (s_b t)` in float32, then in `dtype`."""
    values = self.format.grid.decode(packing.unpack(self.codes))
    scales = scale_types.load(self.scales) * self.tensor_scale[..., None, None]
    runs = Runs(self.format.block)
    array = runs.join(runs.cut(values) * scales[..., None])
    if self.axis == -2:
      array = jnp.swapaxes(array, -1, -2)
    return array.astype(self.dtype)

  def __jax_array__(self) -> jax.Array:
    """`dequantize()`, where JAX takes an array."""
    return self.dequantize()

  def unbox(self) -> jax.Array:
    """`dequantize()`, where Flax opens a box."""
    return self.dequantize()

  def replace_boxed(self, val: Any) -> Any:
    """The value itself: what is computed from a weight has no codes."""
    return val

  def add_axis(self, index: int, params: dict[Any, Any]) -> Self:
    """Itself: a first axis is one of every part."""
    _check_first(index)
    return self

  def remove_axis(self, index: int, params: dict[Any, Any]) -> Self:
    """Itself, see `add_axis`."""
    _check_first(index)
    return self


def _check_first(index: int) -> None:
  if index:
    raise ValueError(
      f"QTensors are stacked along axis 0, not {index}: their other axes are "
      "in another order than the kernel's."
    )


def quantize_array(
  x: jax.Array,
  format: Format,
  *,
  axis: int = -2,
  round: Round | None = None,
  blocks: Blocks | None = None,
) -> QTensor:
  """`[..., D, F]` as a `QTensor` of the same shape and type.

  Args:
    x: a kernel, or a stack of them.
    format: the format of its blocks.
    axis: the axis that products contract, -2 for kernels of Linen, -1 for
      `[F, D]` as in torch.
    round: of scaled numbers; by default to the nearest.
    blocks: by default runs along `axis`; `Tiles` for squares.

  Raises:
    ValueError: `x` has fewer than two axes, `axis` is another, or `D` is no
      multiple of the block.
  """
  if x.ndim < 2 or axis not in (-1, -2):
    raise ValueError(
      f"blocks run along axis -1 or -2 of a matrix; got axis {axis} of shape "
      f"{x.shape}."
    )
  blocks = blocks or Runs(format.block)
  rows = x
  if axis == -2:
    # Laid out anew, or CPUs read columns at every step: twice as slow.
    rows = with_layout_constraint(
      jnp.swapaxes(x, -1, -2), Layout(tuple(range(x.ndim)))
    )
  rounded = quantize.round_matrices(rows, format, round=round, blocks=blocks)
  codes = format.grid.encode(blocks.join(rounded.values))
  scales = blocks.rows_of_scales(rounded.scales)
  return QTensor(
    codes=packing.pack(codes),
    scales=scale_types.store(scales, format.scale_type),
    tensor_scale=rounded.tensor_scale[..., 0, 0],
    format=format,
    axis=axis,
    dtype=jnp.dtype(x.dtype),
  )
