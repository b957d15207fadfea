"""SA2CRQ's deployment on one card, by the roofline.

Wang et al. (JD.com) serve a decoder of 1.7B parameters on one RTX 5090, 30
requests a second, 99 of 100 within 50 ms; a request has at most 20 clicks and
an answer 3 to 4 codes. The decoder here has Qwen3-1.7B's shape in the
arrangement of Qwen2.5 [OURS]: a prompt of 256 positions, 4 codes of 256 values,
a million IDs.

A search is a prefill, which gives the first code, and a step for each of the
others. Each of these passes takes at least

  seconds >= max(FLOPs / peak,
                 (bytes of the blocks + bytes of the cache) / bandwidth)

and reads the weights of the blocks once, however many requests it answers. The
formats keep the weights of the blocks in fewer bits; embeddings and cache stay
in bfloat16.

  bf16   weights and activations in bfloat16
  FP8    both in float8 (e4m3)
  W4A16  weights in NVFP4 (4 bits, and 8 for every 16), products in bfloat16
  W4A4   both in NVFP4
"""

import dataclasses
import math
from collections.abc import Iterator

from tools.ahead.data_sheets import DataSheet
from tools.ahead.roofline import bound
from tools.benchmarks.generator import Sizes

SIZES = Sizes(
  151_936,
  level_sizes=(256,) * 4,
  ids=1_000_000,
  # With profile and query 256 positions.
  history=254,
  layers=28,
  width=2048,
  heads=16,
  kv_heads=8,
  feed_forward=6144,
)
BEAMS = (50, 100, 500)
QPS, SECONDS = 30, 0.05
_BATCHES = 4096


@dataclasses.dataclass(frozen=True)
class Format:
  """How the products of the blocks are computed.

  Attributes:
    bits: the bits of a weight, with its share of the scales.
    product: the entry of `DataSheet.flops`.
  """

  bits: float
  product: str


FORMATS = {
  "bf16": Format(16, "bfloat16"),
  "FP8": Format(8, "float8"),
  "W4A16": Format(4.5, "bfloat16"),
  "W4A4": Format(4.5, "float4"),
}


def block_weights(sizes: Sizes = SIZES) -> int:
  """The numbers in the matrices of all blocks."""
  heads = sizes.heads + 2 * sizes.kv_heads
  attention = sizes.width * sizes.head_size * (heads + sizes.heads)
  return sizes.layers * (attention + 3 * sizes.width * sizes.feed_forward)


def weight_bytes(format_: Format, sizes: Sizes = SIZES) -> float:
  """Bytes of the blocks, and of the embeddings in bfloat16."""
  blocks = block_weights(sizes) * format_.bits / 8
  return blocks + 2 * sizes.vocabulary * sizes.width


def passes(
  format_: Format, sheet: DataSheet, *, beam: int, batch: int, sizes=SIZES
) -> Iterator[float]:
  """The least seconds of the prefill and of each step of a search."""
  prompt, levels = 2 + sizes.history, len(sizes.level_sizes)
  blocks, heads = block_weights(sizes), sizes.heads * sizes.head_size
  position = 4 * sizes.layers * sizes.kv_heads * sizes.head_size
  for level in range(levels):
    # There are no more beams than prefixes.
    beams = min(beam, math.prod(sizes.level_sizes[:level]))
    positions = batch * (beams if level else prompt)
    # A position of the prompt sees those before it, half of them on average.
    seen = prompt + level if level else prompt / 2
    attended = 4 * sizes.layers * heads * seen * positions
    cached = batch * position * (prompt + beams * level)
    flops = {format_.product: 2.0 * blocks * positions}
    flops["bfloat16"] = flops.get("bfloat16", 0.0) + attended
    yield bound(
      sheet, flops=flops, memory=blocks * format_.bits / 8 + cached
    ).seconds


def row(format_: Format, sheet: DataSheet, *, beam: int) -> dict[str, float]:
  """What the roofline leaves: the least latency, and the most requests.

  The largest batch that is answered in time is found; a server that waits for
  batches needs the same time once more, so that half of it is left for each.
  """
  prefill, *steps = passes(format_, sheet, beam=beam, batch=1)
  best, size = 0.0, 0
  for batch in range(1, _BATCHES):
    seconds = sum(passes(format_, sheet, beam=beam, batch=batch))
    if 2 * seconds > SECONDS:
      break
    best, size = batch / seconds, batch
  return {
    "weights": weight_bytes(format_),
    "prefill": prefill,
    "steps": sum(steps),
    "seconds": prefill + sum(steps),
    "qps_alone": 1 / (prefill + sum(steps)),
    "batch": size,
    "qps": best,
  }


def table(sheet: DataSheet) -> dict[str, dict[str, dict[str, float]]]:
  """Figures by format and beam, of the formats that a card has products for."""
  return {
    name: {str(beam): row(format_, sheet, beam=beam) for beam in BEAMS}
    for name, format_ in FORMATS.items()
    if format_.product in sheet.flops
  }
