"""Keys of configs: those that were renamed, and those that never were."""

import copy
import re
from collections.abc import Mapping
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

# Keys that came later, at the value that changes nothing, and values that were
# spelt otherwise: artefacts are stored without the first and with the second,
# so that what was made before is used as it is.
_NEUTRAL = {"loop.micro_batches": 1, "model.attention": "auto"}
# Sections that came later, and the value that leaves them without effect.
_NEUTRAL_SECTIONS = {"explore": ("candidates", 0)}
# Choices that came later, the one that was there before, and the sections that
# only others read.
_NEUTRAL_CHOICES = {
  "objective": ("nft", ("flow_grpo",)),
  "reward": ("judge", ("guard",)),
}
# Sections and keys that no figure depends on.
_NEVER_STORED = ("hosts",)
_KEYS_NEVER_STORED = ("loop.log_every",)
_STORED_AS = {"model.remat": {"none": False, "full": True}}
# No figure depends on the mesh: what one was training, another goes on with.
_ANY_MESH = {"data": 0, "model": 1}


def stored(section: Mapping[str, Any]) -> dict[str, Any]:
  """A section of a config as manifests and fingerprints have it."""
  found = copy.deepcopy(dict(section))
  for name in _NEVER_STORED:
    found.pop(name, None)
  for path in _KEYS_NEVER_STORED:
    part, key = path.split(".")
    found.get(part, {}).pop(key, None)
  for path, value in _NEUTRAL.items():
    part, key = path.split(".")
    if found.get(part, {}).get(key) == value:
      del found[part][key]
  for name, (key, value) in _NEUTRAL_SECTIONS.items():
    if found.get(name, {}).get(key) == value:
      del found[name]
  for name, (value, sections) in _NEUTRAL_CHOICES.items():
    if found.get(name) == value:
      for unread in (name, *sections):
        found.pop(unread, None)
  if "mesh" in found:
    found["mesh"] = dict(_ANY_MESH)
  for path, names in _STORED_AS.items():
    part, key = path.split(".")
    if key in found.get(part, {}):
      old = found[part][key]
      found[part][key] = names.get(old, old)
  return found


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
