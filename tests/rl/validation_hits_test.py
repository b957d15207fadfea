import functools

import jax
import numpy as np
import pytest

from gr_jax.data.requests import VALID
from gr_jax.decoding.beam_search import beam_search
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.rl.prompts import clicked_requests
from gr_jax.rl.validation_hits import (
  ValidationRequests,
  make_validation_hits,
  validation_requests,
)
from tests.reference.plain_lists import from_lists
from tests.reference.small_policy import model, params, trie
from tests.reference.small_world import semantic_ids, shop, writer

ROWS = np.arange(50, 63)


def validation(targets):
  return ValidationRequests(
    prompt=writer().prompts(ROWS, shown=np.ones(len(ROWS), bool)),
    queries=writer().queries(shop().requests.query[ROWS]),
    targets=from_lists(targets),
  )


@functools.cache
def ranked():
  requests = validation([[0]] * len(ROWS))
  prompt = requests.prompt, requests.queries
  search = jax.jit(functools.partial(beam_search, model(), beam_size=10))
  found = search(params(), prompt, trie())
  return np.asarray(found.ids)


@pytest.mark.parametrize("batch_size", [4, 32])
def test_hits_are_targets_among_the_first(batch_size):
  """Targets that stand at rank 0, 3, 6, 9, 12, ... of their own search."""
  ids = ranked()
  others = [np.setdiff1d(np.arange(trie().num_ids), row)[:1] for row in ids]
  targets = [
    [ids[r, 3 * r]] if 3 * r < 10 else others[r] for r in range(len(ROWS))
  ]
  measure = make_validation_hits(
    model(),
    trie(),
    validation(targets),
    batch_size=batch_size,
  )
  found = measure(params())
  assert found["eval/hit_rate@1"] == pytest.approx(1 / len(ROWS))
  assert found["eval/hit_rate@10"] == pytest.approx(4 / len(ROWS))


def test_devices_find_together_what_one_finds():
  mesh = make_mesh(MeshConfig(fsdp=2, model=2))
  targets = [[row[3]] if r % 2 else [row[0]] for r, row in enumerate(ranked())]
  found = [
    make_validation_hits(
      model(), trie(), validation(targets), batch_size=4, mesh=where
    )
    for where in (None, mesh)
  ]
  with jax.set_mesh(mesh):
    many = found[1](params())
  assert many == found[0](params())
  assert many["eval/hit_rate@1"] == pytest.approx(7 / len(ROWS))


def test_validation_requests_are_of_their_split_and_seed():
  options = {"split": VALID, "count": 9, "seed": 3}
  found = validation_requests(
    shop().requests, writer(), semantic_ids(), **options
  )
  again = validation_requests(
    shop().requests, writer(), semantic_ids(), **options
  )
  assert len(found.queries) == len(found.targets) == 9
  np.testing.assert_array_equal(found.queries, again.queries)
  assert (found.targets.sizes > 0).all()
  every = validation_requests(
    shop().requests, writer(), semantic_ids(), **options | {"count": 0}
  )
  rows = clicked_requests(shop().requests, split=VALID)
  assert len(every.targets) == len(rows) > 9
