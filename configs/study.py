"""Sections that the studies share: a small generator and two worlds.

Not a recipe of its own; `configs/cq_sid_claim.py` and its like start from it.
"""

from collections.abc import Sequence

from ml_collections import ConfigDict

from configs import retrieval

PRESETS = ("", "tiny")


def base(
  study: str, preset: str, presets: Sequence[str] = PRESETS
) -> ConfigDict:
  """What is compared by one small generator; `tiny` shows that it runs.

  Raises:
    ValueError: for a preset that does not exist.
  """
  if preset not in presets:
    raise ValueError(
      f"unknown preset {preset!r}; there are: default (write nothing), "
      f"{', '.join(p for p in presets if p)}."
    )
  shared = retrieval.base("")
  config = ConfigDict()
  config.name = f"{study}_claim"
  config.experiment = f"studies.{study}"
  config.output = ""
  config.seeds = (0, 1, 2)
  config.vectors = shared.vectors.to_dict()
  config.generator = shared.generator.to_dict()
  # As in the papers: what the IDs are worth, not what counting is.
  config.generator.count_alpha = 0.0
  config.generator.prompt.update(history=32, lookback=256)
  config.generator.model.update(
    layers=2, width=128, heads=4, kv_heads=2, head_size=32, feed_forward=352
  )
  config.generator.loop.update(steps=600, log_every=50, checkpoint_every=600)
  # Of each kind, at most; 0 = every one that there is.
  config.evaluation = {"requests": 800, "batch_size": 32, "seed": 0}
  if preset == "tiny":
    config.seeds = (0,)
    config.vectors.dimensions = 16
    config.generator.prompt.update(history=16, user_buckets=100)
    config.generator.model.update(
      layers=1, width=64, heads=2, kv_heads=1, head_size=32, feed_forward=128
    )
    config.generator.loop.update(steps=40, log_every=20, checkpoint_every=40)
    config.evaluation.requests = 64
  return config


def households() -> dict:
  """Section data: the purchases of 400 households."""
  return retrieval.base("").data.to_dict() | {"max_households": 400}


def shop(
  *, items: int = 6000, users: int = 2000, requests: int = 30_000
) -> dict:
  """Section data: a made-up shop, whose categories and clicks are known."""
  sizes = {"num_items": items, "num_users": users, "num_requests": requests}
  return {"source": "shop_world", "seed": 0} | sizes
