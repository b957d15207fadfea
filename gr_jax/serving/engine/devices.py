"""Where the arrays of a server's searches lie.

On one device they lie where they were loaded and written, in the form that a
search reads soonest. On a mesh they lie as in evaluation
(`retrieval.retriever`): parameters by the rules of searches, the catalogue
whole on every device, requests shared by the devices along data. A version of
the catalogue is sent once, when it is first searched.
"""

from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from gr_jax.decoding.filters import RowMask
from gr_jax.decoding.trie import Trie
from gr_jax.generators import placement
from gr_jax.generators.build import Network
from gr_jax.parallel.mesh import batch_parts, batch_sharding, replicated
from gr_jax.retrieval.compiled_search import SearchInputs
from gr_jax.retrieval.search_layout import search_layout
from gr_jax.serving.catalogue.snapshot import Snapshot


class _Placed(NamedTuple):
  """A version of the catalogue on the mesh, beside the parameters."""

  snapshot: Snapshot
  variables: Any
  trie: Trie


class Devices:
  """Gathers the arguments of a search where it runs.

  Args:
    model: the network.
    params: its parameters.
    mesh: the devices; None = the one that has the parameters.

  Attributes:
    shared_by: the number of devices that share a batch.
    one_by_one: whether each request is searched by itself, as on a CPU.

  Raises:
    ValueError: the mesh does not divide the heads of the network.
  """

  def __init__(self, model: Network, params: Any, mesh: Mesh | None = None):
    self._model, self._mesh = model, mesh
    self._params = search_layout(model, params) if mesh is None else params
    self._last: _Placed | None = None
    self.shared_by = 1
    self.one_by_one = mesh is None and jax.default_backend() == "cpu"
    if mesh is not None:
      placement.check_heads(model.config, mesh)
      self.shared_by = batch_parts(mesh)

  def inputs(
    self, prompt: Any, allowed: RowMask, snapshot: Snapshot, *, count: int
  ) -> SearchInputs:
    """The arguments of a search for `prompt` under the masks `allowed`.

    Args:
      prompt: prompts and queries.
      allowed: the masks.
      snapshot: the catalogue.
      count: the number of rows that are requests; others are filled up.
    """
    if self._mesh is None:
      variables = {**self._params, **snapshot.counts}
      rows = np.int32(count) if self.one_by_one else None
      return SearchInputs(variables, prompt, snapshot.live.trie, allowed, rows)
    last = self._last
    if last is None or last.snapshot is not snapshot:
      last = self._last = self._placed(snapshot, self._mesh)
    rows = jax.device_put((prompt, allowed), batch_sharding(self._mesh))
    return SearchInputs(last.variables, rows[0], last.trie, rows[1])

  def _placed(self, snapshot: Snapshot, mesh: Mesh) -> _Placed:
    trie = jax.device_put(snapshot.live.trie, replicated(mesh))
    if self._last is None:
      variables = {**self._params, **snapshot.counts}
      shardings = placement.search_shardings(self._model, variables, mesh)
      placed = placement.place_for_search(variables, mesh, shardings)
    else:
      # The parameters stay where they are.
      counts = placement.place_counts(snapshot.counts, mesh)
      placed = self._last.variables | counts
    return _Placed(snapshot, placed, trie)


def shared_sizes(sizes: tuple[int, ...], devices: int) -> tuple[int, ...]:
  """Sizes of batches that the devices share evenly, smallest first."""
  return tuple(np.unique([-(-size // devices) * devices for size in sizes]))
