"""The variants of the CQ-SID study differ by what their names say."""

import dataclasses

import numpy as np
import pytest

from configs import cq_sid_claim
from experiments.pipeline.prepare import Data
from experiments.studies import cq_sid
from experiments.studies.record import View, load_record
from experiments.studies.world import changed
from gr_jax.artefacts import Artefact
from gr_jax.data.worlds import shop_config, shop_world
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tests.experiments.studies.study_test import RESULTS
from tests.reference.small_studies import BEAMS, run_small, smallest


@pytest.fixture(scope="module")
def data(tmp_path_factory):
  sizes = shop_config.ShopWorldConfig(
    num_items=60,
    num_users=20,
    num_requests=60,
    num_categories=5,
    clusters_each=2,
  )
  world = shop_world.generate(sizes, seed=0)
  artefact = Artefact(tmp_path_factory.mktemp("data"), "", 0.0)
  return Data(world.catalogue, world.requests, artefact)


def section(name, data):
  config = cq_sid_claim.get_config()
  config.tokenizer.update({"category_depth": 1, "vae": {"levels": (7, 6)}})
  config = changed(config, cq_sid.VARIANTS[name].changes)
  return cq_sid.tokenizer_section(
    config, category_depth=1, data=data, seed=3
  ).to_dict()


def test_four_variants_differ_by_category_and_queries_alone(data):
  whole = section("cq_sid", data)
  assert section("without_category", data) == whole | {"category_depth": 0}
  contrast = whole["contrast"] | {"gamma": 0.0}
  assert section("without_infonce", data) == whole | {"contrast": contrast}
  assert section("rq_vae", data) == whole | {"name": "rq_vae"}


def test_every_variant_has_as_many_codes_as_there_are_categories(data):
  count = len(np.unique(data.catalogue.categories[:, 0]))
  for name in cq_sid.VARIANTS:
    assert section(name, data)["vae"]["levels"] == (count, 7, 6)


def test_a_catalogue_without_categories_is_refused(data):
  catalogue = dataclasses.replace(
    data.catalogue,
    categories=np.zeros((len(data.catalogue), 0), np.int32),
    category_names=(),
  )
  bare = dataclasses.replace(data, catalogue=catalogue)
  with pytest.raises(ValueError, match="no categories"):
    section("cq_sid", bare)


def test_an_id_is_as_popular_as_all_its_items_together():
  ids = SemanticIds(np.array([[0], [1], [1], [2]]), (3,))
  popularity = np.array([5, 3, 4, 1])
  np.testing.assert_array_equal(cq_sid.popular_ids(ids, popularity), [1, 0, 2])


@pytest.mark.parametrize("widths", [(10, 1), (1, 1, 10)])
def test_beams_rise(widths, tmp_path):
  config = smallest("cq_sid")
  config.evaluation.beams = widths
  with pytest.raises(ValueError, match="rising"):
    cq_sid.run(config, tmp_path)


class _World:
  """Twelve semantic requests, as far as widths ask."""

  name = "shop"

  def __init__(self):
    from ml_collections import ConfigDict

    self.config = ConfigDict({"evaluation": {"beams": (1, 10)}})

  def requests(self, kinds):
    del kinds
    return [type("One", (), {"kind": "semantic", "users": np.arange(12)})]


def test_a_beam_that_is_never_wide_enough_is_none():
  def hits(value):
    names = (
      f"semantic/{lv}/hit_rate@{b}" for lv in cq_sid.LEVELS for b in (1, 10)
    )
    return {0: {name: np.full(12, value) for name in names}}

  found = {"rq_vae": hits(True), "cq_sid": hits(False)}
  rows = cq_sid.width_rows(_World(), found)
  (row,) = [
    row
    for row in rows
    if (row["arm"], row["metric"]) == ("cq_sid", "semantic/id/equal_beam")
  ]
  assert (row["value"], row["value_low"], row["value_high"]) == (None,) * 3


def test_the_page_warns_that_crowded_ids_are_easier_to_hit():
  record = load_record(RESULTS / "cq_sid_claim/table.json")
  assert "fewer distinct IDs" in cq_sid.method(record)
  assert "3 seeds" in cq_sid.heading(View(record, "shop_world"))
  lines = cq_sid.hit_table(View(record, "shop_world")).splitlines()
  (line,) = [x for x in lines if "semantic, item" in x and "| CQ-SID  " in x]
  assert "> 100]" in line


@pytest.mark.slow
def test_every_variant_kind_level_and_beam_has_a_figure():
  record, _, _ = run_small("cq_sid")
  keys = {row["metric"] for row in record.rows}
  hits = [key for key in keys if "hit_rate" in key]
  assert len(hits) == 2 * 2 * len(BEAMS)
  assert len([row for row in record.rows if "equal" in row["metric"]]) == 8
  ids = record.worlds["shop_world"]["ids"]["cq_sid"]
  assert ids["level_sizes"] == [5, 4, 4]


@pytest.mark.slow
def test_an_id_is_hit_at_least_as_often_as_an_item():
  record, _, _ = run_small("cq_sid")
  for row in record.rows:
    if "/item/hit_rate" in row["metric"]:
      wider = row["metric"].replace("/item/", "/id/")
      id_row = record.find("shop_world", wider, row["arm"], row["baseline"])
      assert row["value"] <= id_row["value"]
