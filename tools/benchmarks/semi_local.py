"""Semi-local attention by blocks, and with a dense mask.

ULTRA-HSTU's attention (arXiv 2602.16986) over one history, forward and for the
gradients of queries, keys and values. `kilobytes` are the temporary memory of
the program as XLA counts it: with blocks they grow with the length, with a mask
with its square.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.nn.semi_local_attention import (
  SemiLocal,
  masked_attention,
  semi_local_attention,
  semi_local_mask,
)
from tools.benchmarks.contender import Bar, Contender, Run, Section

SIZES = SemiLocal(64, 16, 64)
HEADS, HEAD_SIZE = 4, 32


def section(
  *,
  length: int = 2048,
  others: tuple[int, ...] = (512, 1024, 16_384),
  units: int = 3,
) -> Section:
  """The bar is at `length`; `others` are computed by blocks alone."""
  contenders = tuple(
    Contender(
      f"{form}, {part}, {each}",
      "tools.benchmarks.semi_local:make",
      {"length": each, "form": form, "part": part},
      units=units,
      items=each,
    )
    for part in ("forward", "gradient")
    for form, lengths in (("blocks", (length, *others)), ("mask", (length,)))
    for each in lengths
  )
  bars = tuple(
    Bar(f"blocks, {part}, {length}", f"mask, {part}, {length}", 20)
    for part in ("forward", "gradient")
  )
  title = (
    f"semi-local attention, K1 {SIZES.local}, K2 {SIZES.prefix}, blocks of "
    f"{SIZES.block}, {HEADS} heads of {HEAD_SIZE}, float32"
  )
  return Section("semi_local", title, "history", "events", contenders, bars)


def make(*, units: int, length: int, form: str, part: str) -> Run:
  rng = np.random.default_rng(0)
  shape = (1, length, HEADS, HEAD_SIZE)
  q, k, v, slope = (
    jnp.asarray(0.3 * rng.normal(size=shape), jnp.float32) for _ in range(4)
  )
  places = jnp.arange(length)[None]
  owners = jnp.zeros_like(places)
  if form == "blocks":
    attend = functools.partial(
      semi_local_attention, owners=owners, places=places, sizes=SIZES
    )
  else:
    reads = semi_local_mask(owners, places, sizes=SIZES)
    attend = functools.partial(masked_attention, reads=reads)
  if part == "gradient":

    def loss(q, k, v):
      return jnp.sum(slope * attend(q, k, v))

    computed = jax.grad(loss, (0, 1, 2))
  else:
    computed = attend
  compiled = jax.jit(computed).lower(q, k, v).compile()
  memory = compiled.memory_analysis()
  kilobytes = memory.temp_size_in_bytes / 1024 if memory else 0.0

  def run():
    for _ in range(units):
      jax.block_until_ready(compiled(q, k, v))
    return {"kilobytes": kilobytes}

  return run
