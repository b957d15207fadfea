"""HSTU (Meta, arXiv 2402.17152) retrieves the next item, SASRec beside it.

  python -m gr_jax.main --config=configs/hstu.py --config.data.path=FOLDER

MovieLens-1M by the protocol of the paper: of every user all ratings but the
last are learned, the newest 200 at most, and the last is to be found in the
whole catalogue. FOLDER has `ratings.dat` and `movies.dat` of
https://grouplens.org/datasets/movielens/1m/; other sources with histories
(`data.source`) work alike. Published there: HR@10 .3097, NDCG@10 .1720 for
these sizes, .3294 and .1893 for those of the preset `paper`, .2853 and .1603
for SASRec. Preset `tiny`: made-up histories, seconds.
"""

from ml_collections import ConfigDict

from configs import retrieval

PRESETS = retrieval.PRESETS


def get_config(preset: str = "") -> ConfigDict:
  """The recipe; raises ValueError for a preset that does not exist."""
  base = retrieval.base(preset)
  config = ConfigDict()
  config.name = "hstu"
  config.experiment = "hstu"
  config.data = {"source": "movielens", "path": "", "valid_trains": True}
  config.hosts = base.get("hosts", ConfigDict()).to_dict()
  config.compiler = base.compiler.to_dict()
  config.mesh = base.generator.mesh.to_dict()
  config.hstu = {
    "seed": 0,
    "precision": "float32",
    "length": 200,
    "batch_size": 128,
    # Shared by the places of a user; the paper draws 128 for each place.
    "negatives": 128,
    "temperature": 0.05,
    "model": {
      "layers": 2,
      "width": 50,
      "heads": 1,
      "head_size": 50,
      "attention": "full",
      "divide_by": 211,
      "relative": 201,
      "dropout": 0.2,
      "remat": "none",
    },
    "optimizer": {
      "learning_rate": 1e-3,
      "warmup_share": 0.02,
      "weight_decay": 0.0,
      "clip_norm": 1.0,
      "b2": 0.98,
      "schedule": "cosine",
      "average": 0.0,
    },
    # 101 times each of 6,040 users.
    "loop": {
      "steps": 4750,
      "log_every": 50,
      "checkpoint_every": 250,
      "eval_every": 0,
      "patience": 0,
    },
  }
  config.sasrec = base.sasrec.to_dict()
  config.sasrec.model.update(width=50, heads=1, kv_heads=1, head_size=50)
  config.sasrec.training.update(length=200, steps=4750, batch_size=32)
  config.sasrec.optimizer.learning_rate = 1e-3
  config.evaluation = {"split": "test", "requests": 0, "seed": 0}
  if preset == "tiny":
    _tiny(config)
  if preset == "paper":
    config.hstu.model.update(layers=8, heads=2, head_size=25)
  return config


def _tiny(config: ConfigDict) -> None:
  config.data = {
    "source": "lifelong_shop", "seed": 0, "num_users": 200, "num_items": 200,
    "median_events": 60.0, "shortest": 32, "longest": 300,
  }  # fmt: skip
  config.hstu.length = 32
  config.hstu.batch_size = 16
  config.hstu.model.update(width=16, head_size=16, relative=33)
  config.hstu.loop.update(steps=60, log_every=20, checkpoint_every=60)
  config.sasrec.training.update(length=32, steps=60)
