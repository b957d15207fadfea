"""Decoders whose weights are not made, and their tokenizers."""

import jax
import pytest

from gr_jax import recipes
from gr_jax.generators.pretrained.text import read_tokenizer
from tools.ahead import published_base, shop
from tools.ahead.program import query_length

TEXTS = ["oat milk 64 oz", "whole wheat bread", "milk chocolate bar"]


def test_a_config_begins_with_the_model_that_it_names():
  config = recipes.get_config("cq_sid_qwen:paper")
  qwen, tokens = published_base.base_of(config)
  assert (qwen.width, qwen.layers, qwen.vocab_size) == (896, 24, 151_936)
  assert tokens == 151_665
  config.generator.pretrained.path = "/models/Qwen2.5-7B"
  assert published_base.base_of(config)[0].width == 3584
  smollm = published_base.base_of(recipes.get_config("cq_sid_qwen"))
  assert smollm == (published_base.PUBLISHED["SmolLM2-135M"], 49_152)
  other = recipes.get_config("genrec_qwen:paper")
  assert published_base.base_of(other)[0].width == 1536
  config.generator.pretrained.path = "/models/unheard-of"
  with pytest.raises(ValueError, match=r"unheard-of.*Qwen2\.5-0\.5B"):
    published_base.base_of(config)


def test_a_tokenizer_has_as_many_tokens_as_the_published_one():
  with published_base.tokenizer_folder(TEXTS, tokens=5000) as folder:
    text = read_tokenizer(folder)
  assert text.size == 5000
  tokens, mask = text.encode(TEXTS[:1], length=32)
  assert text.decode(tokens, mask) == TEXTS[:1]
  # Words of the texts were learned; what fills it up is never used.
  assert mask.sum() < len(TEXTS[0])
  assert tokens.max() < 2000


def test_weights_that_stand_still_are_no_parameters():
  given = shop.parts(recipes.get_config("cq_sid_qwen:tiny"), items=100)
  kept = jax.tree.leaves(given.frozen)
  trained = jax.tree.leaves(given.params)
  assert sum(x.size for x in kept) > sum(x.size for x in trained)
  assert query_length(given) == given.untrained.section.prompt.query_tokens
