"""What SA2CRQ's IDs bring: the tables of its paper with rows of our own.

  python -m gr_jax.main --config=configs/sa2crq_claim.py

(Wang et al., JD.com: Adaptive Semantic Quantization and Residual Knowledge
Transfer, tables 1 and 2.) Every tokenizer learns from the same item vectors
with the same steps, and the same generator learns each one's IDs; DSI and NCI
bring their own. The default is what shoppers of 400 households looked for.
Presets: `tiny` (shows that it runs, not what is true), and for other data, each
with `--config.data.path=DIR`, `beauty`, `scifact`, `home_depot` and `own_data`:
the configs of these names say what DIR holds. A variant that was made is not
made again, so a run that is cut off goes on where it was.

A variant is a tokenizer and what it has otherwise; a new one is a line in
`experiments/studies/sa2crq.py`. `--config.variants="('tiger','sarq_10')"` runs
some of them, `--config.seeds="(0,)"` with one seed (DSI and NCI have the first
alone), and `--config.output=DIR` writes tables and picture there as well.
"""

from ml_collections import ConfigDict

from configs import (
  amazon_beauty,
  dsi,
  home_depot,
  judged,
  own_data,
  rq_kmeans,
  rq_vae,
  sa2crq,
  scifact,
  study,
)

PRESETS = ("", "tiny", "beauty", "scifact", "home_depot", "own_data")
BASELINES = ("bm25", "dpr")
GENERATORS = (
  "dsi", "nci", "rq_kmeans", "tiger", "tiger_wide", "rq_vae", "rq_vae_2",
  "acrq", "sarq_5", "sarq_10", "sarq_20", "sa2crq_5", "sa2crq_10", "sa2crq_20",
)  # fmt: skip
SPLITS = ("whole", "quarter", "eighth", "half")


def get_config(preset: str = "") -> ConfigDict:
  config = study.base("sa2crq", preset, PRESETS)
  config.data = study.households() | {"max_exposures": 0}
  config.tokenizers = tokenizers(codes=256)
  config.variants = (*BASELINES, *GENERATORS, *SPLITS)
  config.generator.examples.update(batch_size=16, targets=16)
  config.dual_encoder = dual_encoder()
  config.evaluation.update(
    split="test",
    kinds=("semantic", "personalised"),
    beam=200,
    # Of TIGER, to name as many items as short IDs do.
    wide_beam=700,
  )
  fit_preset = {
    "": _default,
    "tiny": _tiny,
    "beauty": _beauty,
    "scifact": _scifact,
    "home_depot": _home_depot,
    "own_data": _own_data,
  }
  fit_preset[preset](config)
  return config


def tokenizers(*, codes: int) -> dict:
  """Sections of the recipes, all with one small autoencoder and its steps."""
  made = {
    "dsi": dsi.get_config().tokenizer,
    "rq_kmeans": rq_kmeans.get_config().tokenizer,
    "rq_vae": rq_vae.get_config().tokenizer,
    "sa2crq": sa2crq.get_config().tokenizer,
  }
  made["rq_kmeans"].levels = (codes,) * 3
  for name in ("rq_vae", "sa2crq"):
    made[name].vae.update(
      levels=(codes,) * 3, hidden=(256, 128), latent=32, steps=800
    )
  made["sa2crq"].update(
    head_levels=(codes // 4, codes // 2, codes),
    tail_steps=400,
    new_prior=1 / codes,
  )
  return {name: section.to_dict() for name, section in made.items()}


def dual_encoder() -> dict:
  """DPR's section, of the widths of the judged collections."""
  section = judged.dual_encoder("")
  section["training"].update(batch_size=128, steps=1000)
  # Half of the requests hide their history.
  section["hidden_share"] = 0.5
  return section


def _default(config: ConfigDict) -> None:
  """Minutes for a variant and seed on one CPU core."""
  # The generators share one setting, which nothing chose.
  tried = {"batch_size": (64, 128), "steps": (300, 1000)}
  config.choices = {"dpr": {"dual_encoder": {"training": tried}}}


def _tiny(config: ConfigDict) -> None:
  config.data = study.shop(items=1000, users=200, requests=2000)
  config.tokenizers = tokenizers(codes=16)
  config.tokenizers.rq_kmeans.iterations = 5
  for name in ("rq_vae", "sa2crq"):
    config.tokenizers[name].vae.update(
      hidden=(64,), latent=16, batch_size=256, steps=60, init_rows=2048,
      init_iterations=5,
    )  # fmt: skip
  config.tokenizers.sa2crq.tail_steps = 30
  config.variants = (*BASELINES, "tiger", "sarq_10", "sa2crq_10", "quarter")
  config.dual_encoder.training.steps = 40
  config.evaluation.update(beam=20, wide_beam=70)


def _beauty(config: ConfigDict) -> None:
  _other_data(config, amazon_beauty.get_config(), "next_basket")
  config.dual_encoder.hidden_share = 0.0
  config.variants = config.variants[1:]  # There are no words to look for.


def _scifact(config: ConfigDict) -> None:
  _other_data(config, scifact.get_config(), "semantic")
  config.dual_encoder.hidden_share = 1.0
  # Five thousand documents.
  config.tokenizers = tokenizers(codes=64)


def _home_depot(config: ConfigDict) -> None:
  _other_data(config, home_depot.get_config(), "semantic")
  config.dual_encoder.hidden_share = 1.0


def _other_data(config: ConfigDict, source: ConfigDict, kind: str) -> None:
  """Data and prompts of a recipe that has one kind of requests."""
  config.data = source.data
  config.vectors.update(source.vectors)
  config.generator.prompt.update(source.generator.prompt)
  config.generator.examples.update(source.generator.examples)
  config.evaluation.kinds = (kind,)


def _own_data(config: ConfigDict) -> None:
  source = own_data.get_config()
  config.data = source.data
  config.vectors.update(source.vectors)
