"""A few dozen items, users and requests, with random semantic IDs."""

import functools

import numpy as np

from gr_jax.data.worlds.shop_config import ShopWorldConfig
from gr_jax.data.worlds.shop_log import click_probability
from gr_jax.data.worlds.shop_world import generate
from gr_jax.generators.pretrained.text import TextTokens
from gr_jax.generators.pretrained.text_vocabulary import TextVocabulary
from gr_jax.generators.prompts.vocabulary import build_vocabulary
from gr_jax.generators.prompts.writer import PromptConfig, PromptWriter
from gr_jax.tokenizers.collisions import add_suffix
from tests.reference.small_tokenizer import small_tokenizer

LEVELS = (4, 5)
PROMPT = PromptConfig(history=6, lookback=32, query_words=4, user_buckets=8)


@functools.cache
def shop():
  config = ShopWorldConfig(
    num_items=60,
    num_users=20,
    num_requests=400,
    num_categories=4,
    clusters_each=3,
  )
  return generate(config, seed=0)


def catalogue_click_probability(world, user, time, query):
  """Returns the probability `[R, N]` of a click on every item: the oracle."""
  dots = world.preference(user, time, query) @ world.items.x.T
  return click_probability(dots, world.items.appeal, world.config)


@functools.cache
def semantic_ids():
  rng = np.random.default_rng(0)
  codes = np.stack([rng.integers(0, c, 60) for c in LEVELS], axis=1)
  return add_suffix(codes, LEVELS, priority=shop().catalogue.popularity)


@functools.cache
def vocabulary():
  requests = shop().requests
  return build_vocabulary(
    requests.queries,
    requests.profiles,
    semantic_ids().level_sizes,
    user_buckets=PROMPT.user_buckets,
  )


@functools.cache
def writer():
  return PromptWriter(shop().requests, semantic_ids(), vocabulary(), PROMPT)


def text_vocabulary(ids, **options):
  """That of a generator which reads text."""
  requests = shop().requests
  log = build_vocabulary(
    requests.queries,
    requests.profiles,
    ids.level_sizes,
    user_buckets=0,
    **options,
  )
  ends = bool((ids.codes < 0).any())
  return TextVocabulary.make(log, TextTokens(small_tokenizer()), ends=ends)
