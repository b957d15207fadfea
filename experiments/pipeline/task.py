"""What a generator is taught: batches and the loss on them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import grain
import jax


class Task(NamedTuple):
  """Of one way of learning.

  Attributes:
    batches: endless.
    loss: `(model, params, batch, counts) -> (loss, metrics)`, where `counts`
      are the variables that are not trained.
    prompts: per batch.
    targets: IDs that a batch has room for.
    positions: that follow each prompt.
  """

  batches: grain.IterDataset
  loss: Callable[..., tuple[jax.Array, dict[str, Any]]]
  prompts: int
  targets: int
  positions: int
