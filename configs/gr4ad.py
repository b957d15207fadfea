"""GR4AD (Kuaishou, arXiv 2602.22732): ads by value, from data to a server.

  python -m gr_jax.main --config=configs/gr4ad.py

UA-SID: vectors of items that are bought together, balanced clusters and a hash
of what the content does not show. LazyAR: nine thin layers, of which six wait
for no code, so that a search costs about a third. VSL: the generator learns
clicks, and what they are worth, by which its answers are ranked. RSPO: lists of
what it would show are then ordered by a model of clicks times what a click
pays. The report is of the aligned generator, with the one before beside it.
Presets: `tiny` (under a minute), `paper` (0.16B parameters, L = 9, K = 6).

The data are the real purchases of `cq_sid`, whose prices are the values;
`:ads` has a made-up platform of ads instead, with accounts, conversions and
bids. `--config.align.loss=unified` teaches lists and clicks at once, and every
loss of `gr_jax/rl/losses` is a value of it; `--config.generator.early_layers=0`
is a decoder that waits for every code.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from configs import eg_grpo, genrec, study, ua_sid

PRESETS = ("", "tiny", "paper", "ads")


def get_config(preset: str = "") -> ConfigDict:
  if preset not in PRESETS:
    raise ValueError(
      f"unknown preset {preset!r}; there are: default (write nothing), "
      f"{', '.join(p for p in PRESETS if p)}."
    )
  config = ua_sid.get_config("" if preset == "ads" else preset)
  config.name = "gr4ad"
  config.experiment = "gr4ad"
  config.generator.update(lazy(config.generator))
  config.preference = genrec.preference()
  config.align = alignment()
  config.align.validation.keep_better = True
  if preset == "ads":
    config.data = ads()
    config.generator.candidates.size = 0
    config.generator.loop.steps = 2000
  if preset == "tiny":
    _tiny(config)
  if preset == "paper":
    _paper(config)
  return config


def ads() -> dict:
  """Section data: a made-up platform of ads."""
  return study.shop(items=6000, users=2000, requests=40_000) | {"accounts": 300}


def lazy(generator: ConfigDict) -> dict:
  """What LazyAR and VSL change in a section generator."""
  model = generator.model.to_dict() | {
    "layers": 9,
    "width": 96,
    "heads": 3,
    "kv_heads": 1,
    "head_size": 32,
    "feed_forward": 256,
  }
  return {
    "network": "lazy_ar",
    "early_layers": 6,
    "task": "value_aware",
    "value": value(),
    "model": model,
  }


def value() -> dict:
  """Section generator.value."""
  return {
    "buckets": 20,
    "value_coef": 0.1,
    "early_coef": 0.3,
    # Of these validation chooses how much values count in a search.
    "rerank": (0.0, 0.25, 0.5, 0.75, 1.0),
    "weights": {"clicked": 1.0, "ordered": 1.0, "user_exponent": 0.0},
  }


def alignment() -> ConfigDict:
  """Section align: RSPO over what the beam would show, and the page."""
  config = eg_grpo.section()
  del config.reward
  config.name = "rspo"
  config.group_size = 16
  config.policy = "beam"
  config.prompts.update(batch_size=32, clicked=2, exposed=2)
  config.loss = "rspo"
  config.loss_options = {
    name: placeholder(float)
    for name in ("beta", "gate", "supervised", "most", "clip_eps")
  }
  config.kl_coef = 0.0
  config.loop.update(steps=200, eval_every=100)
  return config


def _tiny(config: ConfigDict) -> None:
  config.generator.model.update(
    layers=2, width=48, heads=2, kv_heads=1, head_size=24, feed_forward=96
  )
  config.generator.early_layers = 1
  config.generator.count_alpha = 0.0
  config.generator.candidates.share_requests = 64
  config.generator.loop.steps = 40
  config.generator.value.rerank = (0.5,)
  config.tokenizer.contrast.steps = 20
  config.sasrec.training.steps = 0
  genrec.tiny_alignment(config, steps=10)


def _paper(config: ConfigDict) -> None:
  """The 0.16B of the paper's scaling curve has its width here [OURS]."""
  config.generator.model.update(
    layers=9, width=1024, heads=16, kv_heads=16, head_size=64,
    feed_forward=4096, remat="dots",
  )  # fmt: skip
  config.align.prompts.batch_size = 512
  config.align.optimizer.learning_rate = 1e-6
  config.align.loop.update(steps=1000)
