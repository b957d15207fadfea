"""Values that no stage can use are refused before the first one runs."""

import pytest

from gr_jax import recipes
from gr_jax.recipes import ranges


def configs():
  for name in recipes.names():
    for preset in ("", "tiny", "paper", "ads"):
      try:
        yield f"{name}:{preset}", recipes.get_config(f"{name}:{preset}")
      except ValueError:
        continue


def test_every_recipe_is_inside_its_ranges():
  for name, config in configs():
    try:
      ranges.check_ranges(config)
    except ValueError as error:
      raise AssertionError(name) from error


@pytest.mark.parametrize(
  ("key", "value", "message"),
  [
    ("generator.examples.batch_size", 0, "is 0; make it 1 or more"),
    ("generator.loop.steps", -5, "is -5; make it 1 or more"),
    ("evaluation.beam", 0, "is 0; make it 1 or more"),
    ("evaluation.beam", (4, 0, 8), "is 0; make it 1 or more"),
    ("evaluation.beam", "wide", "is 'wide'; make it a number, or several"),
    ("evaluation.beams", (10, 0), "is 0; make it 1 or more"),
    ("evaluation.requests", -1, "is -1; make it 0 or more"),
    ("tokenizer.vae.steps", 0, "is 0; make it 1 or more"),
    ("tokenizer.vae.levels", (8, 0), "is 0; make it 1 or more"),
    ("generator.model.width", 0, "is 0; make it 1 or more"),
    ("generator.model.dropout", 1.0, "is 1.0; make it 0 or more and less"),
    ("generator.examples.hidden_share", 1.5, "is 1.5; make it a share"),
    ("generator.optimizer.learning_rate", 0.0, "is 0.0; make it more than 0"),
    ("generator.optimizer.learning_rate", float("nan"), "a finite number"),
    ("vectors.history_window", -2, "is -2; make it -1 or more"),
    ("generator.mesh.model", 0, "is 0; make it 1 or more"),
  ],
)
def test_a_number_out_of_its_range_is_refused(key, value, message):
  config = recipes.get_config("cq_sid:tiny")
  with config.unlocked():
    config.update_from_flattened_dict({key: value})
  with pytest.raises(ValueError, match=rf"config\.{key} .*{message}"):
    ranges.check_ranges(config)


@pytest.mark.parametrize(
  ("key", "value"),
  [
    ("evaluation.requests", 0),
    ("sasrec.training.steps", 0),
    ("evaluation.second_look", 0),
    ("vectors.history_window", -1),
    ("vectors.shift", -2.0),
  ],
)
def test_a_number_that_means_something_is_taken(key, value):
  config = recipes.get_config("cq_sid:tiny")
  config.update_from_flattened_dict({key: value})
  ranges.check_ranges(config)
