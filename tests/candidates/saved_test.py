"""A writer is loaded as it was saved, or refused."""

import dataclasses
import json

import chex
import numpy as np
import pytest

from gr_jax.candidates import saved
from gr_jax.data.requests import TEST
from tests.reference import candidate_log, small_world


@pytest.fixture
def folder(tmp_path):
  saved.save(candidate_log.writer(), tmp_path / "candidates")
  return tmp_path / "candidates"


def loaded(folder, items=None):
  codes = small_world.semantic_ids().codes
  return saved.load(folder, items or candidate_log.facts(), codes)


def test_a_loaded_writer_writes_the_same_bits(folder):
  log = candidate_log.log()
  rows = np.flatnonzero(log.requests.split == TEST)[:, None]
  for shown in (True, False):
    mask = np.full(len(rows), shown)
    written = candidate_log.writer()(rows, shown=mask)
    again = loaded(folder).writer.of(log)(rows, shown=mask)
    chex.assert_trees_all_equal(again, written)
  assert written.mask.any()


def test_what_sources_share_is_saved_once(folder):
  with np.load(folder / "sources.npz") as arrays:
    names = [name.split(".", 1)[1] for name in arrays.files if "." in name]
  assert names.count("_pairs.data") == names.count("_popularity") == 1
  sources = {one.names[0]: one for one in loaded(folder).writer.sources}
  windowed, lent = sources["windowed_score"], sources["lent_score"]
  assert windowed._pairs is lent._pairs


def test_known_queries_are_those_that_led_to_an_item(folder):
  found, requests = loaded(folder), candidate_log.log().requests
  led = {
    requests.query[row]
    for row in range(len(requests))
    if requests.split[row] == 0 and len(requests.targets(row))
  }
  assert found.query_rows == {requests.queries[q]: q for q in led if q >= 0}


@pytest.mark.parametrize("name", ["sources.npz", "writer.json"])
def test_a_lost_file_is_named(folder, name):
  (folder / name).unlink()
  with pytest.raises(FileNotFoundError, match=name):
    loaded(folder)


def test_another_catalogue_is_refused(folder):
  facts = candidate_log.facts()
  fewer = {
    f.name: getattr(facts, f.name)[:-1] for f in dataclasses.fields(facts)
  }
  with pytest.raises(ValueError, match="of 60 items, the catalogue has 59"):
    loaded(folder, type(facts)(**fewer))


def test_sources_and_features_of_another_version_are_refused(folder):
  path = folder / "writer.json"
  whole = json.loads(path.read_text())
  sources = whole["sources"]
  path.write_text(json.dumps(whole | {"sources": sources[:-1]}))
  with pytest.raises(ValueError, match="features of another version"):
    loaded(folder)
  arrays = dict(np.load(folder / "sources.npz"))
  place = [source["kind"] for source in sources].index("QueryItems")
  fewer = {k: v for k, v in arrays.items() if k != f"{place}.type_keys"}
  np.savez(folder / "sources.npz", **fewer)
  with pytest.raises(ValueError, match=r"another version .* train it anew"):
    loaded(folder)
  np.savez(folder / "sources.npz", **arrays)
  sources[0]["kind"] = "Horoscope"
  path.write_text(json.dumps(whole))
  with pytest.raises(ValueError, match="a source 'Horoscope'"):
    loaded(folder)
