"""TIGER's setting: 5-core Amazon reviews, each user's last one the test.

  python -m gr_jax.main --config=configs/amazon_beauty.py \
    --config.data.path=DIR

DIR holds items.parquet and interactions.parquet
(`gr_jax.data.sources.amazon_reviews` says which columns). Semantic IDs by an
RQ-VAE; there are no queries, so all requests are next-basket requests, each
for one item. Of the report, the rows without seen items are those of the
papers. Presets as in `cq_sid`.

The generator is conditioned on what follows what
(`gr_jax.generators.priors.transitions`, [OURS]): by itself such counting beats
most published generators here. `--config.generator.transitions.neighbours=0`
leaves it out. Rows near the end of a user's sequence are learned more often
(`recency`): 8 % of the users have a third of all rows, and their items follow
each other as others' do not, while each user asks one question, the next.
`--config.data.valid_trains` also learns and counts the valid
targets, which models of the papers do not see.
"""

from configs import rq_vae


def get_config(preset: str = ""):
  config = rq_vae.get_config(preset)
  config.name = "amazon_beauty"
  config.data = {"source": "amazon_reviews", "path": "", "valid_trains": False}
  # Pages are single items: only the sequence shows what goes together.
  config.vectors.history_window = 5
  config.evaluation.update(knn_window=3, knn_last=(10,))
  config.generator.transitions = {"window": 3, "neighbours": 48, "last": 10}
  # Half of the users have fewer than seven items, and all have a history.
  config.generator.prompt.update(
    history=20, lookback=20, query_words=1, user_buckets=0
  )
  config.generator.examples.update(targets=1, hidden_share=0.0, recency=1.0)
  config.sasrec.dropout = 0.4
  config.sasrec.training.update(length=32, batch_size=64)
  if not preset:
    _default(config)
  return config


def _default(config) -> None:
  """Every user of the test; under half an hour on two CPU cores."""
  config.generator.examples.batch_size = 256
  config.generator.model.update(
    layers=2, width=128, heads=2, kv_heads=1, head_size=64, feed_forward=384
  )
  config.generator.loop.update(steps=1000)
  config.evaluation.update(  # 0: every request.
    requests=0, beam=50, beams=(1, 10, 50), batch_size=64
  )
