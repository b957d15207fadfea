"""A run of any tokenizer is served: items come and go, and it is reloaded."""

import jax
import pytest
from flax import linen as nn
from ml_collections import ConfigDict
from orbax.checkpoint import v1 as ocp

from experiments.pipeline.untrained import build_untrained
from gr_jax import manifests
from gr_jax.artefacts import build
from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.catalogue.service import NoRoom
from gr_jax.serving.requests import Invalid
from gr_jax.tokenizers.stable_hash import hash_codes
from tests.reference import resealed, tiny_tokenizers

GENERATOR = {
  "precision": "float32",
  "prompt": {"history": 3, "lookback": 4, "query_words": 3, "user_buckets": 4},
  "model": {"layers": 1, "width": 8, "heads": 1, "kv_heads": 1}
  | {"head_size": 8, "feed_forward": 8},
}


def make_run(case: str, shared, workdir):
  """A run whose generator was never trained: `workdir`."""
  tiny_tokenizers.copy(case, shared, workdir)
  tokenized = tiny_tokenizers.fit(case, workdir)
  untrained = build_untrained(
    ConfigDict(GENERATOR), tiny_tokenizers.data(workdir), tokenized.semantic_ids
  )

  def save(directory):
    untrained.vocabulary.save(directory / "vocabulary.json")
    params = nn.unbox(untrained.initializer({})(jax.random.key(0)))
    folder = directory.absolute() / "checkpoints"
    with ocp.training.Checkpointer(folder) as checkpoints:
      checkpoints.save_checkpointables(1, {"state": {"params": params}})

  inputs = [
    manifests.read(workdir / stage)["fingerprint"]
    for stage in ("data", "tokenizer")
  ]
  build(workdir, "generator", GENERATOR, inputs, save)
  return workdir


# Every tokenizer once, and every policy that gives new items their IDs. The
# slow ones are loaded in `tests/tokenizers`; a fast one has their policy.
CASES = (
  *("cq_sid", "split", "sa2crq", "atomic", "semantic"),
  *(
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("rq_vae", "naive", "ua_sid", "given_ids")
  ),
)


@pytest.fixture(scope="module", params=CASES)
def case(request):
  return request.param


@pytest.fixture(scope="module")
def served_run(case, shared, tmp_path_factory):
  return make_run(case, shared, tmp_path_factory.mktemp("served") / "run")


def codes(service) -> dict[str, list[int]]:
  items = service.serving.snapshot.items
  table = items.semantic_ids.codes
  return dict(zip(items.item_ids.tolist(), table.tolist(), strict=True))


def names(answer) -> list[str]:
  return [item["id"] for item in answer.items]


def test_items_come_and_go_and_the_run_is_reloaded(
  case, served_run, make_service, find
):
  service = make_service(served_run, max_batch=1)
  given = codes(service)
  whole = names(find(service, k=60))
  assert sorted(whole) == sorted(given)
  new = [NewItem(f"new {i}", f"a red cup {i}") for i in range(3)]
  if case == "atomic":
    with pytest.raises(NoRoom, match="no room: all 60 IDs"):
      service.change(ItemChange(add=new))
    new = []
  elif case == "given_ids":
    with pytest.raises(Invalid, match="'new 0': the IDs of this run come from"):
      service.change(ItemChange(add=new))
    new = []
    known = NewItem("item0", "another text", price=3.0)
    service.change(ItemChange(add=[known]))
  else:
    added = service.change(ItemChange(add=new))["items"]
    assert [item["id"] for item in added] == [item.item_id for item in new]
  assert {name: codes(service)[name] for name in given} == given
  gone = whole[0]
  service.change(ItemChange(remove=[gone]))
  left = {*given, *(item.item_id for item in new)} - {gone}
  before = names(find(service, k=60 + len(new)))
  assert set(before) == left
  kept = codes(service)
  service.reload()
  assert codes(service) == kept
  assert names(find(service, k=60 + len(new))) == before


def test_the_fields_of_a_new_item_are_hashed_and_outlive_the_tokenizer(
  shared, tmp_path, make_service
):
  run = make_run("ua_sid", shared, tmp_path / "run")
  service = make_service(run, max_batch=1)
  fields = {"conversion": "install", "account": "7"}
  new = [
    NewItem("a", "a red cup", fields=fields),
    NewItem("b", "a red cup", fields=fields),
    NewItem("c", "a red cup", fields={"account": "7"}),
  ]
  service.change(ItemChange(add=new[:1]))
  service.change(ItemChange(add=new[1:]))
  found = codes(service)
  hashes = hash_codes(
    [("a", "7", "install"), ("b", "7", "install"), ("c", "7", None)],
    num_codes=8,
  )
  assert [found[name][-1] for name in "abc"] == hashes.tolist()
  # What it shows is the same, whoever knows its account.
  assert found["a"][:-1] == found["b"][:-1] == found["c"][:-1]
  service.change(ItemChange(add=[new[0]._replace(fields={"account": "8"})]))
  assert codes(service) == found
  with pytest.raises(Invalid, match="'b' has a field 'brand'; this catalogue"):
    service.change(ItemChange(add=[new[1]._replace(fields={"brand": "x"})]))
  resealed.remake(run, "tokenizer", "another one")
  service.reload()
  again = hash_codes([("a", "8", "install")], num_codes=8)
  assert codes(service)["a"] == [*found["a"][:-1], *again.tolist()]
  assert codes(service)["b"] == found["b"]
