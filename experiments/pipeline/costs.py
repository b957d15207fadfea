"""What a model costs: its size, and the time that a search takes."""

import pathlib
import statistics
import time

import jax

from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.train import TrainedGenerator
from gr_jax.decoding.beams import BeamSize
from gr_jax.retrieval.retriever import Retriever

# The folder of a generator's parameters (`checkpoints.save_params`).
_PARAMS = "params"


def size(generator: TrainedGenerator) -> dict:
  """`{"parameters", "bytes"}`: numbers that were trained, and bytes on disk."""
  leaves = jax.tree.leaves(generator.params["params"])
  folder = generator.artefact.directory / _PARAMS
  return {
    "parameters": sum(leaf.size for leaf in leaves),
    "bytes": sum(file.stat().st_size for file in _files(folder)),
  }


def latency(
  retriever: Retriever,
  generator: TrainedGenerator,
  requests: EvalRequests,
  *,
  beam: BeamSize,
  times: int,
) -> list[dict]:
  """Rows `{"requests", "milliseconds", "times"}`: medians of searches.

  One request alone, then a batch. A search reads prompts that are written and
  gives ranked IDs; what compiles it is left out.

  Args:
    retriever: the search of the evaluation.
    generator: the model, for its prompts.
    requests: requests to search for.
    beam: the beams kept, at every level or at each.
    times: the number of searches of each size; 0 = none.
  """
  if not times:
    return []
  rows = []
  for search in (retriever.with_batch_size(1), retriever):
    some = requests.first(search.batch_size).prompts(generator.writer)
    seconds = []
    for _ in range(times + 1):
      start = time.perf_counter()
      search.search(*some, beam_size=beam)
      seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[1:])
    searched = {"requests": len(some[1]), "times": times}
    rows.append(searched | {"milliseconds": 1000 * median})
  return rows


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
  return [path for path in folder.rglob("*") if path.is_file()]
