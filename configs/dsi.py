"""DSI (Tay et al. 2022, arXiv 2202.06991): a T5 that is the index.

  python -m gr_jax.main --config=configs/dsi.py

What the paper says: one T5 learns two tasks at once, indexing (the first 32
words of a document to its identifier) and retrieval (a query to the identifier
of what answers it), best with many more examples of the first than of the
second. Identifiers are atomic (one code of N), naive (digits of a number that
says nothing) or semantic (the path through clusters of at most 10 branches to a
leaf of at most 100, then the place in it), which is the default here and, in
the paper, mostly the best.

[OURS]: items of any source are documents. `config.data.augment` says which
queries are made of them: `segments` stretches of `words` words, the first of
them the beginning of the text, `titles`, and `pseudo` queries of TF-IDF; all 0
turns indexing off. They are training requests like others: their share is their
number beside that of the logs (the paper's ratio is 32 at its best). Semantic
identifiers come from the vectors of the recipe, in the paper from BERT; the
place in a leaf is one code, there decimal digits. Histories and users are read
where the source has them. Searches stay inside the catalogue.

What is left out: T5's pretraining, which the paper starts from; dropout;
identifiers as plain text. The network is given no counts. `paper` has T5-base's
sizes (12 layers each, 768 wide). `configs/scifact.py` is DSI on judged
documents. Presets as in `cq_sid`.
"""

from configs.retrieval import base


def get_config(preset: str = ""):
  config = base(preset)
  config.name = "dsi"
  config.experiment = "dsi"
  config.data.augment = {
    "titles": 1,
    "segments": 1,
    "words": 32,
    "pseudo": 0,
    "pseudo_words": 8,
    "seed": 0,
  }
  config.tokenizer = {
    "name": "dsi",
    "seed": 0,
    # All IDs differ.
    "collisions": "next_free",
    "ids": "semantic",
    "branches": 10,
    "leaf": 100,
  }
  config.generator.network = "encoder_decoder"
  config.generator.count_alpha = 0.0
  if preset == "paper":
    config.generator.model.update(
      layers=12,
      width=768,
      heads=12,
      kv_heads=12,
      head_size=64,
      feed_forward=3072,
    )
    config.generator.examples.batch_size = 128
    config.generator.optimizer.learning_rate = 5e-4
    config.generator.loop.update(steps=1_000_000, checkpoint_every=10_000)
  return config
