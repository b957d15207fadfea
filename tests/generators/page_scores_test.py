import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.page_scores import page_places, page_scores
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.prompts.prompt_encoder import MergeItems
from gr_jax.nn.transformer import TransformerConfig
from tests.reference.noisy import noisy
from tests.reference.small_world import semantic_ids, shop, writer

CONFIG = TransformerConfig(
  layers=2, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=24
)
PAGE = np.array([[0, 0, 0, 1, 2], [0, 1, 1, 3, 3]])
END = 1


@functools.cache
def built(counted=False):
  sizes = semantic_ids().level_sizes
  model = DecoderOnly(
    CONFIG,
    writer()._vocabulary.prompt_size,
    sizes,
    prompt_encoder=MergeItems(),
  )
  prompt = writer().prompts(np.arange(100, 102), shown=np.ones(2, bool))
  queries = writer().queries(np.array([[0, -1, 3], [2, 1, -1]]))
  rng = np.random.default_rng(0)
  codes = np.stack([rng.integers(0, c, PAGE.shape) for c in sizes], axis=-1)
  counts = {}
  if counted:
    catalogue = count_catalogue(
      semantic_ids(), shop().catalogue.popularity, alpha=0.5
    )
    counts = {"counts": {"catalogue": catalogue}}

  def init(key):
    inputs = (prompt, queries[:, :1], codes[:, :1])
    return model.apply(
      counts, *inputs, rngs={"params": key}, mutable=["params"]
    )[1]

  params = noisy(nn.unbox(jax.jit(init)(jax.random.key(0))))
  return model, params | counts, (prompt, queries, codes.astype(np.int32))


@functools.partial(jax.jit, static_argnums=0)
def page_scores_of(model, params, *inputs):
  return model.apply(params, *inputs, end_token=END, method=page_scores)


def scores(queries, codes, page, counted=False):
  model, params, (prompt, *_) = built(counted)
  rows = jax.tree.map(lambda x: x[: len(codes)], prompt)
  return page_scores_of(model, params, rows, queries, codes, page)


@pytest.mark.parametrize("counted", [False, True])
def test_the_first_id_of_a_page_is_scored_as_a_single_answer(counted):
  """So a point-wise search needs to know nothing of pages."""
  model, params, (prompt, queries, codes) = built(counted)
  found = scores(queries, codes, PAGE, counted)
  apply = jax.jit(model.apply)
  for b, k in ((0, 0), (0, 3), (0, 4), (1, 0), (1, 1)):
    row = jax.tree.map(lambda x, b=b: x[b : b + 1], prompt)
    q = PAGE[b, k]
    alone = apply(
      params, row, queries[b : b + 1, q : q + 1], codes[b : b + 1, k : k + 1]
    )
    assert found.codes[0][b, k, -1] == -jnp.inf
    np.testing.assert_allclose(
      found.codes[0][b, k, :-1], alone[0][0, 0], atol=1e-4
    )
    for level in range(1, len(alone)):
      np.testing.assert_allclose(
        found.codes[level][b, k], alone[level][0, 0], atol=1e-4
      )


def test_pages_packed_in_a_row_are_scored_as_if_alone():
  _, _, (_, queries, codes) = built()
  found = scores(queries, codes, PAGE)
  one = np.array([[0, 0, 0]])
  alone = scores(queries[:1, :1], codes[:1, :3], one)
  for a, b in zip(found.codes, alone.codes):
    np.testing.assert_allclose(a[0, :3], b[0], atol=1e-4)
  np.testing.assert_allclose(found.ends[0, 0], alone.ends[0, 0], atol=1e-4)
  # Pages of unlike lengths, and the second of a row.
  prompt = jax.tree.map(lambda x: x[1:], built()[2][0])
  model, params, _ = built()
  alone = page_scores_of(
    model, params, prompt, queries[1:, 1:2], codes[1:, 1:3], one[:, :2]
  )
  np.testing.assert_allclose(found.ends[1, 1], alone.ends[0, 0], atol=1e-4)


def test_a_code_is_read_by_what_follows_it_on_its_page_and_nobody_else():
  _, _, (_, queries, codes) = built()
  before = scores(queries, codes, PAGE)
  changed = codes.copy()
  changed[0, 1, -1] = (changed[0, 1, -1] + 1) % semantic_ids().level_sizes[-1]
  after = scores(queries, changed, PAGE)
  for a, b in zip(before.codes, after.codes):
    moved = np.asarray(jnp.any(a != b, axis=-1))
    assert moved[0].tolist() == [False, False, True, False, False]
    assert not moved[1].any()
  moved = np.asarray(jnp.any(before.ends != after.ends, axis=-1))
  assert moved.tolist() == [[True, False, False], [False] * 3]


def test_the_end_after_an_id_is_scored_as_if_another_followed():
  """The place after a page's last ID scores next codes and END alike."""
  _, _, (_, queries, codes) = built()
  page = np.zeros((1, 3), int)
  longer = scores(queries[:1, :1], codes[:1, :3], page)
  shorter = scores(queries[:1, :1], codes[:1, :2], page[:, :2])
  np.testing.assert_allclose(
    longer.codes[0][0, 2], shorter.ends[0, 0], atol=1e-4
  )


def test_places_count_from_the_first_of_their_page():
  found = page_places(jnp.asarray(PAGE), pages=3)
  first = [[1, 0, 0, 1, 1], [1, 1, 0, 1, 0]]
  np.testing.assert_array_equal(found.first, np.array(first, bool))
  index = np.array([[0, 1, 2, 0, 0], [0, 0, 1, 0, 1]])
  np.testing.assert_array_equal(found.index, index)
  np.testing.assert_array_equal(found.last, [[2, 3, 4], [0, 2, 0]])
