"""All studies at their smallest: seconds each, to see that they run."""

import functools
import importlib
import pathlib
import tempfile

from ml_collections import ConfigDict

from configs import sa2crq_claim, study
from experiments.studies.record import Record
from experiments.studies.study import load_study, run_study
from tests.reference import digits_table

# By study: all `configs/NAME_claim.py`.
CONFIGS = {
  path.stem.removesuffix("_claim"): importlib.import_module(
    f"configs.{path.stem}"
  )
  for path in sorted(
    pathlib.Path(sa2crq_claim.__file__).parent.glob("*_claim.py")
  )
}
BEAMS = (1, 4)
_SHOP = {
  "num_items": 120, "num_users": 40, "num_requests": 300, "num_categories": 5,
  "clusters_each": 3,
}  # fmt: skip
_VAE = {"hidden": (8,), "latent": 4, "init_iterations": 1}
_LOOP = {"steps": 2, "log_every": 1, "eval_every": 2, "checkpoint_every": 2}


def smallest(name: str, output: str = "") -> ConfigDict:
  """The config of a study on a tiny shop."""
  config = CONFIGS[name].get_config("tiny")
  config.output = output
  if name in _WITHOUT_GENERATOR:
    _WITHOUT_GENERATOR[name](config)
    return config
  config.vectors.dimensions = 4
  if name != "pretrained":  # Its prompts are text, its sizes a model's.
    config.generator.prompt.update(history=2, user_buckets=8)
    config.generator.model.update(width=16, head_size=8, feed_forward=16)
  config.evaluation.update(requests=16, batch_size=16)
  {
    "cq_sid": _cq_sid,
    "eg_grpo": _eg_grpo,
    "fp4": _fp4,
    "genrec": _genrec,
    "gr4ad": _gr4ad,
    "pretrained": _pretrained,
    "sa2crq": _sa2crq,
  }[name](config)
  return config


def _cq_sid(config: ConfigDict) -> None:
  """Two variants and two seeds."""
  config.variants = ("rq_vae", "cq_sid")
  config.seeds = (0, 1)
  config.table_beams = BEAMS
  config.worlds.shop_world.data.update(_SHOP)
  config.worlds.shop_world.tokenizer.vae.levels = (4, 4)
  config.tokenizer.vae.update(_VAE | {"batch_size": 32, "steps": 3})
  config.generator.examples.update(batch_size=8, targets=2)
  config.generator.loop.update(steps=2, log_every=2, checkpoint_every=2)
  config.evaluation.beams = BEAMS


def _eg_grpo(config: ConfigDict) -> None:
  """Four variants and two seeds."""
  config.variants = ("sft", "sft_longer", "k0", "k2")
  config.seeds = (0, 1)
  shop = config.worlds.shop_world
  shop.data.update(_SHOP)
  shop.tokenizer.vae.levels = (4, 4)
  shop.generator.examples.batch_size = 8
  shop.generator.loop.update(steps=2, checkpoint_every=2)
  config.tokenizer.vae.update(_VAE | {"batch_size": 32, "steps": 3})
  config.generator.loop.log_every = 2
  config.align.group_size = 4
  config.align.prompts.batch_size = 8
  config.align.loop.update(_LOOP)
  config.align.validation.update(requests=8, batch_size=8)


def _fp4(config: ConfigDict) -> None:
  """Four variants, and kernels as wide as a format needs."""
  _eg_grpo(config)
  config.variants = ("sft", "served", "group", "w4a4")
  config.generator.model.update(width=64, head_size=32, feed_forward=64)


def _genrec(config: ConfigDict) -> None:
  """One seed and one alignment."""
  config.variants = ("point_wise", "page_wise", "page_wise_tokens", "grpo_sr")
  shop = config.worlds.shop_world
  shop.data.update(_SHOP)
  shop.tokenizer.levels = (4, 4)
  for examples in shop.examples.values():
    examples.batch_size = 8
  config.tokenizer.iterations = 1
  config.generator.loop.update(steps=2, log_every=2)
  config.preference.network.update(width=4, hidden=(4,))
  config.preference.update(batch_size=64, epochs=1)
  config.align.update(group_size=2)
  config.align.prompts.update(batch_size=8)
  config.align.loop.update(_LOOP)
  config.align.validation.update(requests=8, batch_size=8)
  config.evaluation.unconstrained_beam = 4


def _gr4ad(config: ConfigDict) -> None:
  """One seed of two layers: values, an alignment and other beams."""
  config.variants = ("lazy_6", "rspo", "progressive")
  ads = config.worlds.ads
  ads.data.update({**_SHOP, "accounts": 6})
  for section in (ads, config):
    section.tokenizer.levels = (4, 2, 8)
  config.tokenizer.iterations = 1
  config.tokenizer.contrast.update(
    steps=2, batch_size=8, width=8, feed_forward=8
  )
  ads.generator.examples.batch_size = 8
  ads.generator.loop.update(steps=2, checkpoint_every=2)
  config.generator.loop.log_every = 2
  config.generator.model.layers = 2
  config.generator.early_layers = 1
  config.preference.network.update(width=4, hidden=(4,))
  config.align.group_size = 4
  config.align.prompts.batch_size = 8
  config.align.loop.update(_LOOP)
  config.align.validation.update(requests=8, batch_size=8)


def _pretrained(config: ConfigDict) -> None:
  """All variants and one rate; all of them begin with random weights."""
  for section in config.choices.values():
    section.generator.optimizer.learning_rate = (1e-3,)
  config.worlds = {"shop_world": {"data": study.shop() | _SHOP}}
  config.tokenizer.category_depth = 1
  config.tokenizer.vae.update(
    _VAE | {"levels": (4, 4), "batch_size": 32, "steps": 3}
  )
  config.generator.pretrained.random.update(
    tokens=300, layers=1, width=8, heads=2, head_size=4, feed_forward=8
  )
  config.generator.prompt.query_tokens = 24
  config.generator.examples.update(batch_size=8, targets=2)
  config.generator.loop.update(_LOOP)


def _sol_rl(config: ConfigDict) -> None:
  """One arm that draws its group, and pictures of one patch."""
  config.variants = ("before", "group")
  config.seeds = (0, 1)
  config.flow.text.update(width=16, layers=1, heads=2)
  config.flow.network.update(
    patch=24, width=16, heads=2, single_layers=1, feed_forward=16,
    rotary_axes=(4, 2, 2),
  )  # fmt: skip
  config.flow.batch_size = 8
  config.flow.loop.update(steps=2, log_every=2, checkpoint_every=2)
  config.scorer.loop.update(steps=1, log_every=1, checkpoint_every=1)
  config.scorer.batch_size = 8
  config.align.update(group_size=4, steps=2, rows=8)
  config.align.loop.update(_LOOP)
  config.align.validation.update(prompts=2, each=2, steps=2)
  config.evaluation.update(prompts=6, each=2, steps=2)


def _flow_pictures(config: ConfigDict) -> None:
  """One scale, and pictures of four patches."""
  config.worlds = {"digits": {}}
  config.data.update(
    source="digits", path=str(digits_table.small_table()), valid=100
  )
  config.classifier.loop.update(steps=2, checkpoint_every=2)
  config.classifier.batch_size = 8
  config.flow.text.update(width=16, heads=2)
  config.flow.network.update(patch=16, width=16, feed_forward=16)
  config.flow.batch_size = 8
  config.flow.loop.update(steps=2, checkpoint_every=2)
  config.evaluation.update(per_class=3, steps=2)


def _ua_sid(config: ConfigDict) -> None:
  """Three tokenizers of ads, and vectors of a shop in place of purchases."""
  config.vectors.dimensions = 4
  config.tokenizer.iterations = 1
  config.tokenizer.contrast.update(
    steps=2, batch_size=8, width=8, feed_forward=8
  )
  for name in ("rq_vae", "cq_sid"):
    config[name].vae.update(_VAE | {"batch_size": 32, "steps": 3})
    config[name].vae.levels = (4, 4)
  ads, purchases = config.worlds.ads, config.worlds.complete_journey
  ads.variants = ("rq_kmeans", "by_owner", "ua_sid")
  ads.ads.update(ads=120, width=4, clusters=6)
  ads.tokenizer.levels = (4, 2, 8)
  purchases.variants = ("raw", "cq_sid", "contrast")
  config.worlds.complete_journey.data = study.shop() | _SHOP


_WITHOUT_GENERATOR = {
  "sol_rl": _sol_rl,
  "flow_pictures": _flow_pictures,
  "ua_sid": _ua_sid,
}


def _sa2crq(config: ConfigDict) -> None:
  """One seed of two generators, both baselines and one split."""
  config.variants = ("bm25", "dpr", "tiger", "tiger_wide", "sa2crq_10", "half")
  config.data.update(_SHOP)
  config.tokenizers = sa2crq_claim.tokenizers(codes=4)
  for name in ("rq_vae", "sa2crq"):
    config.tokenizers[name].vae.update(
      _VAE | {"batch_size": 64, "steps": 4, "init_rows": 64}
    )
  config.tokenizers.sa2crq.tail_steps = 2
  config.dual_encoder.model.update(
    width=8, heads=1, head_size=8, feed_forward=8
  )
  config.dual_encoder.training.update(steps=2, batch_size=8)
  config.generator.examples.update(batch_size=8, targets=4)
  config.generator.loop.update(steps=2, log_every=2)
  config.evaluation.update(beam=12, wide_beam=20)


@functools.cache
def run_small(name: str) -> tuple[Record, pathlib.Path, pathlib.Path]:
  """The record of a study, its folder, and the folder of the copies."""
  folder = pathlib.Path(tempfile.mkdtemp())
  work, out = folder / "work", folder / "out"
  return run_study(load_study(name), smallest(name, str(out)), work), work, out
