"""CQ-SID on your own catalogue and logs.

  python -m gr_jax.import_data --items=FILE --events=FILE --output=DIR
  python -m gr_jax.main --config=configs/own_data.py --config.data.path=DIR

The import reads times, or the order and the split of a published set
(`gr_jax.import_data`). What the data lacks is left out: without queries all
requests are next-basket requests and InfoNCE has no pairs; without categories
the first code is learned like the others. Presets as in `cq_sid`.

The generator reads candidates: for each request the items that counting, words
and vectors would answer with, weighed by what training requests led to
(`gr_jax.generators.priors.candidate_prior`, [OURS]). Its sizes and those of the
training follow from how much data there is (`experiments.pipeline.sizes`); any
value can be set. `--config.evaluation.requests=0` evaluates every request of
the test.

Vectors of your own model take the place of text and purchases with
`--config.vectors.path=FILE`: a Parquet file with a column `item_id` and one of
number lists, or an NPY file `[N, D]` in the order of `DIR/catalogue`. Those of
the queries come with `--config.vectors.query_path=FILE` (column `query`);
without it a query stands at the mean of what it led to in training. An item
that is added to a running service then has to bring its vector.
"""

from configs import cq_sid, retrieval


def get_config(preset: str = ""):
  config = cq_sid.get_config(preset)
  config.name = "model"
  config.data = {"source": "own_data", "path": ""}
  # -1: by the data (`experiments.pipeline.from_data`): 5 where users choose
  # items one by one, 0 where they choose baskets.
  config.vectors.history_window = -1
  if not preset:
    retrieval.sizes_from_data(config)
  return config
