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

from configs import retrieval, study

PRESETS = study.PRESETS


def get_config(preset: str = "") -> ConfigDict:
  config = study.base("cq_sid", preset)
  config.variants = ("rq_vae", "without_category", "without_infonce", "cq_sid")
  config.table_beams = (1, 10, 100)
  config.worlds = {
    "complete_journey": {
      "data": study.households(),
      "tokenizer": {"category_depth": 2, "vae": {"levels": (256, 256)}},
    },
    "shop_world": {
      "data": study.shop(),
      "tokenizer": {"category_depth": 1, "vae": {"levels": (64, 64)}},
    },
  }
  config.tokenizer = {
    "name": "cq_sid",
    "precision": "bfloat16",
    # The paper's: items with equal codes share an ID.
    "collisions": "clusters",
    "ema": {"decay": 0.99, "restart_below": 0.03},
    "contrast": {"gamma": 0.001, "temperature": 0.1, "pairs": 128},
  }
  retrieval.size_tokenizer(config, preset)
  config.tokenizer.vae.beta = 1.0
  del config.tokenizer.vae.levels  # Every world has its own.
  config.generator.examples.update(batch_size=16, targets=8)
  config.evaluation.beams = (1, 10, 30, 100)
  {"": _default, "tiny": _tiny}[preset](config)
  return config


def _default(config: ConfigDict) -> None:
  config.tokenizer.vae.update(hidden=(256, 128), steps=800)


def _tiny(config: ConfigDict) -> None:
  config.table_beams = (1, 10)
  del config.worlds.complete_journey
  shop = config.worlds.shop_world
  shop.data = study.shop(items=1000, users=200, requests=2000)
  shop.tokenizer.vae.levels = (16, 16)
  config.evaluation.beams = (1, 10)
