import pytest
from ml_collections import ConfigDict

from experiments.pipeline import page_wise, point_wise
from experiments.pipeline.recipe import recipe_of
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.prefix_adaptor import PrefixAdaptor
from gr_jax.generators.prompts.flatten_items import FlattenItems
from gr_jax.generators.prompts.merge_items import MergeItems
from gr_jax.generators.prompts.prompt_encoder import SumItems
from gr_jax.nn.dot import bf16_dot_general
from gr_jax.nn.transformer import TransformerConfig

PLAIN = {"precision": "bfloat16"}


def test_a_section_that_says_nothing_is_point_wise_and_summed():
  recipe = recipe_of(ConfigDict(PLAIN))
  assert recipe.task is point_wise.task
  assert recipe.page_ends == 0
  assert recipe.prompt_encoder == SumItems()
  assert recipe.network is DecoderOnly


def test_a_section_names_lesson_and_arrangement():
  recipe = recipe_of(
    ConfigDict(PLAIN | {"task": "page_wise", "prompt_encoder": "merged"})
  )
  assert recipe.task is page_wise.task
  assert recipe.page_ends == 1
  assert recipe.prompt_encoder == MergeItems(bf16_dot_general)
  recipe = recipe_of(ConfigDict(PLAIN | {"prompt_encoder": "tokens"}))
  assert recipe.prompt_encoder == FlattenItems()


def test_a_section_names_its_network():
  recipe = recipe_of(ConfigDict(PLAIN | {"network": "encoder_decoder"}))
  assert recipe.network is EncoderDecoder


def test_nci_is_an_encoder_decoder_with_an_adaptor_of_its_own_depth():
  section = PLAIN | {
    "network": "nci",
    "adaptor_layers": 3,
    "model": {"layers": 1, "width": 32},
  }
  sizes = TransformerConfig(layers=1, width=32)
  model = recipe_of(ConfigDict(section)).network(sizes, 9, (4, 4), True)
  assert isinstance(model, EncoderDecoder)
  assert model.config == sizes
  assert model.adaptor == PrefixAdaptor(
    TransformerConfig(layers=3, width=32), bf16_dot_general
  )


def test_pages_are_for_networks_that_know_their_end():
  section = PLAIN | {"task": "page_wise", "network": "encoder_decoder"}
  with pytest.raises(ValueError, match="only decoder_only") as caught:
    recipe_of(ConfigDict(section))
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["task", "prompt_encoder", "network"])
def test_an_unknown_name_is_told_with_the_known_ones(key):
  with pytest.raises(ValueError, match=f"generator.{key} is 'x'; use one of"):
    recipe_of(ConfigDict(PLAIN | {key: "x"}))
