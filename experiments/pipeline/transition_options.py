"""Whether a generator is told what follows what."""

from ml_collections import ConfigDict


def transitions_of(config: ConfigDict) -> dict[str, int]:
  """Options of `count_transitions`; empty where nothing is told.

  Args:
    config: generator section; may have `transitions` with `window`,
      `neighbours` (0 = nothing is told) and `last`.
  """
  told = config.get("transitions")
  return told.to_dict() if told and told.neighbours else {}
