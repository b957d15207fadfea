"""The few values of a config that name a piece of code."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def choose(key: str, name: str, options: Mapping[str, T]) -> T:
  """`options[name]`.

  Args:
    key: the key of the config, for the message.
    name: its value.
    options: what there is.

  Raises:
    ValueError: there is no such option.
  """
  if name not in options:
    raise ValueError(f"{key} is {name!r}; use one of {', '.join(options)}.")
  return options[name]
