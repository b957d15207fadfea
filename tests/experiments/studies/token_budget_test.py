"""Tokens are positions that are not padding."""

import numpy as np

from experiments.studies.token_budget import batch_tokens
from tests.reference.small_world import semantic_ids
from tests.reference.tasks import started

LEVELS = len(semantic_ids().level_sizes)


def prompt_positions(prompt) -> int:
  """Counted one by one: a profile, and two for every item."""
  return sum(
    (2 if column else 1)
    for row in prompt.mask
    for column, there in enumerate(row)
    if there
  )


def test_tokens_of_single_items_are_prompts_and_codes(tmp_path):
  _, _, _, batch = started("point_wise", tmp_path)
  wanted = prompt_positions(batch.prompt) + LEVELS * int(batch.mask.sum())
  assert batch_tokens(batch) == wanted


def test_tokens_of_pages_are_prompts_codes_and_ends(tmp_path):
  _, _, _, batch = started("page_wise", tmp_path)
  codes = LEVELS * int((batch.weights > 0).sum())
  wanted = prompt_positions(batch.prompt) + codes + int(batch.ends.sum())
  assert batch_tokens(batch) == wanted
  longer = batch.replace(
    codes=np.pad(batch.codes, ((0, 0), (0, 2), (0, 0))),
    page=np.pad(batch.page, ((0, 0), (0, 2)), constant_values=2),
  )
  assert batch_tokens(longer) == wanted  # Padding costs nothing.
