"""CQ-SID in front of a decoder-only generator (Tmall, arXiv 2605.14434).

  python -m gr_jax.main --config=configs/cq_sid.py

Semantic IDs whose first code is the item's category and whose others are
pulled towards the queries that find the item; then a generator trained on
1.47 million real purchases, and exact retrieval: half an hour on two CPU cores.
Presets: `tiny` (a minute), `paper` (the published sizes).

The category is the leaf of the catalogue's tree, as in the paper, and queries
of the built-in data are derived from the same product types: here the first
code all but follows from the query. `config.tokenizer.category_depth` = 1 or 2
takes a coarser level, 0 none.

The paper leaves items that share an ID together; here a running number as one
more code (`collisions = "suffix"`) distinguishes them [OURS], since people buy
the same product again. `collisions = "clusters"` is the paper's, `"split"` adds
its Algorithm 1, `"sinkhorn"` moves items that share an ID at the last level
(LC-Rec).
"""

from configs.retrieval import base, size_tokenizer, use_candidates


def get_config(preset: str = ""):
  config = base(preset)
  config.name = "cq_sid"
  config.experiment = "cq_sid"
  config.tokenizer = {
    "name": "cq_sid",
    "seed": 0,
    "precision": "bfloat16",
    "collisions": "suffix",
    "category_depth": 3,
    "ema": {"decay": 0.99, "restart_below": 0.03},
    "contrast": {"gamma": 0.001, "temperature": 0.1, "pairs": 128},
  }
  size_tokenizer(config, preset)
  config.tokenizer.vae.beta = 1.0
  use_candidates(config, preset)
  if preset == "paper":
    config.tokenizer.vae.levels = (2048, 1024, 1024)
    config.tokenizer.vae.batch_size = 128
  return config
