"""The files of a trained ranker."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from gr_jax import manifests
from gr_jax.artefacts import write_json
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import Requests
from gr_jax.ranking.batches import RowsConfig, empty_batch
from gr_jax.ranking.build import Tables, build_ranker
from gr_jax.ranking.ranker import Ranker
from gr_jax.ranking.sequences import RankingBatch
from gr_jax.ranking.ultra_hstu import UltraHSTU
from gr_jax.training.checkpoints import load_params

STAGE, FILE = "ranker", "ranker.json"


def save_ranker(
  directory: pathlib.Path,
  section: Mapping[str, Any],
  tables: Tables,
  *,
  origin: int,
) -> None:
  """Writes beside the parameters what `load_ranker` needs."""
  write_json(
    directory / FILE,
    {
      "section": section,
      "tables": dataclasses.asdict(tables),
      "origin": origin,
    },
  )


def is_ranker(workdir: str | pathlib.Path) -> bool:
  """Whether a folder is the run of a ranker, finished or not."""
  return (pathlib.Path(workdir) / STAGE).is_dir()


def load_ranker(workdir: str | pathlib.Path) -> Ranker:
  """The ranker of a finished run.

  Raises:
    FileNotFoundError: there is none.
    ValueError: a file is not as it was written.
  """
  folder = pathlib.Path(workdir)
  for stage in ("data", STAGE):
    found = manifests.read(folder / stage)
    if found is None:
      raise FileNotFoundError(
        f"{folder} has no finished stage {stage!r}; `python -m gr_jax.main "
        f"--workdir={folder}` with its config finishes it."
      )
    if wrong := manifests.defect(folder / stage, found):
      raise ValueError(
        f"the artefacts in {folder} cannot be read: {stage}/{wrong}; `python "
        f"-m gr_jax.main --workdir={folder}` with its config makes it anew."
      )
  kept = json.loads((folder / STAGE / FILE).read_text(encoding="utf-8"))
  section = kept["section"]
  tables = Tables(
    **kept["tables"] | {"categories": tuple(kept["tables"]["categories"])}
  )
  model = build_ranker(section, tables, precision="float32")
  catalogue = Catalogue.load(folder / "data" / "catalogue")
  params = load_params(folder / STAGE, _shapes(model, section, catalogue))
  log = Requests.load(folder / "data" / "requests")
  return Ranker(
    model, params, catalogue, section, origin=kept["origin"], log=log
  )


def _shapes(
  model: UltraHSTU, section: Mapping[str, Any], catalogue: Catalogue
) -> Any:
  """The parameters' shapes, on the first device."""
  categories = catalogue.categories.astype(np.int32)
  like = smallest_batch(section)
  found = jax.eval_shape(
    lambda key: nn.unbox(model.init(key, like, categories)), jax.random.key(0)
  )
  here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here), found
  )


def smallest_batch(section: Mapping[str, Any]) -> RankingBatch:
  """One block: parameters do not depend on the sizes of rows."""
  block = section["model"]["block"]
  late = section["model"]["late_layers"] and section["rows"]["kept"]
  rows = RowsConfig(rows=1, places=block, targets=1, block=block)
  tasks = len(section["examples"]["tasks"])
  return empty_batch(rows, tasks=tasks, kept=block if late else 0)
