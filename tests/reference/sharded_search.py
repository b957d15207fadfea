"""Searches of the small world on any mesh."""

import functools

import numpy as np

from gr_jax.retrieval.retriever import Retriever
from tests.reference.sharded import learned, mesh_of, parts
from tests.reference.small_world import semantic_ids, shop

BEAM = 6


@functools.cache
def retriever(mesh=None, name="decoder_only"):
  """Of one of `GENERATORS` on one of `MESHES`, or with no mesh."""
  _, counts, params, _ = learned(name)
  return Retriever(
    parts(name).model,
    params | counts,
    semantic_ids(),
    batch_size=8,
    mesh=mesh and mesh_of(*mesh),
  )


@functools.cache
def searched(name="decoder_only"):
  """Prompts and queries of some requests, and the rows that each excludes."""
  rows = np.arange(100, 113)
  rng = np.random.default_rng(0)
  size = semantic_ids().num_ids
  excluded = [rng.permutation(size)[: size // 3] for _ in rows]
  writer = parts(name).writer
  prompt = writer.prompts(rows, shown=np.ones(len(rows), bool))
  queries = writer.queries(shop().requests.query[rows])
  return prompt, queries, excluded


def same_answers(one, other, name="decoder_only", *, kind="search", **options):
  """What two retrievers find, which is equal."""
  prompt, queries, _ = searched(name)
  found, expected = (
    getattr(each, kind)(prompt, queries, beam_size=BEAM, **options)
    for each in (one, other)
  )
  np.testing.assert_array_equal(found.ids, expected.ids)
  np.testing.assert_allclose(
    found.log_probs, expected.log_probs, rtol=1e-5, atol=1e-5
  )
  return found.ids
