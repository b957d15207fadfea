"""Parts of the recipes on judged collections: systems, sizes, DPR beside them.

Not a recipe of its own; `configs/scifact.py` and `configs/home_depot.py` start
from it.
"""

from ml_collections import ConfigDict

from configs import dsi, nci, tiger
from configs.retrieval import PRESETS

SYSTEMS = {"dsi": dsi, "nci": nci, "tiger": tiger}


def recipe(words: str) -> tuple[ConfigDict, str]:
  """The config of a system, for requests without shoppers, and the preset.

  Args:
    words: a system, a preset or both with a comma between: "nci,tiny".

  Raises:
    ValueError: for a word that is neither, or two of a kind.
  """
  given = [word for word in words.split(",") if word]
  system = [word for word in given if word in SYSTEMS]
  preset = [word for word in given if word in PRESETS]
  if len(system + preset) < len(given) or len(system) > 1 or len(preset) > 1:
    raise ValueError(
      f"unknown preset {words!r}; there are: default (write nothing), "
      f"{', '.join(p for p in PRESETS if p)}, after a system and a comma where "
      f"it is not dsi: {', '.join(SYSTEMS)}."
    )
  name, size = (system or ["dsi"])[0], (preset or [""])[0]
  config = SYSTEMS[name].get_config(size)
  # Nobody buys documents together.
  config.vectors.copurchase_weight = 0.0
  # There are no shoppers: no history, no users.
  config.generator.prompt.update(
    history=1, lookback=1, query_words=16, user_buckets=0
  )
  config.generator.examples.update(targets=8, hidden_share=1.0)
  if size == "":
    # Few queries: one small network for all systems.
    config.generator.model.update(tiger.get_config().generator.model)
    config.generator.examples.batch_size = 16
    config.generator.loop.steps = 8000
    config.evaluation.beams = (10, 100)
  config.dual_encoder = dual_encoder(size)
  return config, size


def dual_encoder(preset: str) -> dict:
  """The section of DPR."""
  return {
    "precision": "float32",
    "negatives": 1,
    "mined_from": 20,
    "hidden_share": 1.0,
    "model": {"width": 256, "heads": 4, "head_size": 64, "feed_forward": 512},
    "training": {
      "batch_size": 64,
      "steps": 40 if preset == "tiny" else 100,
      "temperature": 0.05,
      "seed": 0,
    },
    "optimizer": {"learning_rate": 3e-4, "weight_decay": 0.1},
  }


def augmentation(preset: str, **numbers: int) -> dict:
  """Section data.augment: queries made of documents, fewer of them in `tiny`.

  Args:
    preset: the preset of the recipe.
    **numbers: fields of `gr_jax.text.document_queries.DocumentQueriesConfig`.
  """
  if preset == "tiny":
    for name in numbers.keys() & {"segments", "pseudo"}:
      numbers[name] = min(2, numbers[name])
  return {"words": 16, "pseudo_words": 8, "seed": 0} | numbers
