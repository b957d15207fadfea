"""A training of seconds whose hosts fail as they are told."""

from ml_collections import ConfigDict


def get_config(preset: str = ""):
  del preset
  return ConfigDict(
    {
      "experiment": "watched",
      "steps": 12,
      "fault": {"kind": "none", "host": 0, "step": 0},
      "step_seconds": 0.0,
      "hosts": {"limit": 40.0},
    }
  )
