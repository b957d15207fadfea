"""The sizes of all checks: a full form for accelerators, a small one for CPUs.

The models have the published shapes of SmolLM2-135M, Qwen2.5-0.5B and
Qwen3-1.7B in the arrangement of Qwen2.5, random weights, and codes beside their
words. The deployment is SA2CRQ's: 1.7B parameters, a prompt of 256 positions, 4
codes and a million IDs.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tools.benchmarks.generator import Sizes


@dataclasses.dataclass(frozen=True)
class Form:
  """The sizes of all checks.

  Attributes:
    name: "full" or "small".
    models: the decoders that are trained, in order of worth.
    batches: rows of a training batch; the first that fits is taken.
    steps: training steps that are timed.
    deployment: the decoder that is searched with, and its catalogue.
    searches: pairs of beam and batch that have a bar, in order of worth.
    wider_searches: others.
    peer_searches: the pairs that the peer answers.
    calls: searches that are timed, at most.
    attention: `B`, `S`, branches, length of a branch, `H`, `K`, `h`.
    vectors: rows and features that are clustered.
    clusters: the clusters of one level.
    rq_vae: the settings of `tools.benchmarks.rq_vae.make`.
    product: the side of the matrices whose product is the yardstick.
    copied: bytes that are copied to see the bandwidth of the memory.
  """

  name: str
  models: Mapping[str, Sizes]
  batches: tuple[int, ...]
  steps: int
  deployment: Sizes
  searches: tuple[tuple[int, int], ...]
  wider_searches: tuple[tuple[int, int], ...]
  peer_searches: tuple[tuple[int, int], ...]
  calls: int
  attention: tuple[int, int, int, int, int, int, int]
  vectors: tuple[int, int]
  clusters: int
  rq_vae: Mapping[str, Any]
  product: int
  copied: int


def _decoder(words: int, history: int, **more) -> Sizes:
  return Sizes(
    words, level_sizes=(256,) * 4, ids=1_000_000, history=history, **more
  )


# With profile, query and codes, 256 positions are read: in a training row 252
# of the prompt and 4 of its branch, in a search 255 and the query.
_TRAINED, _SEARCHED = 251, 254

_LARGE = {
  "layers": 28,
  "width": 2048,
  "heads": 16,
  "kv_heads": 8,
  "feed_forward": 6144,
}

FULL = Form(
  name="full",
  models={
    "1.7B": _decoder(151_936, _TRAINED, **_LARGE),
    "0.5B": _decoder(
      151_936,
      _TRAINED,
      layers=24,
      width=896,
      heads=14,
      kv_heads=2,
      feed_forward=4864,
    ),
    "0.1B": _decoder(
      49_152,
      _TRAINED,
      layers=30,
      width=576,
      heads=9,
      kv_heads=3,
      feed_forward=1536,
    ),
  },
  batches=(64, 32, 16, 8, 4),
  steps=10,
  deployment=_decoder(151_936, _SEARCHED, **_LARGE),
  searches=((50, 8), (50, 1), (50, 16)),
  wider_searches=((100, 8), (500, 4), (100, 1), (500, 1)),
  peer_searches=((50, 1), (50, 4), (100, 1)),
  calls=200,
  attention=(4, 256, 8, 4, 16, 8, 128),
  vectors=(100_000, 384),
  clusters=256,
  rq_vae={
    "rows": 16_384,
    "features": 768,
    "hidden": (512, 256, 128),
    "latent": 32,
    "codes": (256, 256, 256),
    "batch": 2048,
  },
  product=8192,
  copied=1 << 30,
)

_TOY = Sizes(
  30,
  level_sizes=(8, 8, 8, 8),
  ids=60,
  history=5,
  layers=2,
  width=16,
  heads=2,
  kv_heads=1,
  feed_forward=24,
)

SMALL = Form(
  name="small",
  models={"toy": _TOY},
  batches=(8, 4),
  steps=3,
  deployment=_TOY,
  searches=((4, 2),),
  wider_searches=((4, 1),),
  peer_searches=((4, 1),),
  calls=5,
  attention=(2, 8, 3, 2, 4, 2, 8),
  vectors=(400, 16),
  clusters=8,
  rq_vae={
    "rows": 256,
    "features": 12,
    "hidden": (8,),
    "latent": 4,
    "codes": (4, 4),
    "batch": 32,
  },
  product=128,
  copied=1 << 20,
)

FORMS = {form.name: form for form in (FULL, SMALL)}
