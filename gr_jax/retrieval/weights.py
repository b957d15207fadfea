"""The weights of a run in four bits, for a search that reads them.

A search of few requests reads all weights once a level: bytes are its time
where the device multiplies what it reads, and its memory everywhere. Kernels of
the network become NVFP4, 0.56 bytes a weight where float32 has four; what
scores and what was counted stays. Answers differ a little.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gr_jax.choices import choose
from gr_jax.quantization.modes import MODES
from gr_jax.quantization.policy import Decision, Policy, decisions
from gr_jax.quantization.policy import quantize_params as _quantize_params

NVFP4 = "four_over_six_mse_256"
"""The format of the name "nvfp4": of those of NVFP4 the one that errs least."""

WEIGHTS = {"nvfp4": NVFP4} | {mode: mode for mode in MODES}
POLICY = Policy(min_dim=64)


def quantize_weights(
  variables: Mapping[str, Any], weights: str
) -> tuple[Mapping[str, Any], list[Decision]]:
  """What a generator reads, its kernels in the format `weights`.

  Args:
    variables: the parameters, and whatever else there is.
    weights: one of `WEIGHTS`; "" leaves all as it is.

  Returns:
    The variables, and what became of every array.

  Raises:
    ValueError: there is no such format, or no kernel is as wide as it needs.
  """
  if not weights:
    return variables, []
  mode = choose("weights", weights, WEIGHTS)
  found = _quantize_params(variables, POLICY, mode)
  made = decisions(variables, found, POLICY)
  if all(each.reason is not None for each in made):
    raise ValueError(
      f"weights={weights}: no kernel of this run has {POLICY.min_dim} rows and "
      "columns and whole blocks of rows, and nothing would change; leave it "
      "out."
    )
  return found, made


def summary(made: Sequence[Decision]) -> str:
  """A line: how many arrays are quantized, and their bytes."""
  kept = [each for each in made if each.reason is None]
  before, after = (
    sum(getattr(each, name) for each in kept) for name in ("before", "after")
  )
  return (
    f"{len(kept)} of {len(made)} arrays of weights are quantized: "
    f"{after / 1e6:,.2f} MB that were {before / 1e6:,.2f}"
  )
