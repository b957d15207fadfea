"""TIGER's setting: 5-core Amazon reviews, each user's last one the test.

  python -m gr_jax.main --config=configs/amazon_beauty.py \
    --config.data.path=DIR

DIR holds items.parquet and interactions.parquet
(`gr_jax.data.sources.amazon_reviews` says which columns). There are no queries,
so all requests are next-basket requests, each for one item. Of the report, the
rows without seen items are those of the papers. The recipe is that of
`own_data`, presets too; here every request of the test is evaluated.

`--config.data.valid_trains` also learns and counts the valid targets, which
models of the papers do not see. `--config.generator.candidates.size=0` leaves
out the candidates: what the network learns from codes alone, as in the papers.
"""

from configs import own_data


def get_config(preset: str = ""):
  config = own_data.get_config(preset)
  config.name = "amazon_beauty"
  config.data = {"source": "amazon_reviews", "path": "", "valid_trains": False}
  if not preset:
    config.evaluation.update(  # 0: every request.
      requests=0, beam=50, beams=(1, 10, 50), batch_size=64
    )
  return config
