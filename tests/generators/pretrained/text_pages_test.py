import functools

import jax
import numpy as np
import pytest

from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.extended import NewTokens, extend
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.text_pages import text_page_scores
from gr_jax.generators.pretrained.text_prompt import TextPrompt
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from tests.reference import plain_llama
from tests.reference.small_pretrained import LLAMA, write_model

SIZES, FIRST = (4, 3), 34
END = FIRST + 7
# Two rows: a page of two IDs and one of one; a page of three.
PROMPT = TextPrompt(np.array([[-1, 5, 36], [8, 35, 10]], np.int32))
QUERIES = np.array(
  [[[1, 2, -1], [3, -1, -1]], [[4, 5, 6], [7, -1, -1]]], np.int32
)
CODES = np.array([[[1, 2], [3, 0], [0, 1]], [[2, 2], [1, 1], [3, 2]]], np.int32)
PAGE = np.array([[0, 0, 1], [0, 0, 0]], np.int32)
PAGES = [(0, 0, [0, 1]), (0, 1, [2]), (1, 0, [0, 1, 2])]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
  folder = tmp_path_factory.mktemp("model")
  files = write_model(folder, LLAMA)
  rows, head = np.random.default_rng(3).standard_normal((2, 8, 16))
  rows, head = rows.astype(np.float32), head.astype(np.float32)
  params = extend(load_params(folder, LLAMA), rows, head)
  for name, more in (("model.embed_tokens", rows), ("lm_head", head)):
    weight = f"{name}.weight"
    files[weight] = np.concatenate((files[weight][:FIRST], more))
  decoder = make_decoder(LLAMA, new=NewTokens(FIRST, 8))
  return TextToCodes(decoder, SIZES, page_ends=1), params, files


@pytest.fixture(scope="module")
def scores(parts):
  generator, params, _ = parts
  run = functools.partial(
    generator.apply, method=text_page_scores, end_token=END
  )
  return jax.device_get(jax.jit(run)(params, PROMPT, QUERIES, CODES, PAGE))


def tokens(row, page, places):
  """The tokens of a page: prompt, text, and the codes of its IDs."""
  before = np.concatenate((PROMPT.tokens[row], QUERIES[row, page]))
  offsets = FIRST + np.array([0, SIZES[0]])
  ids = (CODES[row, places] + offsets).reshape(-1)
  return before[before >= 0].tolist(), ids.tolist()


@pytest.mark.parametrize(("row", "page", "places"), PAGES)
def test_a_page_is_a_text_of_its_own(parts, scores, row, page, places):
  before, ids = tokens(row, page, places)
  logits = plain_llama.logits(LLAMA, parts[2], [*before, *ids])
  last = len(before) - 1
  firsts = [*range(FIRST, FIRST + SIZES[0]), END]
  for at, place in enumerate(places):
    found = scores.codes[0][row, place]
    expected = logits[last + 2 * at][firsts]
    if at == 0:
      # One ID a page has.
      assert found[-1] == -np.inf
      found, expected = found[:-1], expected[:-1]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    second = logits[last + 2 * at + 1][FIRST + 4 : FIRST + 7]
    np.testing.assert_allclose(scores.codes[1][row, place], second, atol=1e-4)
  end = logits[last + 2 * len(places)][firsts]
  np.testing.assert_allclose(scores.ends[row, page], end, atol=1e-4)


def test_the_first_id_is_scored_as_a_single_answer(parts, scores):
  generator, params, _ = parts
  single = jax.jit(generator.apply)(
    params, PROMPT, QUERIES[:, :1], CODES[:, :1]
  )
  for page, alone in zip(scores.codes, single):
    width = alone.shape[-1]
    np.testing.assert_allclose(page[:, 0, :width], alone[:, 0], atol=1e-4)
