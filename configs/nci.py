"""NCI (Wang et al. 2022, arXiv 2206.02743): DSI whose decoder knows the prefix.

  python -m gr_jax.main --config=configs/nci.py

What the paper says: identifiers are paths in a tree of k-means with 30 branches
and leaves of at most 30. As a digit means another thing below another prefix,
a small transformer of 4 layers reads the prefix and adapts the decoder's
weights (PAWA). Training queries of a document are 15 or more that a model
wrote of it (docT5query) and stretches of its text. A consistency
loss (R-Drop, 0.15) pulls two passes with different dropout together. Beams of
100 stay inside the tree.

[OURS]: the output of the transformer for a prefix scales a learned map of the
state (`gr_jax/generators/prefix_adaptor.py`), as a matrix for every beam would
cost more than the decoder. `config.data.augment` has the stretches; made-up
queries are words of the document drawn by TF-IDF, as no other model is read.

What is left out: R-Drop, as without dropout, the default, both passes would be
the same; pretrained weights. `paper` has T5-base's sizes, as in `dsi`, where
the paper's decoder has 6 layers and this one as many as the encoder. Presets as
in `cq_sid`.
"""

from configs import dsi


def get_config(preset: str = ""):
  config = dsi.get_config(preset)
  config.name = "nci"
  config.data.augment.update(titles=1, segments=2, pseudo=2)
  config.tokenizer.update(branches=30, leaf=30)
  config.generator.network = "nci"
  config.generator.adaptor_layers = 4 if preset == "paper" else 1
  if preset == "paper":
    config.data.augment.update(segments=10, pseudo=15)
    config.generator.optimizer.learning_rate = 2e-4
  return config
