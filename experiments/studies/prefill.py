"""How long reading a prompt takes, merged and not."""

import functools
import statistics
import time
from collections.abc import Mapping

import jax
import numpy as np

from experiments.pipeline.train import TrainedGenerator


@functools.partial(jax.jit, static_argnames="model")
def _prefill(params, batch, *, model):
  return model.prefill(params, batch)


def prefill_seconds(
  generators: Mapping[str, TrainedGenerator],
  rows: np.ndarray,
  query: np.ndarray,
  *,
  rounds: int = 15,
) -> dict[str, dict[str, float]]:
  """Positions of a prompt and median seconds to read `rows`, in turns."""
  shown = np.ones(len(rows), bool)
  batches = {
    name: (one.writer.prompts(rows, shown=shown), one.writer.queries(query))
    for name, one in generators.items()
  }
  spent = {name: [] for name in generators}
  for turn in range(rounds + 1):  # The first compiles.
    for name, one in generators.items():
      start = time.perf_counter()
      read = _prefill(one.params, batches[name], model=one.model)
      jax.block_until_ready(read)
      if turn:
        spent[name].append(time.perf_counter() - start)
  return {
    name: {
      "positions": one.model.prompt_encoder.length(
        items=one.writer.config.history, levels=len(one.model.level_sizes)
      ),
      "seconds": statistics.median(spent[name]),
    }
    for name, one in generators.items()
  }
