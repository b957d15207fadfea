"""One context of MLIR for all programs of a thread.

JAX makes a context for every program and keeps it, about a megabyte each.
Making one takes the longer the more there are, and thousands of small programs,
which the compilation cache has already, spend most of their time on it.
"""

import threading


def share() -> None:
  """From now on; nothing changes with a JAX that makes contexts elsewhere."""
  try:
    from jax._src.interpreters import mlir
  except ImportError:
    return
  make = getattr(mlir, "make_ir_context", None)
  if make is None:
    return
  of_thread = threading.local()

  def shared():
    if not hasattr(of_thread, "context"):
      of_thread.context = make()
    return of_thread.context

  mlir.make_ir_context = shared
