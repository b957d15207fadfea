"""Notes of a world, and configs with changes."""

import pytest
from ml_collections import ConfigDict

from experiments.studies.world import World, changed


def test_changes_name_values_by_their_path_and_leave_the_config_alone():
  config = ConfigDict({"a": {"b": {"c": 1, "d": 2}}, "e": 3})
  found = changed(config, {"a.b.c": 5, "a.b.new": (6,)})
  assert found.to_dict() == {"a": {"b": {"c": 5, "d": 2, "new": (6,)}}, "e": 3}
  assert config.a.b.to_dict() == {"c": 1, "d": 2}


def test_a_number_may_become_one_per_level_and_nothing_else():
  config = ConfigDict({"evaluation": {"beam": 100}})
  found = changed(config, {"evaluation.beam": (32, 64, 100)})
  assert found.evaluation.beam == (32, 64, 100)
  with pytest.raises(TypeError, match="Could not override field 'beam'"):
    changed(config, {"evaluation.beam": "100"})


@pytest.fixture
def world(tmp_path):
  shop = {
    "source": "shop_world", "seed": 0, "num_items": 60, "num_users": 20,
    "num_requests": 200, "num_categories": 4, "clusters_each": 3,
  }  # fmt: skip
  config = {
    "data": shop,
    "vectors": {"text": True, "copurchase": False, "dimensions": 4},
    "evaluation": {"requests": 8, "seed": 0},
  }
  from configs.retrieval import base

  config["vectors"] = base("").vectors.to_dict() | {"dimensions": 4}
  return World(ConfigDict(config), "shop", tmp_path)


def test_facts_are_means_over_the_seeds(world):
  for seed in (1, 3):
    world.note("ids", "a", {"ids": seed, "levels": [seed, 2.0 * seed]})
  world.note("ids", "b", {"ids": 7})
  assert world.facts() == {
    "ids": {"a": {"ids": 2.0, "levels": [2.0, 4.0]}, "b": {"ids": 7.0}}
  }


def test_figures_of_other_shapes_have_no_mean(world):
  """Tables of IDs of one variant may differ in depth."""
  world.note("ids", "a", {"ids": 1, "ends": [0.5, 0.5]})
  world.note("ids", "a", {"ids": 1, "ends": [0.5, 0.25, 0.25]})
  assert world.facts() == {"ids": {"a": {"ids": 1.0}}}


def test_what_is_shared_is_made_once(world):
  made = []
  for _ in range(2):
    found = world.once("key", lambda: made.append(1) or len(made))
  assert (found, made) == (1, [1])


def test_requests_are_those_of_the_kinds(world):
  (one,) = world.requests(("semantic",))
  assert one.kind == "semantic"
  assert 0 < len(one.rows) <= 8
  with pytest.raises(ValueError, match="has no resting request with a click"):
    world.requests(("resting",))
