import importlib

import pytest
from ml_collections import ConfigDict

from configs import eg_grpo, sol_rl
from gr_jax.recipes import keys


@pytest.mark.parametrize(("old", "new"), keys.RENAMED.items())
def test_a_renamed_key_names_the_new_one(old, new):
  config = eg_grpo.get_config("tiny")
  keys.check_renamed(config)
  config.update(ConfigDict(_nested(old)))
  with pytest.raises(ValueError, match=f"config.{old} is now config.{new}"):
    keys.check_renamed(config)


@pytest.mark.parametrize("below", ["", ".requests"])
@pytest.mark.parametrize(("old", "new"), keys.RENAMED.items())
def test_an_override_of_a_renamed_key_names_the_new_one(old, new, below):
  last = old.split(".")[-1]
  found = keys.unknown_key(KeyError(last), [f"--config.{old}{below}=1"])
  assert found == f"--config.{old}{below}: config.{old} is now config.{new}."


@pytest.mark.parametrize("new", sorted(set(keys.RENAMED.values())))
def test_every_new_key_is_one_of_a_recipe(new):
  *sections, key = new.split(".")
  found = False
  for name in ("cq_sid", "eg_grpo", "genrec", "genrec_claim"):
    config = importlib.import_module(f"configs.{name}").get_config()
    for section in sections:
      config = config.get(section, {})
    found |= key in config
  assert found


def test_keys_that_came_later_change_nothing_that_is_stored():
  """What was stored before stays, and what is set otherwise is stored."""
  config = eg_grpo.get_config("tiny")
  generator = keys.stored(config.generator.to_dict())
  assert generator["mesh"] == {"data": 0, "model": 1}
  assert generator["model"]["remat"] is False
  assert "micro_batches" not in generator["loop"]
  assert "log_every" not in generator["loop"]
  assert "log_every" in config.generator.loop
  assert "attention" not in generator["model"]
  assert keys.stored(config.align.to_dict())["mesh"] == {"data": 0, "model": 1}
  assert "explore" not in keys.stored(config.align.to_dict())
  config.align.explore.candidates = 32
  assert keys.stored(config.align.to_dict())["explore"]["candidates"] == 32
  assert "hosts" in config
  assert "hosts" not in keys.stored(config.to_dict())
  config.generator.loop.micro_batches = 4
  config.generator.model.remat = "dots"
  config.generator.model.attention = "plain"
  changed = keys.stored(config.generator.to_dict())
  assert changed["loop"]["micro_batches"] == 4
  assert changed["model"]["remat"] == "dots"
  assert changed["model"]["attention"] == "plain"
  config.generator.model.remat = "full"
  assert keys.stored(config.generator.to_dict())["model"]["remat"] is True


def test_a_choice_that_came_later_is_stored_where_it_is_made():
  config = sol_rl.get_config("tiny").align
  found = keys.stored(config.to_dict())
  assert not {"objective", "flow_grpo"} & found.keys()
  assert found["nft"] == config.nft.to_dict()
  config.flow_grpo.keep = 4
  assert keys.stored(config.to_dict()) == found
  config.objective = "flow_grpo"
  changed = keys.stored(config.to_dict())
  assert changed["objective"] == "flow_grpo"
  assert changed["flow_grpo"]["keep"] == 4


def test_a_guard_is_stored_only_where_the_reward_is_not_the_judge():
  section = sol_rl.get_config().align
  assert not {"reward", "guard"} & keys.stored(section.to_dict()).keys()
  section.guard.fall = 0.5
  assert "guard" not in keys.stored(section.to_dict())
  section.reward = "scorer"
  stored = keys.stored(section.to_dict())
  assert (stored["reward"], stored["guard"]) == ("scorer", {"fall": 0.5})


def test_what_is_stored_is_the_same_on_every_mesh():
  """Otherwise a training that goes on with another one would begin anew."""
  config = eg_grpo.get_config("tiny")
  for section in (config.generator, config.align):
    before = keys.stored(section.to_dict())
    section.mesh.update({"data": 2, "fsdp": 2, "model": 4, "sequence": 2})
    assert keys.stored(section.to_dict()) == before
    assert section.mesh.model == 4


def _nested(path):
  """`{"a": {"b": 1}}` of `a.b`."""
  section, _, rest = path.partition(".")
  return {section: _nested(rest) if rest else 1}
