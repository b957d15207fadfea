import importlib

import pytest

from configs import eg_grpo
from gr_jax.recipes import keys


@pytest.mark.parametrize(("old", "new"), keys.RENAMED.items())
def test_a_renamed_key_names_the_new_one(old, new):
  config = eg_grpo.get_config("tiny")
  keys.check_renamed(config)
  section, key = old.split(".")
  config[section][key] = 1
  with pytest.raises(ValueError, match=f"config.{old} is now config.{new}"):
    keys.check_renamed(config)


@pytest.mark.parametrize("below", ["", ".requests"])
@pytest.mark.parametrize(("old", "new"), keys.RENAMED.items())
def test_an_override_of_a_renamed_key_names_the_new_one(old, new, below):
  last = f"{old}{below}".split(".")[1]
  found = keys.unknown_key(KeyError(last), [f"--config.{old}{below}=1"])
  assert found == f"--config.{old}{below}: config.{old} is now config.{new}."


@pytest.mark.parametrize("new", sorted(keys.RENAMED.values()))
def test_every_new_key_is_one_of_a_recipe(new):
  section, key = new.split(".")
  assert any(
    key in importlib.import_module(f"configs.{name}").get_config()[section]
    for name in ("cq_sid", "eg_grpo", "genrec")
    if section in importlib.import_module(f"configs.{name}").get_config()
  )
