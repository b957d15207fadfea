"""The version of kept sums: the numbers that they were made with.

The version of a run says where it lies; a run that is trained again in its
place has the same one. So sums go by the parameters that made them, and by what
else changes what they come to.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

import gr_jax


def state_version(params: Any, section: Mapping[str, Any] | None = None) -> str:
  """Returns SHA-256 of parameters, configuration and library version.

  Args:
    params: the parameters that sums are made with, those of embeddings too, and
      no others: sums outlive a change of the rest.
    section: values beside the parameters that sums depend on.
  """
  digest = hashlib.sha256(
    repr((gr_jax.__version__, sorted((section or {}).items()))).encode()
  )
  leaves = jax.tree.leaves_with_path(params)
  for path, leaf in sorted(
    leaves, key=lambda one: jax.tree_util.keystr(one[0])
  ):
    array = np.ascontiguousarray(leaf)
    head = (jax.tree_util.keystr(path), array.dtype.name, array.shape)
    digest.update(repr(head).encode())
    digest.update(array.tobytes())
  return digest.hexdigest()[:16]
