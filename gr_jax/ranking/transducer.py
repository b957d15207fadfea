r"""ULTRA-HSTU's layers: sequential transduction units over places and targets.

  X = LN(Z);  U, Q, K, V = SiLU(X W);  Z <- Z + (LN(A(Q, K, V)) ⊙ U) W_o

(arXiv 2602.16986, equations 1-5; the unit is that of HSTU, arXiv 2402.17152).
`A` sums over what a place reads, without a softmax
(`nn/semi_local_attention.py`); HSTU adds a relative bias to its scores. Targets
pass the same layers: they read places and themselves, and no place reads them,
so that places can be encoded without targets and kept (`Encoded`).

Remat keeps the input of a layer and its products with weights alone; what lies
between (norms, SiLU, scores, gates) is computed again for the gradient.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from gr_jax.choices import choose
from gr_jax.nn.layers import DotGeneral, Dropout, Linear, name_axes
from gr_jax.nn.relative_time_bias import Relation, RelativeBias
from gr_jax.nn.semi_local_attention import (
  SemiLocal,
  masked_attention,
  semi_local_attention,
  semi_local_mask,
  target_attention,
)
from gr_jax.nn.transformer import REMAT, stacked
from gr_jax.ranking.places import Places, Relations

ATTENTION = {name: name for name in ("semi_local", "full", "cross")}


@dataclasses.dataclass(frozen=True)
class TransducerConfig:
  """Sizes of a stack.

  Attributes:
    layers: the number of units.
    width: `D`.
    heads: the number of heads, each with keys, values and gates of `head_size`.
    head_size: `h`.
    attention: "semi_local"; "full" reads all earlier places; with "cross" the
      targets alone read, and places stay as they came.
    local: `K1`.
    prefix: `K2`.
    block: places of a block, see `SemiLocal`.
    divide_by: `N` of the factor `1 / N` of attention, as HSTU has it; 0 = no
      factor, as ULTRA-HSTU.
    relative: places of HSTU's relative bias (`nn/relative_time_bias.py`), which
      attention has to be "full" for; 0 = no bias, as ULTRA-HSTU.
    dropout: the share of what a unit adds that training sets to zero.
    remat: what the gradient computes again, one of `nn.transformer.REMAT`.
    unroll: units per turn of the scan.
  """

  layers: int = 2
  width: int = 64
  heads: int = 4
  head_size: int = 16
  attention: str = "semi_local"
  local: int = 64
  prefix: int = 16
  block: int = 32
  divide_by: int = 0
  relative: int = 0
  dropout: float = 0.0
  remat: str = "none"
  unroll: int = 4

  def __post_init__(self):
    choose("model.attention", self.attention, ATTENTION)
    choose("model.remat", self.remat, REMAT)
    for name in ("layers", "width", "heads", "head_size"):
      if getattr(self, name) < 1:
        raise ValueError(
          f"model.{name} ({getattr(self, name)}) must be at least 1."
        )
    SemiLocal(self.local, self.prefix, self.block)
    if self.relative and self.attention != "full":
      raise ValueError(
        f"model.relative ({self.relative}) is for full attention; "
        f"model.attention is {self.attention!r}."
      )

  @property
  def sizes(self) -> SemiLocal:
    return SemiLocal(self.local, self.prefix, self.block)

  @property
  def scale(self) -> float:
    return 1 / self.divide_by if self.divide_by else 1.0


KeyValues = tuple[jax.Array, jax.Array]
"""Keys and values `[R, S, H, h]` of a layer, or of all `[layers, ...]`."""


class Unit(nn.Module):
  """One layer; `stacked` scans it."""

  config: TransducerConfig
  dot_general: DotGeneral = jax.lax.dot_general

  def setup(self):
    c = self.config
    inner = c.heads * c.head_size
    self.norm, self.inner_norm = LayerNorm(), LayerNorm()
    self.inputs = Linear(
      4 * inner, ("embed", "heads"), dot_general=self.dot_general
    )
    self.output = Linear(
      c.width, ("heads", "embed"), dot_general=self.dot_general
    )
    self.dropout = Dropout(c.dropout)
    if c.relative:
      self.bias = RelativeBias(c.relative)

  def __call__(
    self,
    states: tuple[jax.Array | None, jax.Array | None],
    read: KeyValues | None,
    places: Places,
    reads: jax.Array | None,
    related: Relations | None = None,
  ) -> tuple[tuple[jax.Array | None, jax.Array | None], KeyValues | None]:
    """The states after the unit, and the keys and values of the places.

    Args:
      states: those of places `[R, S, D]` and of targets `[R, T, D]`; None where
        there are none. Without places `read` has their keys and values.
      read: keys and values that were kept.
      places: whose the places are.
      reads: `[R, T, S]`, the places that targets read.
      related: what a relative bias reads.
    """
    c = self.config
    x, t = states
    if x is not None:
      u, q, k, v = self._parts(x)
      read = k, v
      if c.attention != "cross":
        among = related.among if related else None
        x = self._add(x, self._among_places(q, k, v, places, among), u)
    if t is not None:
      assert read is not None
      assert reads is not None
      u, q, k, v = self._parts(t)
      bias = self._bias(related.targets if related else None)
      found = target_attention(
        q, (k, v), *read, reads, scale=c.scale, bias=bias
      )
      t = self._add(t, found, u)
    return (x, t), read

  def _parts(self, x: jax.Array) -> list[jax.Array]:
    c = self.config
    parts = nn.silu(self.inputs(self.norm(x)))
    parts = parts.reshape(*x.shape[:-1], 4, c.heads, c.head_size)
    return [parts[..., i, :, :] for i in range(4)]

  def _among_places(
    self,
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    at: Places,
    relation: Relation | None,
  ) -> jax.Array:
    c = self.config
    if c.attention == "semi_local":
      return semi_local_attention(
        q, k, v, at.owners, at.places, sizes=c.sizes, scale=c.scale
      )
    everything = SemiLocal(local=q.shape[1], prefix=0)
    reads = semi_local_mask(at.owners, at.places, sizes=everything)
    bias = self._bias(relation)
    return masked_attention(q, k, v, reads, scale=c.scale, bias=bias)

  def _bias(self, relation: Relation | None) -> jax.Array | None:
    if not self.config.relative:
      return None
    assert relation is not None
    return self.bias(relation)

  def _add(self, x: jax.Array, found: jax.Array, u: jax.Array) -> jax.Array:
    found = found.reshape(*x.shape[:-1], -1)
    gated = self.inner_norm(found) * u.reshape(found.shape)
    return x + self.dropout(self.output(gated))


class LayerNorm(nn.Module):
  """`y = (x - mean) / sqrt(var + ε) · w + c` in float32 (Ba 2016)."""

  epsilon: float = 1e-6

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    return nn.LayerNorm(
      self.epsilon,
      scale_init=name_axes(nn.initializers.ones, ("norm",)),
      bias_init=name_axes(nn.initializers.zeros, ("norm",)),
    )(x.astype(jnp.float32))


class Transducer(nn.Module):
  """All units; parameters carry a leading layer axis."""

  config: TransducerConfig
  dot_general: DotGeneral = jax.lax.dot_general

  @nn.compact
  def __call__(
    self,
    x: jax.Array | None,
    t: jax.Array | None,
    places: Places,
    reads: jax.Array | None,
    read: KeyValues | None = None,
    related: Relations | None = None,
  ) -> tuple[jax.Array | None, jax.Array | None, KeyValues | None]:
    """See `Unit`; `read` and the result have a leading layer axis."""
    in_axes = (0, nn.broadcast, nn.broadcast, nn.broadcast)
    units = stacked(Unit, self.config, in_axes)
    (x, t), kept = units(self.config, self.dot_general, name="units")(
      (x, t), read, places, reads, related
    )
    return x, t, kept
