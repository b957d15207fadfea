"""Keys of configs: those that were renamed, and those that never were."""

import re
from typing import Any

from gr_jax import command_line

# As of 0.1.0 -> now.
RENAMED = {
  "vectors.collaborative_weight": "vectors.copurchase_weight",
  "generator.learns": "generator.task",
  "generator.arrangement": "generator.prompt_encoder",
  "evaluation.free_beam": "evaluation.unconstrained_beam",
  "evaluation.knn_window": "evaluation.knn_windows",
  "align.held_out": "align.validation",
  "align.asked": "align.prompts",
  "align.rates": "choices",
  "arms": "variants",
  "policies": "variants",
}


def check_renamed(config: Any) -> None:
  """Refuses a config with a key of an earlier version.

  Raises:
    ValueError: names the old key and the new one.
  """
  for old, new in RENAMED.items():
    *sections, key = old.split(".")
    section = config
    for name in sections:
      section = section.get(name, {})
    if key in section:
      raise ValueError(f"config.{old} is now config.{new}; rename it.")


def unknown_key(error: KeyError | AttributeError, argv: list[str]) -> str:
  """Names the override that the config has no place for."""
  key = (re.search(r"\w+", str(error)) or [""])[0]
  near = re.search(r'Did you mean "(\w+)"', str(error))
  for flag in argv:
    name = flag.lstrip("-").partition("=")[0]
    if not name.startswith("config.") or key not in name.split("."):
      continue
    for old, new in RENAMED.items():
      if f"{name}.".startswith(f"config.{old}."):
        return f"--{name}: config.{old} is now config.{new}."
    hint = f"; did you mean {near[1]!r}?" if near else "."
    return f"--{name}: the config has no {key!r}{hint}"
  return command_line.one_line(error)
