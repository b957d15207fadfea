"""The tasks that a generator learns, by name.

point_wise  next-token prediction of every clicked item by itself
page_wise   next-token prediction of whole pages (GenRec, arXiv 2604.14878)
value_aware point_wise, with the value of every item (GR4AD, arXiv 2602.22732)
"""

import pathlib
from collections.abc import Callable

from ml_collections import ConfigDict

from experiments.pipeline.base_model import check_base
from experiments.pipeline.page_wise import page_wise
from experiments.pipeline.point_wise import point_wise
from experiments.pipeline.task import Task
from experiments.pipeline.untrained import Untrained
from experiments.pipeline.value_aware import value_aware
from gr_jax.choices import choose
from gr_jax.generators import build
from gr_jax.generators.reading import reads_text

TASKS = {
  "point_wise": point_wise,
  "page_wise": page_wise,
  "value_aware": value_aware,
}


def task_of(config: ConfigDict) -> Callable[[Untrained], Task]:
  """The entry of `TASKS` that `generator.task` names, else `point_wise`.

  Raises:
    ValueError: there is no such task, or the network cannot learn it.
  """
  name = config.get("task", "point_wise")
  task = choose("generator.task", name, TASKS)
  network = config.get("network", "decoder_only")
  if task is page_wise and network not in ("decoder_only", "pretrained"):
    raise ValueError(
      f"generator.task is {name!r}, which generator.network={network} cannot: "
      "only decoder_only and pretrained read pages."
    )
  if task is value_aware and network != "lazy_ar":
    raise ValueError(
      f"generator.task is {name!r}, which generator.network={network} cannot: "
      "only lazy_ar predicts values (with early_layers 0 it is decoder_only)."
    )
  return task


def check_generator(
  section: ConfigDict, workdir: pathlib.Path | None = None
) -> None:
  """Finds names that no part of a generator knows, and what excludes another.

  Args:
    section: that of the generator.
    workdir: the folder of the run, where it may have its model already.

  Raises:
    ValueError: names the key and its possible values.
  """
  if section.get("candidates", {}).get("size", 0):
    if not section.get("count_alpha"):
      raise ValueError(
        "generator.candidates are a prior beside popularity: set "
        "generator.count_alpha above 0."
      )
    if section.get("task", "point_wise") == "page_wise":
      raise ValueError(
        "generator.candidates are learned item by item; generator.task is "
        f"{section.task!r}."
      )
    if section.get("transitions", {}).get("neighbours", 0) > 0:
      raise ValueError(
        "generator.candidates know what follows what: set "
        "generator.transitions.neighbours to 0."
      )
  if reads_text(section) and (
    section.get("count_alpha") or section.get("candidates", {}).get("size", 0)
  ):
    raise ValueError(
      "generator.network=pretrained reads neither counts nor candidates: set "
      "generator.count_alpha and generator.candidates.size to 0."
    )
  _check_sizes(section)
  task_of(section)
  build.network_of(section)
  build.prompt_encoder_of(section)
  check_base(section, workdir)


def _check_sizes(section: ConfigDict) -> None:
  """Refuses numbers that exclude each other; the data may decide some."""
  for divisor, number in (
    ("model.kv_heads", "model.heads"),
    ("loop.micro_batches", "examples.batch_size"),
  ):
    values = [_value(section, path) for path in (divisor, number)]
    if all(values) and values[1] % values[0]:
      raise ValueError(
        f"generator.{number} is {values[1]}, no multiple of "
        f"generator.{divisor} ({values[0]})."
      )


def _value(section: ConfigDict, path: str) -> int | None:
  part, key = path.split(".")
  return section.get(part, {}).get(key)
