import numpy as np
import pytest

from gr_jax.data import ir_dataset
from gr_jax.data.document_queries import with_document_queries
from gr_jax.data.requests import TEST, TRAIN
from gr_jax.generators.examples import group_targets
from tests.reference.small_collection import write_beir

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path):
  write_beir(tmp_path / "data")
  found = ir_dataset.load(tmp_path / "data")
  return found.catalogue, found.requests


def grown(data, segments=3, words=4):
  return with_document_queries(
    *data, segments=segments, words=words, rng=np.random.default_rng(0)
  )


def test_requests_that_were_there_stay(data):
  _, requests = data
  more = grown(data)
  for r in range(len(requests)):
    assert more.targets(r).tolist() == requests.targets(r).tolist()
    assert more.queries[more.query[r]] == requests.queries[requests.query[r]]
    assert more.split[r] == requests.split[r]
  old, new = requests.rows(TEST, "search"), more.rows(TEST, "search")
  np.testing.assert_array_equal(old, new)


def test_every_document_is_asked_for_by_stretches_of_itself(data):
  catalogue, requests = data
  more = grown(data)
  asked = {}
  for r in range(len(requests), len(more)):
    (item,) = more.targets(r)
    asked.setdefault(int(item), []).append(more.queries[more.query[r]])
    assert more.split[r] == TRAIN
    assert not len(more.history(r))
  assert set(asked) == set(range(len(catalogue)))
  for item, texts in asked.items():
    text = " ".join(catalogue.texts[item].split())
    assert len(texts) == 3
    assert texts[0] == " ".join(text.split()[:4])
    assert all(one in text and len(one.split()) <= 4 for one in texts)


def test_stretches_of_a_document_are_one_group_of_training(data):
  _, requests = data
  groups = group_targets(grown(data), split=TRAIN)
  sizes = np.diff(groups.offsets)
  added = groups.request[groups.offsets[:-1]] >= len(requests)
  assert sizes[added].tolist() == [3] * 4


def test_nothing_to_ask_with_is_refused(data):
  with pytest.raises(ValueError, match="segments"):
    grown(data, segments=0)
