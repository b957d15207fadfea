"""What categories and queries do for semantic IDs (CQ-SID, arXiv 2605.14434).

  python -m gr_jax.main --config=configs/cq_sid_claim.py

Four tokenizers (RQ-VAE, CQ-SID without category, without InfoNCE, whole), three
seeds, two worlds: real purchases of 400 households, and a made-up shop whose
categories are the truth. The same small generator for all; hit rates at beams 1
to 100 with paired intervals, and the beam that equals the RQ-VAE's at 100. Ten
minutes on two CPU cores; a run that is cut off goes on where it was. Presets:
`tiny` (the shop alone, under a minute: shows that it runs, not what is true).

`--config.output=DIR` writes the table and the picture there as well.
"""

from ml_collections import ConfigDict

from configs.retrieval import base

PRESETS = ("", "tiny")


def get_config(preset: str = "") -> ConfigDict:
  if preset not in PRESETS:
    raise ValueError(
      f"unknown preset {preset!r}; there are: default (write nothing), tiny."
    )
  shared = base("")
  config = ConfigDict()
  config.name = "cq_sid_claim"
  config.experiment = "studies.cq_sid"
  config.output = ""
  config.variants = ("rq_vae", "without_category", "without_infonce", "cq_sid")
  config.seeds = (0, 1, 2)
  config.table_beams = (1, 10, 100)
  config.worlds = {
    "complete_journey": {
      "data": shared.data.to_dict() | {"max_households": 400},
      "tokenizer": {"category_depth": 2, "vae": {"levels": (256, 256)}},
    },
    "shop_world": {
      "data": {
        "source": "shop_world",
        "seed": 0,
        "num_items": 6000,
        "num_users": 2000,
        "num_requests": 30_000,
      },
      "tokenizer": {"category_depth": 1, "vae": {"levels": (64, 64)}},
    },
  }
  config.vectors = shared.vectors.to_dict()
  config.tokenizer = {
    "name": "cq_sid",
    "precision": "bfloat16",
    # The paper's: items with equal codes share an ID.
    "collisions": "clusters",
    "ema": {"decay": 0.99, "restart_below": 0.03},
    "contrast": {"gamma": 0.001, "temperature": 0.1, "pairs": 128},
    "vae": {
      "hidden": (256, 128),
      "latent": 32,
      "beta": 1.0,
      "learning_rate": 1e-3,
      "weight_decay": 1e-4,
      "batch_size": 1024,
      "steps": 800,
      "init_rows": 16_384,
      "init_iterations": 10,
    },
  }
  config.generator = shared.generator.to_dict()
  # As in the paper: what the IDs are worth, not what counting is.
  config.generator.count_alpha = 0.0
  config.generator.prompt.update(history=32, lookback=256)
  config.generator.model.update(
    layers=2, width=128, heads=4, kv_heads=2, head_size=32, feed_forward=352
  )
  config.generator.examples.update(batch_size=16, targets=8)
  config.generator.loop.update(steps=600, log_every=50, checkpoint_every=600)
  config.evaluation = {
    "requests": 800,
    "beams": (1, 10, 30, 100),
    "batch_size": 32,
    "seed": 0,
  }
  if preset == "tiny":
    _tiny(config)
  return config


def _tiny(config: ConfigDict) -> None:
  config.seeds = (0,)
  config.table_beams = (1, 10)
  del config.worlds.complete_journey
  config.worlds.shop_world.data.update(
    num_items=1000, num_users=200, num_requests=2000
  )
  config.worlds.shop_world.tokenizer.vae.levels = (16, 16)
  config.vectors.dimensions = 16
  config.tokenizer.vae.update(
    hidden=(64,), latent=16, batch_size=256, steps=100, init_rows=2048,
    init_iterations=5,
  )  # fmt: skip
  config.generator.prompt.update(history=16, user_buckets=100)
  config.generator.examples.batch_size = 16
  config.generator.model.update(
    layers=1, width=64, heads=2, kv_heads=1, head_size=32, feed_forward=128
  )
  config.generator.loop.update(steps=40, log_every=20, checkpoint_every=40)
  config.evaluation.update(requests=64, beams=(1, 10))
