import pytest
from ml_collections import ConfigDict

from experiments.stages import page_wise, point_wise
from experiments.stages.recipe import recipe_of
from gr_jax.generators.arrangement import SummedPrompt
from gr_jax.generators.prompt_tokens import PromptTokens
from gr_jax.generators.token_merger import TokenMerger
from gr_jax.nn.dot import bf16_dot_general

PLAIN = {"precision": "bfloat16"}


def test_a_section_that_says_nothing_is_point_wise_and_summed():
  recipe = recipe_of(ConfigDict(PLAIN))
  assert recipe.lesson is point_wise.lesson
  assert recipe.page_ends == 0
  assert recipe.arrangement == SummedPrompt()


def test_a_section_names_lesson_and_arrangement():
  recipe = recipe_of(
    ConfigDict(PLAIN | {"learns": "page_wise", "arrangement": "merged"})
  )
  assert recipe.lesson is page_wise.lesson
  assert recipe.page_ends == 1
  assert recipe.arrangement == TokenMerger(bf16_dot_general)
  recipe = recipe_of(ConfigDict(PLAIN | {"arrangement": "tokens"}))
  assert recipe.arrangement == PromptTokens()


@pytest.mark.parametrize("key", ["learns", "arrangement"])
def test_an_unknown_name_is_told_with_the_known_ones(key):
  with pytest.raises(ValueError, match=f"generator.{key} is 'x'; use one of"):
    recipe_of(ConfigDict(PLAIN | {key: "x"}))
