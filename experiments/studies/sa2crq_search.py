"""What one generator names: IDs inside the catalogue, and IDs said freely."""

import functools
from typing import Any

import jax
import numpy as np

from experiments.stages.questions import Questions
from experiments.stages.train import Generator
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.free_beam_search import free_beam_search
from gr_jax.decoding.trie import Trie, build_trie
from gr_jax.serving.retriever import generator_functions
from gr_jax.tokenizers.semantic_ids import SemanticIds

# How an ID is found: only such as name an item, or any codes, of which those
# that name none are hallucinations.
DECODINGS = {"catalogue": beam_search, "free": free_beam_search}


@functools.partial(jax.jit, static_argnames=("model", "decoding", "beam"))
def _search(params, batch, trie, *, model, decoding, beam):
  functions = generator_functions(model)
  found = DECODINGS[decoding](*functions, params, batch, trie, beam_size=beam)
  return found.ids


def trie_of(semantic_ids: SemanticIds) -> Trie:
  """With room for any IDs of this catalogue: one compilation for all seeds."""
  return build_trie(
    semantic_ids.ids,
    semantic_ids.level_sizes,
    capacity=len(semantic_ids),
    branches=semantic_ids.level_sizes,
  )


def name_ids(
  questions: Questions,
  generator: Generator,
  trie: Trie,
  *,
  decoding: str,
  beam: int,
  batch_size: int,
) -> np.ndarray:
  """Rows `[R, beam]` of the table of IDs, best first, -1 = names nothing."""
  prompts = _prompts(questions, generator)
  total, found = len(questions.rows), []
  for start in range(0, total, batch_size):
    rows = np.arange(start, start + batch_size)
    # The last batch is filled up with copies of its first row.
    rows = np.where(rows < total, rows, start)
    batch = jax.tree.map(lambda x, rows=rows: x[rows], prompts)
    ids = _search(
      generator.params,
      batch,
      trie,
      model=generator.model,
      decoding=decoding,
      beam=beam,
    )
    found.append(jax.device_get(ids))
  return np.concatenate(found)[:total]


def _prompts(questions: Questions, generator: Generator) -> Any:
  writer, rows = generator.writer, questions.rows
  return (
    writer.prompts(rows, shown=np.full(len(rows), questions.shown)),
    writer.queries(questions.requests.query[rows]),
  )
