import jax
import numpy as np

from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.greedy import greedy
from gr_jax.generators.pretrained.load import load_params
from tests.reference import plain_llama
from tests.reference.small_pretrained import QWEN, write_model


def test_each_token_is_the_most_probable_given_all_before(tmp_path):
  files = write_model(tmp_path, QWEN)
  params = load_params(tmp_path, QWEN)
  texts = [[3, 1, 4, 1, 5], [9, 2]]
  # One padded in front, one behind.
  tokens = np.array([[0, 3, 1, 4, 1, 5], [9, 2, 0, 0, 0, 0]], np.int32)
  mask = np.array([[0, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]], bool)
  run = jax.jit(lambda *inputs: greedy(make_decoder(QWEN), *inputs, count=5))
  found = np.asarray(run(params, tokens, mask))
  assert found.shape == (2, 5)
  for row, text in zip(found.tolist(), texts):
    for token in row:
      scores = plain_llama.logits(QWEN, files, text)[-1]
      assert token == scores.argmax()
      text = [*text, token]
