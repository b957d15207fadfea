"""DSI, NCI and TIGER on product search that people graded, beside BM25 and DPR.

  python -m gr_jax.main --config=configs/home_depot.py --config.data.path=DIR
  python -m gr_jax.main --config=configs/home_depot.py:tiger \
    --config.data.path=DIR

DIR holds items.parquet and judgments.parquet
(`gr_jax/data/sources/graded_search.py` says which columns). Systems and presets
as in `scifact`. A product graded 2.5 or better of 3 is relevant; the report
also has nDCG by grades. Queries are made of the titles of products, whole
and in part.

Queries were judged in pools: what nobody graded counts as wrong, which is
harder on systems that find other things than those that filled the pools.
"""

from configs import judged


def get_config(words: str = ""):
  config, preset = judged.recipe(words)
  config.data = {
    "source": "graded_search",
    "path": "",
    "augment": judged.augmentation(
      preset, titles=1, segments=0, pseudo=4, pseudo_words=3
    ),
  }
  return config
