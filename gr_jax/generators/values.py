"""What a generator that predicts values reads beside its parameters.

`{"values": {"edges", "means", "scale", "power", "rerank"}}`: the buckets of the
values (`objectives/value_buckets`), the power of their mean that is right on
average (`objectives/value_scale`), and how much values count in a search
(`decoding/value_ranking`).
"""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.objectives.value_buckets import ValueBuckets, expected_value
from gr_jax.objectives.value_scale import ValueScale

VALUES = "values.npz"
"""The file beside the parameters."""
_AS_IT_IS = ValueScale()


def value_variables(
  buckets: ValueBuckets, *, rerank: float = 0.0, scale: ValueScale = _AS_IT_IS
) -> dict[str, Any]:
  """The variables of these buckets.

  Args:
    buckets: the buckets of the values.
    rerank: how much values count in a search, 0 = not at all.
    scale: the power of their mean that predictions are.

  Raises:
    ValueError: `rerank` is below 0 or not finite.
  """
  if not 0 <= rerank < float("inf"):
    raise ValueError(f"rerank is {rerank}; give a finite number from 0 on.")
  values = {"edges": buckets.edges, "means": buckets.means}
  values |= _scale(scale) | {"rerank": np.float32(rerank)}
  return {"values": values}


def with_scale(variables: dict[str, Any], scale: ValueScale) -> dict[str, Any]:
  """The variables, all else as it was, with another scale."""
  return variables | {"values": variables["values"] | _scale(scale)}


def _scale(scale: ValueScale) -> dict[str, np.float32]:
  return {name: np.float32(x) for name, x in scale._asdict().items()}


def predicted_value(logits: jax.Array, values: dict[str, Any]) -> jax.Array:
  r"""$s (\sum_b p_b \bar v_b)^p$ `[...]` of logits `[..., B]`.

  Args:
    logits: those of the buckets.
    values: `variables["values"]`.
  """
  mean = expected_value(logits, values["means"])
  return values["scale"] * jnp.power(mean, values["power"])


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
    # What was written before there was a scale has none.
    return {"values": _scale(_AS_IT_IS) | dict(file)}
