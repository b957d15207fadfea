r"""Learned queries that read the sum of a history: virtual seeds.

$$ A_l = \sum_i \phi(W^k_l \hat u_i)\,(W^v_l \hat u_i)^\top, \qquad
   x_0 = E, \quad x \mathrel{+}= W^o_l\,
   \mathrm{norm}(\phi(W^q_l \hat x)^\top \phi(A_l / N)), \quad
   x \mathrel{+}= \mathrm{SwiGLU}(\hat x) $$

with `û`, `x̂` normed (RMS). `M` seeds `E` come out as `M` summaries, which a
decoder reads in the place of the history (VISTA, arXiv 2510.22049; GEMs, arXiv
2602.13631). `EventSums` makes `A`, to be kept and added to; `VirtualSeeds`
reads it.

`[OURS]`: every layer sums the events themselves, so that a new event is added
to `A` and nothing before it changes; and what was read is normed, since it
grows with the length of the history. A history without events gives `A = 0`,
of which nothing is read.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.nn.layers import DotGeneral, Linear, RMSNorm, SwiGLU, name_axes
from gr_jax.nn.quasi_linear_attention import read_state, sum_events
from gr_jax.parallel.constraints import split_states


@dataclasses.dataclass(frozen=True)
class SeedConfig:
  """The sizes of a summary.

  Attributes:
    seeds: `M`.
    layers: times that the seeds read.
    width: `D`, of events and of seeds.
    heads: `H`.
    head_size: `h`; a user's sums are `layers H h²` numbers.
    feed_forward: the width inside SwiGLU.
    divisor: `N`, about the number of events of a long history.
  """

  seeds: int = 8
  layers: int = 2
  width: int = 64
  heads: int = 4
  head_size: int = 16
  feed_forward: int = 176
  divisor: float = 1024.0

  def __post_init__(self):
    for field in dataclasses.fields(self):
      value = getattr(self, field.name)
      if value < 1:
        raise ValueError(f"{field.name} of seeds ({value}) must be at least 1.")

  @property
  def state_shape(self) -> tuple[int, int, int, int]:
    """`[layers, H, h, h]` of one user."""
    return (self.layers, self.heads, self.head_size, self.head_size)


class EventSums(nn.Module):
  """`A` of every layer.

  Attributes:
    config: the sizes.
    dot_general: the product of the projection.
  """

  config: SeedConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self, events: jax.Array, mask: jax.Array | None = None
  ) -> jax.Array:
    """`[B, layers, H, h, h]`, the sum over the events of a row.

    Args:
      events: `[B, T, D]`, each made of that event alone: neither of others nor
        of the time that it is read at.
      mask: `[B, T]`, True where an event is there; None = all are.
    """
    c = self.config
    both = Linear(
      2 * c.layers * c.heads * c.head_size,
      ("embed", "heads"),
      dot_general=self.dot_general,
      name="kv",
    )(RMSNorm(name="norm")(events))
    # The layers of a user's heads are as many more heads.
    shape = (*events.shape[:2], 2, c.layers * c.heads, c.head_size)
    keys, values = both.reshape(shape).transpose(2, 0, 1, 3, 4)
    sums = sum_events(keys, values, mask)
    return sums.reshape(len(events), *c.state_shape)


class SeedBlock(nn.Module):
  """The seeds read `A` of one layer."""

  config: SeedConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, x: jax.Array, state: jax.Array) -> tuple[jax.Array, None]:
    """`[B, M, D]` of `[B, M, D]` and `[B, H, h, h]`."""
    c = self.config
    x = split_states(x)
    queries = Linear(
      c.heads * c.head_size,
      ("embed", "heads"),
      dot_general=self.dot_general,
      name="q",
    )(RMSNorm(name="read_norm")(x))
    queries = queries.reshape(*x.shape[:2], c.heads, c.head_size)
    read = read_state(queries, state, divisor=c.divisor)
    x = x + Linear(
      c.width,
      ("heads", "embed"),
      dot_general=self.dot_general,
      kernel_init=nn.initializers.zeros,
      name="out",
    )(RMSNorm(name="state_norm")(read.reshape(*x.shape[:2], -1)))
    added = SwiGLU(c.feed_forward, self.dot_general, name="mlp")(
      RMSNorm(name="mlp_norm")(x)
    )
    return x + added, None


class VirtualSeeds(nn.Module):
  """All blocks and the last norm; parameters carry a leading layer axis.

  Attributes:
    config: the sizes.
    dot_general: the product of every dense layer.
  """

  config: SeedConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(self, states: jax.Array) -> jax.Array:
    """Summaries `[B, M, D]` of the sums `[B, layers, H, h, h]`."""
    c = self.config
    table = self.param(
      "seeds",
      name_axes(nn.initializers.normal(1.0), ("levels", "embed")),
      (c.seeds, c.width),
    )
    x = jnp.broadcast_to(table, (len(states), *table.shape))
    blocks = nn.scan(
      SeedBlock,
      variable_axes={"params": 0},
      split_rngs={"params": True},
      in_axes=1,
      length=c.layers,
      metadata_params={nn.PARTITION_NAME: "layers"},
    )(c, self.dot_general, name="blocks")
    x, _ = blocks(x, states)
    return RMSNorm(name="norm")(split_states(x))
