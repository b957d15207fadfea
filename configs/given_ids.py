"""Semantic IDs of your own in front of the generator of `own_data`.

  python -m gr_jax.main --config=configs/given_ids.py \\
    --config.data.path=DIR --config.tokenizer.path=index.json

The table is a JSON file that maps item ids to codes, as LETTER and MiniOneRec
write it (`{"B01": ["<a_12>", "<b_3>", ...]}`), or a CSV or Parquet file with a
column `item_id` and the codes (`gr_jax/tokenizers/id_table.py`). Every item of
the catalogue needs a row. Items with equal codes share their ID;
`--config.tokenizer.collisions=suffix` gives them a code more.

All else is as in `own_data`, presets too. A server of such a run answers, and
takes changes of stock, price and removals; an item that the table lacks is
refused, as nothing can code it.
"""

from configs import own_data


def get_config(preset: str = ""):
  config = own_data.get_config(preset)
  config.name = "given_ids"
  config.experiment = "given_ids"
  config.tokenizer = {
    "name": "given_ids",
    "collisions": "clusters",
    # JSON, CSV or Parquet, see above.
    "path": "",
  }
  return config
