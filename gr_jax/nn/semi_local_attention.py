r"""Semi-local attention without a softmax, computed block by block.

ULTRA-HSTU (arXiv 2602.16986): place `p` of a user reads its newest `K1` places
and the user's earliest `K2`,

  reads(p) = [max(K2, p - K1 + 1), p] ∪ [0, min(K2, p + 1))
  o_p = s \sum_{j \in reads(p)} SiLU(q_p · k_j) v_j,  s = 1 / N or 1

`K2` is at least the number of contextual tokens. Rows hold several users
(`ranking/sequences.py`), each in whole blocks of `b` places. A block of queries
multiplies the keys of itself and of `ceil((K1 - 1) / b)` blocks before it, and
the first `K2` of its user, gathered once a block: `S (K1 + K2 + 2 b)` pairs at
most, and no array of `S x S`.

Without a softmax a pair that is left out is a zero and nothing else, so that
kernels for softmax attention (splash, cuDNN, Flex) do not apply; products of
blocks are what any platform does well.
"""

import dataclasses

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class SemiLocal:
  """What places read.

  Attributes:
    local: `K1`, the newest places, the own one among them.
    prefix: `K2`, the earliest places; context tokens have to be among them.
    block: `b`, a divisor of the row; every user begins at a multiple of it.
  """

  local: int = 64
  prefix: int = 16
  block: int = 32

  def __post_init__(self):
    for name, least in (("local", 1), ("prefix", 0), ("block", 1)):
      if getattr(self, name) < least:
        raise ValueError(
          f"attention.{name} ({getattr(self, name)}) must be at least {least}."
        )

  @property
  def before(self) -> int:
    """The number of earlier blocks that a block reads."""
    return -(-(self.local - 1) // self.block)


def semi_local_attention(
  q: jax.Array,
  k: jax.Array,
  v: jax.Array,
  owners: jax.Array,
  places: jax.Array,
  *,
  sizes: SemiLocal,
  scale: float = 1.0,
) -> jax.Array:
  """`o` above, `[R, S, H, h]`; zeros at empty places.

  Args:
    q: `[R, S, H, h]`, as `k` and `v`.
    k: keys.
    v: values.
    owners: `[R, S]` the user of a place, -1 = empty.
    places: `[R, S]` the place within its user.
    sizes: what places read.
    scale: `s`.

  Raises:
    ValueError: a row is no multiple of the block.
  """
  R, S, H, h = q.shape
  b = sizes.block
  if S % b:
    raise ValueError(f"rows of {S} places are no multiple of the block {b}.")
  N = S // b

  def blocks(x: jax.Array) -> jax.Array:
    return x.reshape(R, N, b, *x.shape[2:])

  def rows_before(x: jax.Array, empty: int = 0) -> jax.Array:
    """`[R, N, (m + 1) b, ...]`, each block behind the `m` before it."""
    m = sizes.before
    pad = [(0, 0), (m, 0), *[(0, 0)] * (x.ndim - 2)]
    x = jnp.pad(x, pad, constant_values=empty)
    return jnp.concatenate([x[:, i : i + N] for i in range(m + 1)], axis=2)

  own, place = blocks(owners), blocks(places)
  query = blocks(q)
  near = rows_before(own, -1), rows_before(place)
  reads = (
    (own[..., None] >= 0)
    & (own[..., None] == near[0][..., None, :])
    & (place[..., None] >= near[1][..., None, :])
    & (place[..., None] - near[1][..., None, :] < sizes.local)
    & (near[1][..., None, :] >= sizes.prefix)
  )
  out = _read(query, rows_before(blocks(k)), rows_before(blocks(v)), reads)
  if sizes.prefix:
    first = _Prefix(own, place, sizes)
    reads = (own[..., None] >= 0) & (first.places <= place[..., None])
    out += _read(query, first.of(blocks(k)), first.of(blocks(v)), reads)
  return (out * scale).reshape(R, S, H, h).astype(q.dtype)


class _Prefix:
  """The first `K2` places of the user of each block."""

  def __init__(self, own: jax.Array, place: jax.Array, sizes: SemiLocal):
    N, b = own.shape[1:]
    self._start = jnp.arange(N) - place[:, :, 0] // b
    self._size, self._block = sizes.prefix, b
    self.places = jnp.arange(sizes.prefix)

  def of(self, x: jax.Array) -> jax.Array:
    """`[R, N, K2, ...]` of `[R, N, b, ...]`.

    Behind a user that is shorter than `K2` lies another, whose places are
    above those of any query.
    """
    R, N, b = x.shape[:3]
    found = []
    for begin in range(0, self._size, b):
      part = x[:, :, : min(b, self._size - begin)]
      at = jnp.minimum(self._start + begin // b, N - 1)
      flat = part.reshape(R, N, -1)
      found.append(
        jnp.take_along_axis(flat, at[..., None], axis=1).reshape(part.shape)
      )
    return jnp.concatenate(found, axis=2)


def _read(
  q: jax.Array,
  k: jax.Array,
  v: jax.Array,
  reads: jax.Array,
  bias: jax.Array | None = None,
) -> jax.Array:
  """`sum_j SiLU(q k_j + b_j) v_j` over `j` in `reads`, `[..., Q, H, h]`."""
  # Heads first: XLA on CPU multiplies matrices that lie in one piece.
  q, k, v = (jnp.moveaxis(x, -2, -3) for x in (q, k, v))
  scores = jnp.einsum(
    "...qd,...kd->...qk", q, k, preferred_element_type=jnp.float32
  )
  if bias is not None:
    scores += bias[..., None, :, :]
  weights = jnp.where(reads[..., None, :, :], jax.nn.silu(scores), 0)
  out = jnp.einsum(
    "...qk,...kd->...qd",
    weights.astype(v.dtype),
    v,
    preferred_element_type=jnp.float32,
  )
  return jnp.moveaxis(out, -3, -2)


def semi_local_mask(
  owners: jax.Array, places: jax.Array, *, sizes: SemiLocal
) -> jax.Array:
  """`[R, S, S]` bool, whether the first place reads the second."""
  p, j = places[:, :, None], places[:, None, :]
  own = owners[:, :, None]
  same = (own >= 0) & (own == owners[:, None, :]) & (j <= p)
  return same & ((p - j < sizes.local) | (j < sizes.prefix))


def masked_attention(
  q: jax.Array,
  k: jax.Array,
  v: jax.Array,
  reads: jax.Array,
  *,
  scale: float = 1.0,
  bias: jax.Array | None = None,
) -> jax.Array:
  """The same sum over any pairs `reads [R, Q, K]`, with all of them computed.

  `[R, Q, H, h]` of queries `[R, Q, H, h]` and keys and values `[R, K, H, h]`;
  a bias `[R, Q, K]` is added to the scores of all heads.
  """
  return (_read(q, k, v, reads, bias) * scale).astype(q.dtype)


def target_attention(
  q: jax.Array,
  own: tuple[jax.Array, jax.Array],
  k: jax.Array,
  v: jax.Array,
  reads: jax.Array,
  *,
  scale: float = 1.0,
  bias: jax.Array | None = None,
  chunk: int = 64,
) -> jax.Array:
  """What targets read: their user's places and themselves, `[R, T, H, h]`.

  No target reads another one. Chunks of targets are computed one after the
  other, which keeps `chunk x S` scores at once; the gradient computes them
  again.

  Args:
    q: `[R, T, H, h]` of the targets.
    own: their own keys and values.
    k: `[R, S, H, h]` of the places.
    v: as `k`.
    reads: `[R, T, S]` bool.
    scale: `s`.
    bias: `[R, T, S]`, added to the scores of places in all heads.
    chunk: the number of targets at once.
  """
  own_k, own_v = own
  score = jnp.einsum("rthd,rthd->rth", q, own_k).astype(jnp.float32)
  itself = jax.nn.silu(score)[..., None] * own_v
  R, T = q.shape[:2]
  if chunk >= T:
    found = _read(q, k, v, reads, bias)
  else:
    missing = -T % chunk
    wide = ((0, 0), (0, missing))
    parts = jax.tree.map(
      lambda x: jnp.pad(x, (*wide, *((0, 0),) * (x.ndim - 2))),
      (q, reads, bias),
    )
    parts = jax.tree.map(
      lambda x: jnp.moveaxis(x.reshape(R, -1, chunk, *x.shape[2:]), 1, 0),
      parts,
    )
    # Without it the gradient would keep the scores of every chunk, `T x S`.
    read = jax.checkpoint(lambda q, reads, b: _read(q, k, v, reads, b))
    found = jax.lax.map(lambda part: read(*part), parts)
    found = jnp.moveaxis(found, 0, 1).reshape(R, T + missing, *q.shape[2:])
    found = found[:, :T]
  return ((found + itself) * scale).astype(q.dtype)
