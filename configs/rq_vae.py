"""TIGER's tokenizer (Rajput et al. 2023) with the generator of `cq_sid`.

  python -m gr_jax.main --config=configs/rq_vae.py

Three levels of 256 codes learned from the item vectors alone, and a running
number for items whose codes are equal. `--config.tokenizer.collisions=sinkhorn`
moves such items at the last level instead (LC-Rec; what still collides shares
an ID, and tens of thousands of them take minutes), `clusters` leaves them
together. Presets as in `cq_sid`.
"""

from configs.retrieval import base, size_tokenizer


def get_config(preset: str = ""):
  config = base(preset)
  config.name = "rq_vae"
  config.experiment = "rq_vae"
  config.tokenizer = {
    "name": "rq_vae",
    "seed": 0,
    "precision": "bfloat16",
    "collisions": "suffix",
  }
  size_tokenizer(config, preset)
  config.tokenizer.vae.beta = 0.25
  if preset == "paper":
    config.tokenizer.vae.steps = 20_000
  return config
