"""DSI on a judged collection in BEIR's layout, beside BM25 and DPR.

  python -m gr_jax.main --config=configs/scifact.py --config.data.path=DIR

DIR holds corpus.jsonl, queries.jsonl and qrels/, as BEIR gives SciFact (or MS
MARCO, or Natural Questions). Documents are learned from stretches of their
text, queries from the judged ones. `--config.tokenizer.ids=atomic`, `naive` or
`semantic`. Presets as in `cq_sid`.
"""

from configs.retrieval import base


def get_config(preset: str = ""):
  config = base(preset)
  config.name = "scifact"
  config.experiment = "dsi"
  config.data = {
    "source": "ir_dataset",
    "path": "",
    "segments": 8,
    "segment_words": 32,
    "seed": 0,
  }
  # Nobody buys documents together.
  config.vectors.collaborative_weight = 0.0
  config.tokenizer = {
    "seed": 0,
    "collisions": "clusters",
    "ids": "semantic",
    "branches": 10,
    "leaf": 100,
    "levels": (1,),
  }
  config.generator.network = "encoder_decoder"
  # There are no shoppers: no counts, no history, no users.
  config.generator.count_alpha = 0.0
  config.generator.prompt.update(
    history=1, lookback=1, query_words=32, user_buckets=0
  )
  config.generator.examples.update(batch_size=64, targets=8, hidden_share=1.0)
  config.dual_encoder = {
    "precision": "float32",
    "negatives": 1,
    "mined_from": 20,
    "hidden_share": 1.0,
    "model": {"width": 256, "heads": 4, "head_size": 64, "feed_forward": 512},
    "training": {
      "batch_size": 64,
      "steps": 300,
      "temperature": 0.05,
      "seed": 0,
    },
    "optimizer": {"learning_rate": 3e-4, "weight_decay": 0.1},
  }
  if preset == "tiny":
    config.data.segments = 2
    config.dual_encoder.training.steps = 40
  return config
