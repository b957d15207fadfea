"""The small layers of the Qwen2.5 arrangement: norm, products, SwiGLU."""

import dataclasses
import fnmatch
from collections.abc import Callable, Sequence
from typing import cast

import jax
import jax.numpy as jnp
from flax import linen as nn

DotGeneral = Callable[..., jax.Array]

_kernel_init = nn.initializers.variance_scaling(1.0, "fan_in", "normal")


def name_axes(
  init: Callable[..., jax.Array], axes: tuple[str, ...]
) -> Callable[..., jax.Array]:
  """The initializer of a parameter whose axes have logical names.

  It returns a box with the names, which `Module.param` takes off.
  """
  boxed = nn.with_logical_partitioning(init, axes)
  return cast(Callable[..., jax.Array], boxed)


class Dropout(nn.Module):
  """Sets a share of the numbers to zero and scales the others up.

  `y = x m / (1 - p)`, `m ~ Bernoulli(1 - p)` (Srivastava 2014). It acts where
  `apply` is given `rngs={"dropout": key}`, which training does and search does
  not; with a rate of 0 it is not in the program.
  """

  rate: float

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    if not self.rate or not self.has_rng("dropout"):
      return x
    kept = jax.random.bernoulli(
      self.make_rng("dropout"), 1 - self.rate, x.shape
    )
    return jnp.where(kept, x / (1 - self.rate), 0)


class RMSNorm(nn.Module):
  """`y = x / sqrt(mean(x²) + ε) · w`, computed in float32 (Zhang 2019)."""

  epsilon: float = 1e-6

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    scale = self.param(
      "scale",
      name_axes(nn.initializers.ones, ("norm",)),
      (x.shape[-1],),
    )
    x = x.astype(jnp.float32)
    return (
      x
      * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + self.epsilon)
      * scale
    )


@dataclasses.dataclass(frozen=True)
class Lora:
  """A low-rank change of a product (Hu et al. 2021, arXiv 2106.09685, eq. 3).

  `y = x W + (α / r) (x A) B`, `A ~ N(0, 1 / D)` `[D, r]`, `B = 0` `[r, F]`: it
  starts as the product that is there.

  Attributes:
    rank: `r`.
    alpha: `α`.
    targets: patterns (`fnmatch`) of the paths of layers that have one, such as
      "*/attention/*"; an asterisk also stands for slashes.
  """

  rank: int
  alpha: float = 16.0
  targets: tuple[str, ...] = ("*",)

  def __post_init__(self):
    if self.rank < 1:
      raise ValueError(f"the rank of LoRA ({self.rank}) must be at least 1.")
    if isinstance(self.targets, str):
      raise ValueError(
        f"LoRA's targets ({self.targets!r}) are several patterns: give a tuple."
      )

  def reaches(self, path: Sequence[str]) -> bool:
    """Whether the layer of a path is a target."""
    name = "/".join(path)
    return any(fnmatch.fnmatchcase(name, each) for each in self.targets)

  @property
  def scale(self) -> float:
    """`α / r`."""
    return self.alpha / self.rank


class Linear(nn.Module):
  """`y = x W (+ b)` for `[..., D] -> [..., F]` with named axes on `W`.

  Attributes:
    features: `F`.
    axes: the logical names of the two axes of `W`, two different ones of
      `parallel.mesh.DEFAULT_RULES`.
    use_bias: adds `b`.
    dot_general: the product, see `gr_jax.nn.dot`.
    kernel_init: the initializer of `W`.
    lora: adds `lora_a` and `lora_b`, a change of low rank, if it reaches this
      layer; None without.
  """

  features: int
  axes: tuple[str, str]
  use_bias: bool = False
  dot_general: DotGeneral = jax.lax.dot_general
  kernel_init: nn.initializers.Initializer = _kernel_init
  lora: Lora | None = None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    y = nn.Dense(
      self.features,
      use_bias=self.use_bias,
      kernel_init=name_axes(self.kernel_init, self.axes),
      bias_init=name_axes(nn.initializers.zeros, self.axes[1:]),
      dot_general=self.dot_general,
      name="dense",
    )(x)
    if self.lora is None or not self.lora.reaches(self.path):
      return y
    # The axis of the rank is whole on every device, as those of norms are.
    a = self.param(
      "lora_a",
      name_axes(_kernel_init, (self.axes[0], "norm")),
      (x.shape[-1], self.lora.rank),
    )
    b = self.param(
      "lora_b",
      name_axes(nn.initializers.zeros, ("norm", self.axes[1])),
      (self.lora.rank, self.features),
    )
    dims = (((x.ndim - 1,), (0,)), ((), ()))
    low = self.dot_general(x, a, dims)
    return y + self.lora.scale * self.dot_general(low, b, dims)


class SwiGLU(nn.Module):
  """`y = (silu(x W_gate) ⊙ x W_up) W_down` (Shazeer 2020), `[..., D]`.

  `W_down` starts at zero, as does the output of attention: a block begins as
  the identity, and what the embeddings say is not drowned by what random layers
  add `[OURS]`.
  """

  features: int
  dot_general: DotGeneral = jax.lax.dot_general
  lora: Lora | None = None

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    gate, up = (
      Linear(
        self.features,
        ("embed", "mlp"),
        dot_general=self.dot_general,
        lora=self.lora,
        name=name,
      )(x)
      for name in ("gate", "up")
    )
    return Linear(
      x.shape[-1],
      ("mlp", "embed"),
      dot_general=self.dot_general,
      kernel_init=nn.initializers.zeros,
      lora=self.lora,
      name="down",
    )(nn.silu(gate) * up)
