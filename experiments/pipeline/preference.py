"""The preference model that judges a policy, and its quality."""

import dataclasses
import json
import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.embed import Vectors
from experiments.pipeline.fitting import (
  load_params,
  on_devices,
  save_params,
)
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact, build, write_json
from gr_jax.choices import choose
from gr_jax.data.requests import VALID
from gr_jax.evaluation.calibration import Platt
from gr_jax.progress_bar import make_bar
from gr_jax.ranking.impressions import page_impressions
from gr_jax.ranking.sim.features import PairWriter, make_tables
from gr_jax.ranking.sim.history_search import hard_search, soft_search
from gr_jax.ranking.sim.model import PreferenceConfig, PreferenceModel
from gr_jax.ranking.sim.network import NetworkConfig
from gr_jax.ranking.sim.training import fit_preference, sample_in_order

SEARCHES = {"hard": hard_search, "soft": soft_search}


@dataclasses.dataclass(frozen=True)
class Preference:
  """A frozen model.

  Attributes:
    model: a reward of request and item rows.
    quality: AUC, GAUC and calibration error on pages of the validation period.
    artefact: the folder of its files.
  """

  model: PreferenceModel
  quality: dict[str, float]
  artefact: Artefact


def settings(config: ConfigDict) -> PreferenceConfig:
  """The model's own config, from section preference.

  Raises:
    ValueError: an unknown search.
  """
  options = config.to_dict()
  network = options.pop("network")
  options.pop("category_depth")
  search = choose("preference.network.search", network.pop("search"), SEARCHES)
  return PreferenceConfig(
    network=NetworkConfig(search=search, **network), **options
  )


def fit_preference_model(
  config: ConfigDict, workdir: pathlib.Path, data: Data, vectors: Vectors
) -> Preference:
  """The model, fitted and calibrated on the training period.

  The section has `category_depth` of the hard search, `network`, and the rest
  of `PreferenceConfig`.
  """
  options = settings(config)
  tables = make_tables(
    data.catalogue,
    vectors.items,
    vectors.queries,
    depth=config.category_depth,
  )
  requests = data.requests

  def make(directory: pathlib.Path) -> None:
    with make_bar("preference") as bar:

      def progress(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

      with on_devices():
        model = fit_preference(
          requests, tables, config=options, progress=progress
        )
    rows = np.flatnonzero(requests.split == VALID)
    validation = page_impressions(
      requests,
      sample_in_order(rows, options.max_requests, seed=options.seed),
      num_items=len(data.catalogue),
      negatives=options.negatives,
      seed=options.seed,
    )
    save_params(directory, model.params)
    write_json(directory / "platt.json", model.platt._asdict())
    write_json(directory / "quality.json", model.quality(validation))

  inputs = [data.artefact.fingerprint, vectors.artefact.fingerprint]
  artefact = build(workdir, "preference", config.to_dict(), inputs, make)
  folder = artefact.directory
  model = PreferenceModel(
    load_params(folder),
    Platt(**json.loads((folder / "platt.json").read_text())),
    PairWriter(requests, options.window),
    tables,
    options,
  )
  quality = json.loads((folder / "quality.json").read_text())
  return Preference(model, quality, artefact)
