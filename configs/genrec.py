"""GenRec (JD, arXiv 2604.14878) on the purchases of `cq_sid`.

  python -m gr_jax.main --config=configs/genrec.py

Residual k-means IDs; prompts whose items are merged into one token each and a
separator; a generator that learns whole pages (ordered, clicked, shown) as one
sequence; then GRPO-SR: a preference model of clicks, fitted on the training
period, times a relevance gate, and the log-likelihood of real clicks in place
of a KL term. The report is of the aligned generator, with the one before beside
it. Presets: `tiny` (about a minute), `paper` (Qwen2.5-1.5B's sizes).

`--config.generator.prompt_encoder=flatten_items` reads one position per code,
`--config.generator.prompt_encoder=sum_items` one per item, as the other recipes
do.
"""

from ml_collections import ConfigDict

from configs import eg_grpo, rq_kmeans


def get_config(preset: str = "") -> ConfigDict:
  config = rq_kmeans.get_config(preset)
  config.name = "genrec"
  config.experiment = "genrec"
  # The paper's IDs are three codes; items of equal codes share one.
  config.tokenizer.collisions = "clusters"
  config.generator.count_alpha = 0.0
  config.generator.task = "page_wise"
  config.generator.prompt_encoder = "merge_items"
  config.generator.examples = pages()
  config.preference = preference()
  config.align = alignment()
  config.align.validation.keep_better = True
  if preset == "tiny":
    _tiny(config)
  if preset == "paper":
    _paper(config)
  return config


def pages() -> dict:
  """Section generator.examples of page-wise learning."""
  return {
    "batch_size": 8,
    "places": 24,
    "pages": 8,
    "max_exposures": 10,
    "ordered": 1.0,
    "clicked": 1.0,
    "exposed": 1.0,
    "hidden_share": 0.15,
  }


def preference() -> dict:
  """Section preference."""
  return {
    "category_depth": 2,
    "network": {
      "search": "hard",
      "kept": 20,
      "width": 32,
      "heads": 2,
      "hidden": (64, 32),
    },
    "window": 200,
    "order_weight": 3.0,
    # Purchases rarely hold what was shown and left.
    "negatives": 1,
    # Of more than a million: minutes instead of an hour.
    "max_requests": 100_000,
    "calibration_share": 0.1,
    "learning_rate": 2e-3,
    "weight_decay": 1e-4,
    "epochs": 1,
    "batch_size": 512,
    "seed": 0,
  }


def alignment() -> ConfigDict:
  """Section align: GRPO-SR."""
  config = eg_grpo.section()
  del config.reward
  config.name = "grpo_sr"
  config.group_size = 16
  config.policy = "unconstrained"
  config.prompts.update(batch_size=32, clicked=0, positives=4)
  config.loss = "grpo_sr"
  config.kl_coef = 0.0
  config.nll_coef = 0.1
  config.gate = {"last": 20, "quantile": 0.2, "samples": 20_000, "seed": 0}
  config.loop.eval_every = 100
  return config


def tiny_alignment(config: ConfigDict, *, steps: int) -> None:
  """Sections preference and align in seconds."""
  config.preference.network.update(width=8, hidden=(16,))
  config.preference.update(window=32, batch_size=512, max_requests=5000)
  config.align.group_size = 8
  config.align.prompts.batch_size = 16
  config.align.loop.update(
    steps=steps, log_every=5, eval_every=10, checkpoint_every=10
  )
  config.align.validation.update(requests=32, batch_size=16)


def _tiny(config: ConfigDict) -> None:
  config.generator.examples.update(batch_size=16, places=8, pages=4)
  tiny_alignment(config, steps=20)
  config.align.gate.samples = 1000


def _paper(config: ConfigDict) -> None:
  config.generator.model.update(
    layers=28, width=1536, heads=12, kv_heads=2, head_size=128,
    feed_forward=8960, remat="full",
  )  # fmt: skip
  config.generator.optimizer.update(learning_rate=1e-4, warmup_share=0.01)
  config.generator.examples.update(batch_size=256, places=32)
  config.align.prompts.batch_size = 512
  config.align.optimizer.learning_rate = 1e-6
  config.align.loop.update(steps=1000)
