"""Which form of attention a program gets: by its platform and its shapes.

  plain   `attention.attend`: scores `[B, H, T, S]` in float32, on any platform
  cudnn   `cudnn_attention`: NVIDIA's GPUs, products in bfloat16
  splash  `splash_attention`: TPUs

"auto" takes the platform's kernel where it pays and plain everywhere else: on
CPU, for few positions, one decode step and beams among them, and where weights
are dropped. T5's relative bias is an argument of cuDNN's kernel; splash has
none, so that T5's encoder is plain on TPU. Splash takes queries that the axis
sequence of a mesh splits; cuDNN's future begins at the first key, so that it is
plain there. Kernels and plain are equal in what is read: states of
padding, which no loss and no search reads, may differ.

The platform is that of the mesh inside `jax.set_mesh`, which a program compiled
ahead of time for devices that are not here has, too; else that of the default
device. A kernel that a config names is used on every platform: where it cannot
run, interpreted or spelt out by XLA, which is slow, and meant for comparison.
"""

from typing import Any, cast

import jax
import jax.numpy as jnp

from gr_jax.nn.attention import Kernel
from gr_jax.nn.attention_mask import AttentionMask
from gr_jax.nn.cudnn_attention import cudnn_attention
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.precision import multiplied_type
from gr_jax.nn.splash_attention import splash_attention
from gr_jax.parallel.attention_split import position_parts

ATTENTION: dict[str, None] = dict.fromkeys(("auto", "plain", "cudnn", "splash"))
KERNELS = {"gpu": "cudnn", "tpu": "splash"}
# Fewer rows or columns are plain: scores are small, and blocks of kernels half
# empty, which are small on a GPU and 128 x 128 at least on a TPU. [OURS]; no
# accelerator has been at hand to measure it.
SHORTEST = {"cudnn": 64, "splash": 256}


def choose_attention(
  mask: AttentionMask,
  name: str,
  *,
  head_size: int,
  dot_general: DotGeneral,
  bias: jax.Array | None = None,
  dropped: bool = False,
) -> jax.Array | Kernel:
  """A kernel, or the mask as an array for the plain attention.

  Args:
    mask: who attends to whom.
    name: one of `ATTENTION`.
    head_size: `h`.
    dot_general: the product of the dense layers; it says what may be rounded.
    bias: `[H, T, S]`, added to the scores; None without.
    dropped: whether some weights are set to zero.

  Raises:
    ValueError: cudnn is named for a GPU, but products are in float32.
  """
  platform, dtype = current_platform(), multiplied_type(dot_general)
  kernel = KERNELS.get(platform, "plain") if name == "auto" else name
  runs = dtype == jnp.bfloat16 or platform != "gpu"
  if name == "cudnn" and not runs:
    raise ValueError(
      'model.attention is "cudnn", which multiplies bfloat16: set precision to '
      '"bfloat16", or model.attention to "plain".'
    )
  rows, columns = mask.pattern.shape
  few = min(rows // position_parts(), columns) < SHORTEST.get(kernel, 0)
  if kernel == "plain" or few or dropped:
    return mask.dense()
  found = None
  if kernel == "cudnn" and runs and position_parts() == 1:
    found = cudnn_attention(
      mask,
      head_size=head_size,
      bias=bias,
      dtype=dtype,
      implementation="cudnn" if platform == "gpu" else "xla",
    )
  elif kernel == "splash" and bias is None:
    found = splash_attention(mask, dtype=dtype, interpret=platform != "tpu")
  return mask.dense() if found is None else found


def current_platform() -> str:
  """The platform that is traced for: "cpu", "gpu", "tpu" or another."""
  mesh = jax.sharding.get_abstract_mesh()
  device = None if mesh.empty else mesh.abstract_device
  device = device or cast(Any, jax.config).jax_default_device
  name = getattr(device, "platform", device) or jax.default_backend()
  return "gpu" if name == "cuda" else name
