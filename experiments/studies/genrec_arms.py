"""The generators of the GenRec study, all of one token budget.

  point_wise        every clicked item of a page by itself, one shared prompt
  point_wise_alone  the same with a prompt of its own for every item (LC-Rec)
  page_wise         whole pages as one sequence
  page_wise_clicks  whole pages without what was only shown
  page_wise_tokens  whole pages, prompts of one position per code

A token is a position of the transformer that is not padding: of a prompt
(merged, in all arms) or of what follows it. The page-wise arm's steps set the
budget and the others take as many steps as use it up.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.untrained import build_untrained
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.generators.training_examples.page_examples import PageExamples
from gr_jax.generators.training_examples.single import Examples
from gr_jax.tokenizers.semantic_ids import SemanticIds

_COUNTED = 30  # Batches whose tokens stand for all.


@dataclasses.dataclass(frozen=True)
class Arm:
  """One generator.

  Attributes:
    label: for people.
    learns: "point_wise" or "page_wise".
    prompt_encoder: of prompts.
    changes: values of section examples that this arm has otherwise.
  """

  label: str
  learns: str
  prompt_encoder: str = "merge_items"
  changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


ARMS = {
  "point_wise": Arm("point-wise", "point_wise"),
  "point_wise_alone": Arm(
    "point-wise, a prompt each", "point_wise", changes={"targets": 1}
  ),
  "page_wise": Arm("page-wise", "page_wise"),
  "page_wise_clicks": Arm(
    "page-wise, clicks only", "page_wise", changes={"max_exposures": 0}
  ),
  "page_wise_tokens": Arm(
    "page-wise, not merged", "page_wise", "flatten_items"
  ),
}


def check_arms(names: tuple[str, ...]) -> None:
  """Raises ValueError unless all arms exist, page_wise among them."""
  unknown = [name for name in names if name not in ARMS]
  if unknown:
    raise ValueError(f"arms has {unknown[0]!r}; there are: {', '.join(ARMS)}.")
  if "page_wise" not in names:
    raise ValueError(f"arms is {tuple(names)}; page_wise sets the budget.")


def prompt_tokens(prompt: Prompt) -> int:
  """Positions of merged prompts that say something."""
  return int(prompt.mask[:, 0].sum() + 2 * prompt.mask[:, 1:].sum())


def batch_tokens(batch: Examples | PageExamples) -> int:
  """Positions of a batch that are not padding."""
  levels = batch.codes.shape[-1]
  if isinstance(batch, Examples):
    return prompt_tokens(batch.prompt) + levels * int(batch.mask.sum())
  there = int((batch.page < batch.ends.shape[1]).sum())
  ends = int(batch.ends.sum())
  return prompt_tokens(batch.prompt) + levels * there + ends


def _section(
  shared: ConfigDict, world: ConfigDict, arm: Arm, *, seed: int
) -> ConfigDict:
  """The generator section of an arm, with the steps of the page-wise one."""
  section = ConfigDict(shared.to_dict())
  examples = world.examples[arm.task].to_dict() | dict(arm.changes)
  return ConfigDict(
    section.to_dict()
    | {
      "seed": seed,
      "task": arm.task,
      "prompt_encoder": arm.prompt_encoder,
      "examples": examples,
    }
  )


def tokens_per_step(
  section: ConfigDict, data: Data, semantic_ids: SemanticIds
) -> float:
  """Mean of `batch_tokens` over the first batches."""
  task = build_untrained(section, data, semantic_ids).task()
  batches = itertools.islice(iter(task.batches), _COUNTED)
  return float(np.mean([batch_tokens(batch) for batch in batches]))


def generator_section(
  shared: ConfigDict,
  world: ConfigDict,
  name: str,
  data: Data,
  semantic_ids: SemanticIds,
  *,
  seed: int,
) -> tuple[ConfigDict, dict[str, float]]:
  """The section of an arm whose steps use up the budget, and what it uses.

  Args:
    shared: what all arms and worlds have; `loop.steps` of the page-wise arm.
    world: `examples.point_wise` and `examples.page_wise`.
    name: of the arm.
    data: of the world.
    semantic_ids: of its catalogue.
    seed: of the generator.
  """
  section = _section(shared, world, ARMS[name], seed=seed)
  pages = _section(shared, world, ARMS["page_wise"], seed=seed)
  each = tokens_per_step(section, data, semantic_ids)
  budget = tokens_per_step(pages, data, semantic_ids) * shared.loop.steps
  steps = max(1, round(budget / each))
  section.loop.update(steps=steps, checkpoint_every=steps)
  return section, {"steps": steps, "tokens": each * steps}
