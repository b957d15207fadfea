"""The ways of aligning one generator that the EG-GRPO study compares.

All start from the same trained generator and take as many steps over the same
requests; an arm differs from K = 0 by its experts, by the divergence, or, in
the control, by having no rollouts at all.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

BASELINE = "sft"
# What experts are compared with: a group of samples alone.
WITHOUT_EXPERTS = "k0"
# What arms are compared with, in worlds that have it.
COMPARED = (BASELINE, WITHOUT_EXPERTS, "k0_free")


@dataclasses.dataclass(frozen=True)
class Arm:
  """One way.

  Attributes:
    label: for people.
    changes: values of section align that this arm has otherwise.
  """

  label: str
  changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _experts(clicked: int, exposed: int = 0) -> dict[str, int]:
  return {"prompts.clicked": clicked, "prompts.exposed": exposed}


# `sft` itself is not aligned at all.
ARMS = {
  BASELINE: Arm("SFT"),
  "sft_longer": Arm(
    "SFT, as many further steps",
    # One sample that nothing reads: a group cannot be empty.
    {
      "prompts.positives": 4,
      "group_size": 1,
      "policy": "unconstrained",
      "loss": "none",
      "kl_coef": 0.0,
      "nll_coef": 1.0,
    }
    | _experts(0),
  ),
  WITHOUT_EXPERTS: Arm("K = 0 (GRPO)", _experts(0)),
  "k1": Arm("K = 1: a click", _experts(1)),
  "k2": Arm("K = 2: two clicks", _experts(2)),
  "k2_mixed": Arm("K = 2: a click, an exposure", _experts(1, 1)),
  "k4": Arm("K = 4: a click, three exposures", _experts(1, 3)),
  "k0_free": Arm("K = 0, no KL", _experts(0) | {"kl_coef": 0.0}),
  "k1_free": Arm("K = 1: a click, no KL", _experts(1) | {"kl_coef": 0.0}),
  "k2_free": Arm("K = 2: two clicks, no KL", _experts(2) | {"kl_coef": 0.0}),
}


def check_arms(names: tuple[str, ...]) -> None:
  """Raises ValueError unless SFT, K = 0 and a third arm are there."""
  unknown = [name for name in names if name not in ARMS]
  if unknown:
    raise ValueError(f"arms has {unknown[0]!r}; there are: {', '.join(ARMS)}.")
  needed = {BASELINE, WITHOUT_EXPERTS}
  if not needed < set(names) or len(set(names)) < len(names):
    raise ValueError(
      f"arms is {tuple(names)}; give {BASELINE!r}, {WITHOUT_EXPERTS!r} and at "
      "least one other, each once."
    )


def align_section(shared: ConfigDict, name: str, *, seed: int) -> ConfigDict:
  """Section align of an arm and seed; its name is part of the fingerprint."""
  section = ConfigDict(shared.to_dict())
  section.seed = seed
  section.name = f"{shared.name} {name}"
  section.update_from_flattened_dict(dict(ARMS[name].changes))
  rates = section.rates
  del section.rates
  section.optimizer.learning_rate = rates.get(name, rates.others)
  return section
