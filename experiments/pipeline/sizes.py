"""Sizes of a generator and of its training from the size of its data.

A value of the generator's section that is None (`configs.retrieval.
sizes_from_data` makes them so) is taken from this table; any other value stays
as it is set. `[OURS]`:

| training targets | width | layers | batch | steps | sequences | dropout |
|------------------|-------|--------|-------|-------|-----------|---------|
| below 30,000     |   128 |      2 |    32 |   200 |       400 |     0.0 |
| below 300,000    |   128 |      2 |   128 |   600 |     1,000 |     0.0 |
| below 3 million  |   192 |      3 |   128 | 1,000 |     1,000 |     0.0 |
| more             |   256 |      4 |   256 | 2,000 |     1,000 |     0.0 |

Targets are distinct pairs of a training request and a clicked or ordered item;
the batch counts them too. Steps are a bound: training ends when the held-out
loss has not fallen in `PATIENCE` evaluations, of which there are `EVALUATIONS`
in all steps. Sequences are the steps of each sequence model among the sources
of candidates (`candidates.sequence_steps`). Weights decay by 0.05. The rate
does not fall, as the last step is not known; the average of the parameters over
the last tenth of the steps is used (`gr_jax.training.averaging`). A head is 64
wide; the feed-forward layer is 8/3 of the width, to a multiple of 64. The
places for targets of a prompt (`examples.targets`) are as many as a prompt has
on average, a power of two, 16 at most.

Steps are few because the recipes that use this table read candidates, beside
which the network has little to learn: on the default purchases the held-out
loss is 5.747 after 250 steps of 128 targets, and 5.716 at its lowest, after
750. Without candidates, 2,989 items of Amazon Beauty with 31,197 events had the
lowest loss at step 160 of the first row. Dropout other than 0 and the last row
were not measured.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from gr_jax.data.batches import power_of_two
from gr_jax.data.requests import CLICKED, TRAIN

EVALUATIONS, PATIENCE = 20, 3
"""Evaluations of the held-out loss in all steps, and those that end it."""

EPOCHS = 100
"""Times that a tokenizer reads each item, where nobody says its steps."""

CELL = 64
"""Items of a code of the first level of UA-SID, where nobody says its sizes."""

_HEAD = 64


@dataclasses.dataclass(frozen=True)
class DataSize:
  """How much there is to learn from.

  Attributes:
    targets: distinct pairs of a training request and a clicked or ordered item.
    prompts: distinct pairs of a user and a history among these requests.
    items: items of the catalogue.
    users: users with a training request.
  """

  targets: int
  prompts: int
  items: int
  users: int


@dataclasses.dataclass(frozen=True)
class Row:
  """A row of the table: its values for fewer than `below` targets."""

  below: float
  width: int
  layers: int
  batch: int
  steps: int
  sequences: int
  dropout: float


WEIGHT_DECAY = 0.05


TABLE = (
  Row(30_000, 128, 2, 32, 200, 400, 0.0),
  Row(300_000, 128, 2, 128, 600, 1_000, 0.0),
  Row(3_000_000, 192, 3, 128, 1_000, 1_000, 0.0),
  Row(float("inf"), 256, 4, 256, 2_000, 1_000, 0.0),
)


def size_of(data: Data) -> DataSize:
  """The size of the training split of a data set."""
  requests = data.requests
  kept = requests.page_kind >= CLICKED
  request = requests.page_request[kept]
  trained = requests.split[request] == TRAIN
  request, item = request[trained], requests.page_item[kept][trained]
  pairs = np.unique(np.stack((request, item)), axis=1).shape[1]
  rows = np.unique(request)
  ends = np.stack((requests.user[rows], requests.history_end[rows]))
  return DataSize(
    targets=pairs,
    prompts=np.unique(ends, axis=1).shape[1],
    items=len(data.catalogue),
    users=len(np.unique(requests.user[rows])),
  )


def row_of(size: DataSize) -> Row:
  """The row of the table for a data set."""
  return next(row for row in TABLE if size.targets < row.below)


def filled(section: ConfigDict, size: DataSize) -> ConfigDict:
  """The section with the values of the table where it has None.

  Args:
    section: a generator's section: `model`, `examples`, `optimizer`, `loop`.
    size: of the data.

  Raises:
    ValueError: a None that the table has no value for; the message names it.
  """
  found = section.to_dict()
  row = row_of(size)
  model = _fill(found["model"], width=row.width, layers=row.layers)
  _fill(model, head_size=min(_HEAD, model["width"]))
  _fill(model, heads=max(1, model["width"] // model["head_size"]))
  kv_heads = 1 if found.get("network", "decoder_only") == "decoder_only" else 0
  _fill(
    model,
    kv_heads=kv_heads or model["heads"],
    feed_forward=_HEAD * max(1, round(model["width"] * 8 / 3 / _HEAD)),
    dropout=row.dropout,
  )
  if "candidates" in found:
    _fill(found["candidates"], sequence_steps=row.sequences)
  each = size.targets / max(size.prompts, 1)
  _fill(found["examples"], targets=min(16, power_of_two(each)))
  _fill(found["examples"], batch_size=_batch_size(row.batch, found, size))
  loop = _fill(found["loop"], steps=row.steps)
  every = max(1, loop["steps"] // EVALUATIONS)
  _fill(
    loop,
    eval_every=every,
    patience=PATIENCE,
    log_every=every,
    checkpoint_every=max(1, loop["steps"] // 4),
  )
  _fill(
    found["optimizer"],
    weight_decay=WEIGHT_DECAY,
    schedule="constant",
    average=0.1,
  )
  for name, part in found.items():
    if isinstance(part, Mapping):
      _check_filled(part, name)
  return ConfigDict(found)


def with_tokenizer_sizes(section: ConfigDict, *, items: int) -> ConfigDict:
  """A tokenizer's section whose `vae.steps` or `levels` are set.

  Where steps are None, items are read `EPOCHS` times in all, in 200 steps at
  least and 2,000 at most ([OURS]; not tuned). Levels of None are those of
  `hashed_levels`.
  """
  found = ConfigDict(section.to_dict())
  if "vae" in section and section.vae.steps is None:
    steps = EPOCHS * items // section.vae.batch_size
    found.vae.steps = min(max(steps, 200), 2000)
  elif "levels" in section and section.levels is None:
    found.levels = hashed_levels(items)
  else:
    return section
  return found


def hashed_levels(items: int) -> tuple[int, int, int]:
  """Codes of two levels of vectors and one of hashes, for so many items.

  (C, C / 4, C / 16) with `C` the power of two nearest to `items / CELL`, 4 at
  least, and 64 hashes at least. A million items have the sizes of GR4AD (arXiv
  2602.22732), 16384, 4096, 1024; how these should follow the catalogue it does
  not say ([OURS]; not tuned).
  """
  size = max(4, 2 ** round(np.log2(max(items / CELL, 1))))
  return min(size, items), max(1, min(size, items) // 4), max(64, size // 16)


def sentence(section: ConfigDict, size: DataSize) -> str:
  """One line: the data and the sizes that a generator has for it."""
  model, loop = section.model, section.loop
  return (
    f"sizes: {size.targets:,} training targets of {size.users:,} users and "
    f"{size.items:,} items: width {model.width}, {model.layers} layers, "
    f"dropout {model.get('dropout', 0.0):g}, weight decay "
    f"{section.optimizer.get('weight_decay', 0.05):g}, batches of "
    f"{section.examples.batch_size}, at most {loop.steps:,} steps"
  )


def _batch_size(batch: int, section: Mapping[str, Any], size: DataSize) -> int:
  """Prompts per batch: those that have `batch` targets, a power of two."""
  room = section["examples"].get("targets", 1)
  each = min(room, max(size.targets / max(size.prompts, 1), 1.0))
  return max(8, 2 ** round(np.log2(batch / each)))


def _fill(section: dict[str, Any], **values) -> dict[str, Any]:
  """Puts values where the section has None; gives the section back."""
  for name, value in values.items():
    if name in section and section[name] is None:
      section[name] = value
  return section


def _check_filled(section: Mapping[str, Any], name: str) -> None:
  for key, value in section.items():
    if value is None:
      raise ValueError(
        f"config.generator.{name}.{key} is None, and the data says nothing of "
        "it: set it."
      )
