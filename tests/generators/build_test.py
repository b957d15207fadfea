import chex
import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from gr_jax.generators.build import (
  NETWORKS,
  build_generator,
  initializer,
  prompt_encoder_of,
)
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.prefix_adaptor import PrefixAdaptor
from gr_jax.generators.prompts.prompt_encoder import (
  FlattenItems,
  MergeItems,
  SumItems,
)
from gr_jax.nn.dot import bf16_dot_general
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.small_world import semantic_ids, writer

SECTION = {"precision": "bfloat16", "model": {"layers": 1, "width": 32}}


def built(**more):
  """The same from a config and from a manifest."""
  parts = {
    "vocabulary": writer()._vocabulary,
    "semantic_ids": semantic_ids(),
  }
  model = build_generator(SECTION | more, **parts)
  assert build_generator(ConfigDict(SECTION | more), **parts) == model
  return model


# A pretrained one has the sizes of what it begins with.
@pytest.mark.parametrize("network", [n for n in NETWORKS if n != "pretrained"])
def test_all_networks_have_the_sizes_of_section_and_ids(network):
  model = built(network=network, adaptor_layers=3, early_layers=0)
  assert model.config == TransformerConfig(layers=1, width=32)
  assert model.level_sizes == semantic_ids().level_sizes
  assert model.prompt_size == writer()._vocabulary.prompt_size
  assert model.dot_general is bf16_dot_general
  assert not model.ends


def test_a_section_names_its_network():
  assert isinstance(built(), DecoderOnly)
  assert isinstance(built(network="encoder_decoder"), EncoderDecoder)
  assert built(network="encoder_decoder").adaptor is None


def test_nci_is_an_encoder_decoder_with_an_adaptor_of_its_own_depth():
  model = built(network="nci", adaptor_layers=3)
  assert isinstance(model, EncoderDecoder)
  assert model.adaptor == PrefixAdaptor(
    TransformerConfig(layers=3, width=32), bf16_dot_general
  )


@pytest.mark.parametrize(
  ("name", "encoder"),
  [
    ("sum_items", SumItems()),
    ("flatten_items", FlattenItems()),
    ("merge_items", MergeItems(bf16_dot_general)),
  ],
)
def test_a_section_names_its_prompt_encoder(name, encoder):
  assert built(prompt_encoder=name).prompt_encoder == encoder
  assert built().prompt_encoder == SumItems()


@pytest.mark.parametrize(
  ("old", "new"),
  [
    ("summed", "sum_items"),
    ("tokens", "flatten_items"),
    ("merged", "merge_items"),
  ],
)
def test_a_renamed_prompt_encoder_names_the_new_one(old, new):
  with pytest.raises(ValueError, match=f"'{old}' is now '{new}'"):
    prompt_encoder_of(SECTION | {"prompt_encoder": old})


def test_parameters_are_those_of_real_inputs_of_any_size():
  """Noise of a key alone, whatever the prompts that give the shapes."""
  model = built(network="nci", adaptor_layers=1)
  rows = np.arange(100, 103)
  prompt = writer().prompts(rows, shown=np.ones(3, bool))
  queries = writer().queries(np.array([[0, -1]] * 3))
  codes = np.zeros((3, 2, len(model.level_sizes)), np.int32)
  key = jax.random.key(5)
  expected = jax.eval_shape(model.init, key, prompt, queries, codes)
  found = jax.eval_shape(initializer(model, {}), key)
  chex.assert_trees_all_equal_shapes_and_dtypes(found, expected)
