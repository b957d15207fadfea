"""UA-SID (GR4AD, arXiv 2602.22732) with the generator of `cq_sid`.

  python -m gr_jax.main --config=configs/ua_sid.py

Item vectors are moved by a contrast of items that are bought together (Swing);
two levels of balanced clusters code what is left of them, and the last code is
a hash of facts that the content does not show. Presets: `tiny` (under a
minute), `paper` (the published sizes). Sizes of levels that are not set follow
the catalogue (`experiments/pipeline/sizes.py`).

`--config.tokenizer.contrast.steps=0` leaves the vectors as they are. Items
whose codes are all equal share an ID; `--config.tokenizer.collisions=suffix`
numbers them by one more code.
"""

from ml_collections import config_dict

from configs.retrieval import base, use_candidates


def get_config(preset: str = ""):
  config = base(preset)
  config.name = "ua_sid"
  config.experiment = "ua_sid"
  config.tokenizer = {
    "name": "ua_sid",
    "seed": 0,
    "collisions": "clusters",
    "levels": config_dict.placeholder(tuple),
    "iterations": 10,
    # What the last code hashes. By default the item id, and of account,
    # advertiser and conversion what the catalogue has, as GR4AD does: the code
    # is then all but a name of the item. Without "item_id" ads of one content
    # and account share an ID, and the code says whose an ad is, which a user's
    # history can tell of an ad that nobody has seen yet.
    "fields": config_dict.placeholder(tuple),
    "category_depth": 3,
    "contrast": {
      "steps": 1000,
      "batch_size": 256,
      # By R@1 of partners in the validation period of these purchases: .15 is
      # above .07, 3e-3 above 1e-3, and 1,500 steps are no better.
      "temperature": 0.15,
      "learning_rate": 3e-3,
      # Of Swing: partners of an ad, and what is added to common items.
      "neighbours": 10,
      "alpha": 1.0,
      # The width of the vectors, 0 = that of the given ones.
      "width": 0,
      "feed_forward": 512,
      # Fields that the vectors may tell: whose an ad is, where it is known.
      "facts": config_dict.placeholder(tuple),
    },
  }
  use_candidates(config, preset)
  if preset == "tiny":
    # Of one size, so that the second level compiles nothing.
    config.tokenizer.levels = (32, 32, 32)
    config.tokenizer.iterations = 3
    config.tokenizer.contrast.update(
      steps=60, batch_size=64, width=64, feed_forward=64
    )
  if preset == "paper":
    config.tokenizer.levels = (16384, 4096, 1024)
    config.tokenizer.contrast.update(batch_size=4096, steps=20_000)
  return config
