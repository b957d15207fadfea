"""What stages that fit a ranker share: devices, bar, history, parameters."""

import contextlib
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import flax.serialization
import jax
from jax.sharding import Mesh

from gr_jax.atomic import write_bytes
from gr_jax.parallel.mesh import local_mesh
from gr_jax.progress_bar import make_bar

Progress = Callable[[int, dict[str, float]], None]
_PARAMS = "params.msgpack"


def on_devices(
  mesh: Mesh | None = None,
) -> contextlib.AbstractContextManager:
  """Lets devices share batches; one by itself needs no word.

  Args:
    mesh: the devices; None = all of this host, along data.
  """
  count = jax.local_device_count() if mesh is None else mesh.size
  if count == 1:
    return contextlib.nullcontext()
  return jax.set_mesh(mesh or local_mesh())


@contextlib.contextmanager
def progress_bar(
  name: str, *, steps: int
) -> Iterator[tuple[Progress, list[dict]]]:
  """A bar on stderr, moved by `progress(step, metrics)`, and the history.

  The history gets a row `{"step", **metrics}` at each call.
  """
  history: list[dict] = []
  with make_bar(name, total=steps) as bar:

    def progress(step: int, metrics: dict[str, float]) -> None:
      history.append({"step": step, **metrics})
      bar.update(step - bar.n)
      bar.set_postfix_str(f"loss {metrics['loss']:.3f}")

    yield progress, history


def save_params(directory: pathlib.Path, params: Any) -> None:
  """Writes parameters whole or not at all; the folder is made."""
  directory.mkdir(parents=True, exist_ok=True)
  write_bytes(
    directory / _PARAMS,
    flax.serialization.msgpack_serialize(jax.device_get(params)),
  )


def has_params(directory: pathlib.Path) -> bool:
  """Whether `save_params` wrote there."""
  return (directory / _PARAMS).exists()


def load_params(directory: pathlib.Path) -> Any:
  """Reads what `save_params` wrote."""
  return flax.serialization.msgpack_restore((directory / _PARAMS).read_bytes())
