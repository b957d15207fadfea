import jax
import numpy as np

from gr_jax.generators.candidates_alone import kinds_of
from gr_jax.generators.pretrained.text_prompt import TextPrompt


def test_a_prompt_masks_what_is_no_token_and_is_a_tree_of_rows():
  prompt = TextPrompt(np.array([[-1, 0, 7], [3, -1, -1]], np.int32))
  assert prompt.mask.tolist() == [[False, True, True], [True, False, False]]
  first = jax.tree.map(lambda x: x[:1], prompt)
  assert first.tokens.tolist() == [[-1, 0, 7]]
  assert kinds_of(prompt) is None
