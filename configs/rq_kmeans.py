"""Residual k-means (OneRec) with the generator of `cq_sid`.

  python -m gr_jax.main --config=configs/rq_kmeans.py

`--config.tokenizer.clusters=balanced` gives clusters of equal size,
`--config.tokenizer.collisions` what becomes of items whose codes are equal (see
`rq_vae`). Presets as in `cq_sid`.
"""

from configs.retrieval import base


def get_config(preset: str = ""):
  config = base(preset)
  config.name = "rq_kmeans"
  config.experiment = "rq_kmeans"
  config.tokenizer = {
    "name": "rq_kmeans",
    "seed": 0,
    "collisions": "suffix",
    "clusters": "plain",
    "levels": (256, 256, 256),
    "iterations": 10,
  }
  if preset == "tiny":
    config.tokenizer.levels = (32, 32, 32)
    config.tokenizer.iterations = 5
  if preset == "paper":
    config.tokenizer.levels = (8192, 8192, 8192)
  return config
