"""What a generator that predicts values reads beside its parameters.

`{"values": {"edges", "means", "rerank"}}`: the buckets of the values
(`objectives/value_buckets`), and how much values count in a search
(`decoding/value_ranking`).
"""

import pathlib
from typing import Any

import numpy as np

from gr_jax.objectives.value_buckets import ValueBuckets

VALUES = "values.npz"
"""The file beside the parameters."""


def value_variables(buckets: ValueBuckets, *, rerank: float) -> dict[str, Any]:
  """The variables of these buckets."""
  parts = {"edges": buckets.edges, "means": buckets.means}
  return {"values": parts | {"rerank": np.float32(rerank)}}


def buckets_of(variables: dict[str, Any]) -> ValueBuckets:
  """The buckets of `value_variables`."""
  values = variables["values"]
  return ValueBuckets(values["edges"], values["means"])


def save_values(directory: pathlib.Path, variables: dict[str, Any]) -> None:
  """Writes the variables into the folder of a generator."""
  np.savez(directory / VALUES, **variables["values"])


def load_values(directory: pathlib.Path) -> dict[str, Any]:
  """Reads what `save_values` wrote; `{}` where there is nothing."""
  path = directory / VALUES
  if not path.is_file():
    return {}
  with np.load(path) as file:
    return {"values": {name: file[name] for name in file.files}}
