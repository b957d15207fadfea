"""The loss that a config names, with its options."""

import functools
import inspect
from collections.abc import Callable, Mapping

import jax

from gr_jax.choices import choose
from gr_jax.rl.advantages import ADVANTAGES
from gr_jax.rl.losses import grpo, listwise, preference, unified
from gr_jax.rl.scored_group import ScoredGroup

Loss = Callable[[ScoredGroup], jax.Array]

LOSSES = {
  "grpo": grpo.grpo_loss,
  "dapo": grpo.dapo_loss,
  "dr_grpo": grpo.dr_grpo_loss,
  "gspo": grpo.gspo_loss,
  "ecpo": grpo.ecpo_loss,
  "eg_grpo": grpo.eg_grpo_loss,
  "grpo_sr": grpo.grpo_sr_loss,
  "dpo": preference.dpo_loss,
  "s_dpo": preference.s_dpo_loss,
  "best_worst_dpo": preference.best_worst_dpo_loss,
  "lambda": listwise.lambda_loss,
  "rspo": listwise.rspo_loss,
  "unified": unified.unified_loss,
  "none": grpo.zero_loss,
}


def build_loss(
  name: str,
  *,
  advantages: str = "",
  options: Mapping[str, float | None] | None = None,
) -> Loss:
  """The loss of that name.

  Args:
    name: one of `LOSSES`.
    advantages: one of `ADVANTAGES`; "" leaves the loss its own.
    options: keyword arguments of the loss; a value of None leaves its default.

  Raises:
    ValueError: there is no such loss, or it has no such option.
  """
  loss = choose("align.loss", name, LOSSES)
  known = set(inspect.signature(loss).parameters) - {"group"}
  chosen = {k: v for k, v in (options or {}).items() if v is not None}
  unknown = sorted(chosen.keys() - (known - {"advantages"}))
  if unknown:
    raise ValueError(
      f"align.loss_options has {unknown[0]!r}; the options of {name} are: "
      f"{', '.join(sorted(known - {'advantages'})) or 'none'}."
    )
  if advantages:
    if "advantages" not in known:
      raise ValueError(
        f"align.advantages is {advantages!r}, but {name} has no advantages: "
        "leave it empty."
      )
    chosen["advantages"] = choose("align.advantages", advantages, ADVANTAGES)
  return functools.partial(loss, **chosen) if chosen else loss
