"""Short texts that all hosts read and write, by key."""

import contextlib
from typing import Any, Protocol

from gr_jax.parallel import private_jax

_ROOT = "gr_jax"


class Store(Protocol):
  """What every host of a run sees alike."""

  def put(self, key: str, text: str) -> None:
    """Writes a text, in place of the one that is there."""
    ...

  def put_first(self, key: str, text: str) -> bool:
    """Writes a text where there is none; whether it did."""
    ...

  def read(self, folder: str) -> dict[str, str]:
    """All texts whose keys are `FOLDER/NAME`, by name."""
    ...


class CoordinatorStore:
  """The store of JAX's coordinator, which is a thread of the first host.

  Calls fail where the first host is gone, and wait where it stands still.
  """

  def __init__(self, client: Any | None = None):
    self._client = client or private_jax.client()

  def put(self, key: str, text: str) -> None:
    self._client.key_value_set(f"{_ROOT}/{key}", text, allow_overwrite=True)

  def put_first(self, key: str, text: str) -> bool:
    with contextlib.suppress(Exception):
      # It fails where there is one; the answer is what is there then.
      self._client.key_value_set(f"{_ROOT}/{key}", text)
      return True
    return False

  def read(self, folder: str) -> dict[str, str]:
    found = self._client.key_value_dir_get(f"{_ROOT}/{folder}/")
    return {key.rpartition("/")[2]: text for key, text in found}
