"""GR4AD arm by arm: IDs, values, LazyAR, lists, beams (arXiv 2602.22732).

  python -m gr_jax.main --config=configs/gr4ad_claim.py

A made-up platform of ads, whose revenue is exact: residual k-means IDs and
UA-SID, a generator with and without values, with 0, 3, 6 and 8 of nine layers
early, aligned by lists with six losses, and narrower or searched with other
beams; five seeds, fewer for curves. And the purchases of 400 households with
the first of these; three seeds. About two hours on a CPU core; a run that is
cut off goes on where it was.
Presets: `tiny` (shows that it runs, not what is true).

`--config.output=DIR` writes the table and the picture there as well.
"""

from ml_collections import ConfigDict

from configs import gr4ad, rq_kmeans, study, ua_sid

PRESETS = study.PRESETS
GENERATORS = (
  "sft", "ua_sid", "vsl", "rq_vsl", "lazy_3", "lazy_6", "lazy_8", "width_32",
  "width_48",
)  # fmt: skip
ALIGNED = (
  "best_worst_dpo", "s_dpo", "grpo", "lambda", "rspo", "unified",
  "grpo_fast", "rspo_fast", "wrong_gated", "wrong_ungated",
)  # fmt: skip
BY_CODES = ("vsl_codes", "lazy_6_codes")
BEAMS = ("beam_16", "beam_32", "beam_128", "progressive")


def get_config(preset: str = "") -> ConfigDict:
  config = study.base("gr4ad", preset)
  config.tokenizer = ua_sid.get_config().tokenizer
  config.rq_kmeans = rq_kmeans.get_config().tokenizer
  # As UA-SIDs are: equal codes, one ID.
  config.rq_kmeans.collisions = "clusters"
  config.generator.update(gr4ad.lazy(config.generator))
  config.generator.prompt.update(history=16, lookback=128)
  config.generator.model.update(
    layers=9, width=64, heads=2, kv_heads=1, head_size=32, feed_forward=176
  )
  # log P + log v for all: what validation chooses is noisy, and arms would
  # differ by it.
  config.generator.value.rerank = (1.0,)
  config.preference = gr4ad.genrec.preference()
  config.align = gr4ad.alignment()
  config.align.optimizer.learning_rate = 1e-4
  config.align.loop.update(
    steps=100, log_every=20, eval_every=100, checkpoint_every=100
  )
  config.evaluation = {
    "requests": 2000, "batch_size": 64, "beam": 64, "seed": 0,
  }  # fmt: skip
  config.seeds = (0, 1, 2, 3, 4)
  config.variants = (*GENERATORS, *ALIGNED, *BY_CODES, *BEAMS)
  levels = {"levels": (64, 32, 64)}
  ads = {
    "data": gr4ad.ads() | {"num_items": 3000, "num_requests": 30_000},
    "generator": _training(batch_size=32, targets=4, steps=1000),
    "tokenizer": levels,
    "rq_kmeans": levels,
  }
  config.tokenizer.update(levels)
  config.rq_kmeans.update(levels)
  purchases = {
    "data": study.households(),
    "generator": _training(batch_size=16, targets=8, steps=1500),
    "variants": ("sft", "ua_sid", "vsl", "lazy_6", *BY_CODES),
    "seeds": (0, 1, 2),
  }
  config.worlds = {"ads": ads, "complete_journey": purchases}
  if preset == "tiny":
    _tiny(config)
  return config


def _training(*, batch_size: int, targets: int, steps: int) -> dict:
  return {
    "examples": {"batch_size": batch_size, "targets": targets},
    "loop": {"steps": steps, "checkpoint_every": steps},
  }


def _tiny(config: ConfigDict) -> None:
  config.seeds = (0,)
  config.variants = ("sft", "vsl", "lazy_6", "rspo", "progressive")
  config.worlds = {"ads": config.worlds.ads.to_dict()}
  ads = config.worlds.ads
  ads.data.update(num_items=200, num_users=100, num_requests=800, accounts=20)
  ads.generator = _training(batch_size=16, targets=2, steps=20)
  config.generator.model.update(
    layers=7, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=32
  )
  config.tokenizer.contrast.update(steps=10, batch_size=32, width=16)
  config.preference.network.update(width=8, hidden=(16,))
  config.preference.update(window=32, batch_size=256)
  config.align.group_size = 8
  config.align.prompts.batch_size = 16
  config.align.loop.update(
    steps=4, log_every=2, eval_every=4, checkpoint_every=4
  )
  config.align.validation.update(requests=32, batch_size=16)
  config.evaluation.update(requests=64, batch_size=32, beam=16)
