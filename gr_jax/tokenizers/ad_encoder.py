"""Vectors of ads from what they show and whom they are of (GR4AD's UAE).

  x = W v + sum_f e_f(c_f);  z = unit(x + swiglu(norm(x)))

with `v` the given vector of the item and `c_f` its facts, such as advertiser
and category. GR4AD (arXiv 2602.22732) reads the last state of an
instruction-tuned Qwen3-VL-7B; here any vectors will do, and a small network
moves them `[OURS]`. `W` is orthogonal and all else begins at zero: the first
cosines are those of the given vectors where `W` has room for them, and a fact
that no training ad has adds nothing. Trained in `ad_contrast.py`.
"""

import dataclasses
import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gr_jax.nn.layers import DotGeneral, Linear, RMSNorm, SwiGLU, name_axes
from gr_jax.nn.map_rows import map_rows
from gr_jax.objectives.contrastive import normalize
from gr_jax.tokenizers import tokenizer
from gr_jax.training import scan_fit


class AdNetwork(nn.Module):
  """Unit vectors of ads.

  Attributes:
    fact_sizes: The number of values of each fact, `F` of them; () for none.
    width: The width `D` of the unit vectors.
    feed_forward: The width of SwiGLU.
    dot_general: The product of every dense layer.
  """

  fact_sizes: tuple[int, ...] = ()
  width: int = 128
  feed_forward: int = 256
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, vectors: jax.Array, facts: jax.Array) -> jax.Array:
    """Unit rows `[B, D]`.

    Args:
      vectors: `[B, Dv]`.
      facts: `[B, F]` int32, -1 = not known.
    """
    x = Linear(
      self.width,
      ("norm", "embed"),
      dot_general=self.dot_general,
      kernel_init=nn.initializers.orthogonal(),
      name="read",
    )(vectors)
    for f, size in enumerate(self.fact_sizes):
      zeros = name_axes(nn.initializers.zeros, ("vocab", "embed"))
      table = self.param(f"fact_{f}", zeros, (size, self.width))
      known = (facts[:, f] >= 0)[:, None]
      x = x + jnp.where(known, table[jnp.maximum(facts[:, f], 0)], 0.0)
    mlp = SwiGLU(self.feed_forward, self.dot_general, name="mlp")
    return normalize(x + mlp(RMSNorm(name="norm")(x)))


@dataclasses.dataclass(frozen=True, eq=False)
class AdEncoder:
  """A network with its parameters: encodes ads, also those of tomorrow.

  Attributes:
    network: The network.
    params: Its parameters.
  """

  network: AdNetwork
  params: Any

  def encode(self, vectors: np.ndarray, facts: np.ndarray) -> np.ndarray:
    """Unit rows `[n, D]` float32 of vectors `[n, Dv]` and facts `[n, F]`.

    A fact that is -1, or beyond those of the training, is not known.

    Raises:
      ValueError: Vectors that are not finite, or another number of facts.
    """
    scan_fit.check_vectors(vectors, name="vectors")
    sizes = self.network.fact_sizes
    check_facts(facts, count=len(vectors), num_facts=len(sizes))
    facts = np.where(facts < np.asarray(sizes, int), facts, -1)
    arrays = jnp.asarray(vectors, jnp.float32), jnp.asarray(facts, jnp.int32)
    return np.asarray(_encode(self.network, self.params, *arrays))

  def save(self, directory: pathlib.Path) -> None:
    """Writes the parameters into a folder that exists."""
    tokenizer.save_arrays(directory, self.params)

  @classmethod
  def load(cls, directory: pathlib.Path, network: AdNetwork) -> "AdEncoder":
    """Reads what `save` wrote; it encodes as before, bit for bit."""
    return cls(network, tokenizer.load_arrays(directory))


def check_facts(facts: np.ndarray, *, count: int, num_facts: int) -> None:
  """Raises ValueError unless there are as many facts of as many ads."""
  if np.shape(facts) != (count, num_facts):
    raise ValueError(
      f"facts must be [{count}, {num_facts}], a row for each vector and a "
      f"column for each of fact_sizes; got {list(np.shape(facts))}."
    )


@functools.partial(jax.jit, static_argnums=0)
def _encode(network: AdNetwork, params: Any, vectors, facts) -> jax.Array:
  encode: Any = functools.partial(network.apply, params)
  return map_rows(lambda rows: encode(*rows), (vectors, facts))
