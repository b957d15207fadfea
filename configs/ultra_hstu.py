"""ULTRA-HSTU (Meta, arXiv 2602.16986): rankers of long histories.

  python -m gr_jax.main --config=configs/ultra_hstu.py

Learns from 1.47 million grocery purchases whether a household buys an item:
bought ones beside four others, drawn as often as they are bought, so that
popularity alone says nothing. Events carry actions, attention is semi-local,
and after the first layers the newest events go on alone.
Presets: `tiny` (seconds; shows that it runs, not what is true), `paper` (the
published sizes).

`--config.ranker.model.attention=full --config.ranker.model.events=interleaved
--config.ranker.model.late_layers=0 --config.ranker.model.relative=1024` is
HSTU; with "cross" targets alone read.
"""

from ml_collections import ConfigDict

from configs import retrieval

PRESETS = retrieval.PRESETS


def get_config(preset: str = "") -> ConfigDict:
  """The recipe; raises ValueError for a preset that does not exist."""
  base = retrieval.base(preset)
  config = ConfigDict()
  config.name = "ultra_hstu"
  config.experiment = "ultra_hstu"
  config.data = base.data.to_dict()
  config.hosts = base.get("hosts", ConfigDict()).to_dict()
  config.compiler = base.compiler.to_dict()
  config.ranker = {
    "seed": 0,
    "precision": "bfloat16",
    "mesh": base.generator.mesh.to_dict(),
    # The newest events that are read; pages of a user share an example while
    # there are at most `span` events between them.
    "examples": {
      "length": 1023,
      "targets": 128,
      "span": 512,
      "negatives": 4,
      "tasks": ("order",),
      "seed": 0,
    },
    # `kept`: the newest events that outlive truncation. `alpha` below 2: long
    # histories are mostly learned from in part (stochastic length).
    "rows": {
      "rows": 4,
      "places": 1024,
      "targets": 256,
      "kept": 127,
      "context": 4096,
      "seed": 0,
      "alpha": 2.0,
    },
    "model": {
      "layers": 2,
      "late_layers": 2,
      "width": 64,
      "heads": 4,
      "head_size": 16,
      "attention": "semi_local",
      "events": "summed",
      # How often and how lately the history has a target or its categories.
      "matches": True,
      "local": 64,
      "prefix": 16,
      "block": 32,
      "divide_by": 0,
      # Places of HSTU's relative bias, for full attention; 0 = none.
      "relative": 0,
      "dropout": 0.0,
      "remat": "none",
    },
    "optimizer": retrieval.base("").generator.optimizer.to_dict()
    | {"learning_rate": 5e-3},
    # Batches of the validation period whose loss says when to stop.
    "held_out": 20,
    "loop": {
      "steps": 1000,
      "log_every": 50,
      "checkpoint_every": 250,
      "eval_every": 250,
      "patience": 0,
    },
  }
  config.evaluation = {"split": "test"}
  if preset == "tiny":
    _tiny(config)
  if preset == "paper":
    _paper(config)
  return config


def _tiny(config: ConfigDict) -> None:
  config.data.max_households = 100
  config.ranker.examples.update(length=127, targets=64, span=64)
  config.ranker.rows.update(places=128, targets=128, kept=31, context=128)
  config.ranker.model.update(
    layers=1, late_layers=1, width=32, heads=2, local=16, prefix=4, block=16
  )
  config.ranker.held_out = 4
  config.ranker.loop.update(
    steps=60, log_every=20, checkpoint_every=60, eval_every=30
  )


def _paper(config: ConfigDict) -> None:
  config.ranker.examples.update(length=16_383, targets=1024)
  config.ranker.rows.update(rows=256, places=16_384, targets=1024, kept=2047)
  config.ranker.model.update(
    layers=3, late_layers=15, width=512, heads=8, head_size=64, local=256,
    prefix=32, block=128, remat="dots",
  )  # fmt: skip
  config.ranker.loop.update(steps=100_000, checkpoint_every=1000)
