import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.extended import NewTokens, extend
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.text_prompt import TextPrompt
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from tests.reference import plain_llama
from tests.reference.random_ids import random_ids
from tests.reference.small_pretrained import LLAMA, QWEN, write_model

SIZES = (4, 3, 5)
CASES = pytest.mark.parametrize(
  ("arrangement", "ends"), [(QWEN, False), (LLAMA, True)]
)
# Two rows: padding in front and behind, codes among the words.
FIRST = 34
PROMPT = TextPrompt(
  np.array([[-1, -1, 5, 36, 7], [8, 35, 10, 11, -1]], np.int32)
)
QUERIES = np.array(
  [[[1, 2, -1], [3, -1, -1]], [[4, 5, 6], [-1, -1, -1]]], np.int32
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  return tmp_path_factory.mktemp("models")


@functools.cache
def model(folder, arrangement, ends):
  """The generator, its parameters, and the same as files with all rows."""
  count = sum(SIZES) + ends
  here = folder / arrangement.model_type
  files = write_model(here, arrangement)
  rng = np.random.default_rng(3)
  rows, head = rng.standard_normal((2, count, 16)).astype(np.float32)
  params = extend(
    load_params(here, arrangement), rows, None if arrangement.tied else head
  )
  names = ["model.embed_tokens.weight", "lm_head.weight"]
  for name, more in zip(names[: 2 - arrangement.tied], (rows, head)):
    files[name] = np.concatenate((files[name][:FIRST], more))
  decoder = make_decoder(arrangement, new=NewTokens(FIRST, count))
  return TextToCodes(decoder, SIZES, ends), params, files


def text(row, branch):
  """The tokens before the codes, without padding."""
  both = np.concatenate((PROMPT.tokens[row], QUERIES[row, branch]))
  return both[both >= 0].tolist()


def level_logits(arrangement, files, ends, before, codes):
  """Per level the scores of its codes, each from a whole text."""
  firsts = FIRST + np.cumsum([0, *SIZES])
  tokens = [*before, *(int(f) + c for f, c in zip(firsts, codes))]
  scores = plain_llama.logits(arrangement, files, tokens)
  found = []
  for level in range(len(codes) + 1):
    if level == len(SIZES):
      break
    columns = [*range(firsts[level], firsts[level + 1])]
    if ends and level:
      columns.append(firsts[-1])
    found.append(scores[len(before) - 1 + level][columns])
  return found


@CASES
def test_branches_are_texts_of_their_own(folder, arrangement, ends):
  generator, params, files = model(folder, arrangement, ends)
  codes = np.array([[[1, 2, 4], [3, 0, 0]], [[0, 1, 2], [2, 2, 1]]], np.int32)
  found = jax.jit(generator.apply)(params, PROMPT, QUERIES, codes)
  assert [x.shape[2] for x in found] == [4, 3 + ends, 5 + ends]
  for row in range(2):
    for branch in range(2):
      expected = level_logits(
        arrangement, files, ends, text(row, branch), codes[row, branch][:2]
      )
      for level, scores in enumerate(expected):
        np.testing.assert_allclose(found[level][row, branch], scores, atol=1e-4)


@CASES
def test_a_search_of_all_ids_is_their_enumeration(folder, arrangement, ends):
  generator, params, files = model(folder, arrangement, ends)
  rng = np.random.default_rng(0)
  ids = random_ids(rng, SIZES, 20, has_ends=ends)
  prompt = PROMPT, QUERIES[:, 0]
  search = functools.partial(beam_search, generator, beam_size=64)
  result = jax.device_get(
    jax.jit(search)(params, prompt, build_trie(ids, SIZES))
  )
  for row in range(2):
    scores = []
    for one in ids:
      codes = [c for c in one.tolist() if c >= 0]
      logits = level_logits(arrangement, files, ends, text(row, 0), codes)
      total = 0.0
      for scored, code in zip(logits, one.tolist()):
        total += scored[code] - np.log(np.exp(scored).sum())
        if code < 0:
          break
      scores.append(total)
    best = np.argsort(scores)[::-1]
    assert result.ids[row, : len(ids)].tolist() == best.tolist()
    np.testing.assert_allclose(
      result.log_probs[row, : len(ids)], np.array(scores)[best], atol=1e-4
    )


@CASES
def test_narrow_beams_score_as_training_does(folder, arrangement, ends):
  generator, params, _ = model(folder, arrangement, ends)
  ids = random_ids(np.random.default_rng(1), SIZES, 20, has_ends=False)
  prompt = PROMPT, QUERIES[:, 0]
  trie = build_trie(ids, SIZES, has_ends=ends)
  search = functools.partial(beam_search, generator, beam_size=(2, 3, 2))
  result = jax.jit(search)(params, prompt, trie)
  codes = result.codes[:, :1]
  logits = jax.jit(generator.apply)(params, PROMPT, QUERIES[:, :1], codes)
  total = sum(
    jnp.take_along_axis(
      jax.nn.log_softmax(scores), codes[:, :, level, None], axis=2
    )[..., 0]
    for level, scores in enumerate(logits)
  )
  np.testing.assert_allclose(result.log_probs[:, :1], total, atol=1e-4)


def test_codes_and_new_tokens_must_agree():
  decoder = make_decoder(QWEN, new=NewTokens(40, 12))
  with pytest.raises(ValueError, match=r"have 13 codes; .* has 12 new tokens"):
    TextToCodes(decoder, SIZES, ends=True)
  with pytest.raises(ValueError, match="has 0 new tokens"):
    TextToCodes(make_decoder(QWEN), SIZES)
