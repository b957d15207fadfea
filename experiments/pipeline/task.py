"""What a generator learns: batches, and the loss on them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grain
import jax
from flax import linen as nn

from experiments.pipeline.held_out import HeldOutBatch
from experiments.pipeline.untrained import Untrained, transition_options
from gr_jax.generators.priors.left_out import FutureEvents


class Task(NamedTuple):
  """Batches and the loss on them.

  Attributes:
    batches: endless.
    loss: `(model, params, batch, counts, key=, totals=) -> (loss, metrics)`,
      where `counts` are the variables that are not trained; without a key
      nothing is dropped out. Of a part of a batch `totals` are those of the
      whole, and the losses of all parts add up to that of the whole.
    totals: `(batch) -> totals`, what the means of the loss are over.
    prompts: the number of prompts per batch.
    targets: the number of IDs that a batch has room for.
    positions: the number of positions that follow each prompt.
    held_out: fixed batches that are not learned, if there are any.
  """

  batches: grain.IterDataset
  loss: Callable[..., tuple[jax.Array, dict[str, Any]]]
  prompts: int
  targets: int
  positions: int
  totals: Callable[[Any], jax.Array]
  held_out: Sequence[HeldOutBatch] = ()


def dropout_keys(
  model: nn.Module, key: jax.Array | None
) -> dict[str, jax.Array]:
  """The keys of `apply`: none where nothing is dropped out."""
  drops = key is not None and model.config.dropout
  return {"dropout": key} if drops else {}


def future_events(parts: Untrained) -> FutureEvents | None:
  """What training rows leave out of the counts; None where there are none."""
  if not parts.section.get("count_alpha"):
    return None
  return FutureEvents.of_training(
    parts.data.requests,
    parts.semantic_ids.id_of_item,
    window=transition_options(parts.section).get("window", 0),
  )
