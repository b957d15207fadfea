"""TIGER's setting: 5-core Amazon reviews, each user's last one the test.

  python -m gr_jax.main --config=configs/amazon_beauty.py \
    --config.data.path=DIR

DIR holds items.parquet and interactions.parquet (`gr_jax.data.amazon_reviews`
says which columns). Semantic IDs by an RQ-VAE; there are no queries, so only
next-basket requests are asked, each for one item. Presets as in `cq_sid`.
"""

from configs import rq_vae


def get_config(preset: str = ""):
  config = rq_vae.get_config(preset)
  config.name = "amazon_beauty"
  config.data = {"source": "amazon_reviews", "path": ""}
  # Pages are single items: only the sequence tells what goes together.
  config.vectors.history_window = 5
  config.evaluation.update(knn_window=3, knn_last=10)
  return config
