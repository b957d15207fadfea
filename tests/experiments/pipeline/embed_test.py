import os

import numpy as np
import polars as pl
import pytest
from ml_collections import ConfigDict

from experiments.pipeline.embed import embed
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact
from gr_jax.data.requests import EXPOSED, TRAIN
from tests.reference import small_logs
from tests.reference.small_world import shop

CONFIG = ConfigDict(
  {
    "dimensions": 4,
    "shift": 1.0,
    "text_weight": 1.0,
    "copurchase_weight": 0.5,
    "history_window": 0,
  }
)


class LengthEncoder:
  """Unit vectors that stand for the length of a text modulo 3."""

  dimensions = 3
  calls = 0

  def encode(self, texts):
    LengthEncoder.calls += 1
    return np.eye(3, dtype=np.float32)[[len(text) % 3 for text in texts]]


def shop_data(tmp_path):
  return Data(
    shop().catalogue, shop().requests, Artefact(tmp_path, "a mark", 0.0)
  )


def write_own(path, key, keys, width, seed=0):
  """Vectors of the keys in another order, and in the order of the keys."""
  rows = np.random.default_rng(seed).normal(size=(len(keys), width))
  rows = rows.astype(np.float32)
  order = np.random.default_rng(seed).permutation(len(keys))
  table = {key: [keys[i] for i in order], "vector": rows[order].tolist()}
  pl.DataFrame(table).write_parquet(path)
  return rows


def no_encoder():
  raise AssertionError("stored vectors need no encoder of texts")


def test_the_users_own_vectors_are_taken_as_they_are(tmp_path):
  data = shop_data(tmp_path)
  ids, texts = data.catalogue.item_ids.tolist(), data.requests.queries.tolist()
  items = write_own(tmp_path / "items.parquet", "item_id", ids, 5)
  queries = write_own(tmp_path / "queries.parquet", "query", texts, 5)
  config = ConfigDict(
    CONFIG.to_dict()
    | {
      "path": str(tmp_path / "items.parquet"),
      "query_path": str(tmp_path / "queries.parquet"),
    }
  )
  found = embed(config, tmp_path, data, make_encoder=no_encoder)
  np.testing.assert_array_equal(found.items, items)
  np.testing.assert_array_equal(found.queries, queries)


def test_without_vectors_of_queries_they_stand_amid_what_they_led_to(tmp_path):
  data = shop_data(tmp_path)
  requests = data.requests
  ids = data.catalogue.item_ids.tolist()
  items = write_own(tmp_path / "items.parquet", "item_id", ids, 5)
  config = ConfigDict(
    CONFIG.to_dict() | {"path": str(tmp_path / "items.parquet")}
  )
  found = embed(config, tmp_path, data, make_encoder=no_encoder).queries
  kept = (requests.page_kind > EXPOSED) & (
    requests.split[requests.page_request] == TRAIN
  )
  query = requests.query[requests.page_request]
  for row in range(len(requests.queries)):
    led = items[requests.page_item[kept & (query == row)]]
    expected = led.mean(axis=0) if len(led) else np.zeros(5)
    np.testing.assert_allclose(found[row], expected, atol=1e-6)


def test_a_changed_file_of_vectors_is_read_again(tmp_path):
  data = shop_data(tmp_path)
  ids = data.catalogue.item_ids.tolist()
  path = tmp_path / "items.parquet"
  config = ConfigDict(CONFIG.to_dict() | {"path": str(path)})
  write_own(path, "item_id", ids, 5)
  first = embed(config, tmp_path, data, make_encoder=no_encoder)
  items = write_own(path, "item_id", ids, 5, seed=1)
  os.utime(path, ns=(1, 1))  # Two writes may fall into one tick of the clock.
  second = embed(config, tmp_path, data, make_encoder=no_encoder)
  np.testing.assert_array_equal(second.items, items)
  assert second.artefact.fingerprint != first.artefact.fingerprint


def test_empty_paths_change_no_fingerprint(tmp_path):
  data = shop_data(tmp_path)
  first = embed(CONFIG, tmp_path, data, make_encoder=LengthEncoder)
  config = ConfigDict(CONFIG.to_dict() | {"path": "", "query_path": ""})
  second = embed(config, tmp_path, data, make_encoder=no_encoder)
  assert first.artefact == second.artefact


def test_a_window_of_the_data_is_that_number_in_the_fingerprint(tmp_path):
  baskets = shop_data(tmp_path)
  singles = Data(
    baskets.catalogue,
    small_logs.requests_of([[0, 1, 2, 0], [1, 3], [1, 2]]),
    baskets.artefact,
  )

  def made(data, window):
    config = ConfigDict(CONFIG.to_dict() | {"history_window": window})
    return embed(config, tmp_path, data, make_encoder=LengthEncoder)

  for data, decided, other in ((baskets, 0, 5), (singles, 5, 0)):
    found, expected = made(data, -1), made(data, decided)
    assert found.artefact.fingerprint == expected.artefact.fingerprint
    np.testing.assert_array_equal(found.items, expected.items)
    assert (made(data, other).items != found.items).any()


def test_what_does_not_fit_is_one_line(tmp_path):
  data = shop_data(tmp_path)
  ids, texts = data.catalogue.item_ids.tolist(), data.requests.queries.tolist()
  write_own(tmp_path / "items.parquet", "item_id", ids, 5)
  write_own(tmp_path / "few.parquet", "item_id", ids[1:], 5)
  write_own(tmp_path / "wide.parquet", "query", texts, 6)
  for names, message in (
    ({"query_path": "wide.parquet"}, "vectors.path is empty"),
    ({"path": "none.npy"}, "No vectors at"),
    ({"path": "few.parquet"}, f"lacks 1 of 60 vectors.*item {ids[0]!r}"),
    (
      {"path": "items.parquet", "query_path": "wide.parquet"},
      rf"wide\.parquet has shape .* needs \[{len(texts)}, 5\]",
    ),
  ):
    paths = {key: str(tmp_path / name) for key, name in names.items()}
    config = ConfigDict(CONFIG.to_dict() | paths)
    with pytest.raises((ValueError, OSError), match=message) as error:
      embed(config, tmp_path, data, make_encoder=no_encoder)
    assert "\n" not in str(error.value)


def test_vectors_are_made_once_and_belong_to_their_data(tmp_path):
  data = shop_data(tmp_path)
  first = embed(CONFIG, tmp_path, data, make_encoder=LengthEncoder)
  calls = LengthEncoder.calls
  again = embed(CONFIG, tmp_path, data, make_encoder=LengthEncoder)
  assert LengthEncoder.calls == calls
  np.testing.assert_array_equal(first.items, again.items)
  assert first.items.shape == (60, 7)
  assert first.queries.shape == (len(shop().requests.queries), 7)
  other = Data(data.catalogue, data.requests, Artefact(tmp_path, "other", 0.0))
  embed(CONFIG, tmp_path, other, make_encoder=LengthEncoder)
  assert LengthEncoder.calls > calls
