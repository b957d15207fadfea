"""Training that stops at the first number that is not finite.

A step says on the device which of its losses, gradients and parameters is the
first that is not finite. The host reads that number once the next step is under
way, so neither waits for the other, and before anything of a step is written: a
checkpoint never holds a NaN, and the last good one stays.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

FIRST_BAD = "first_bad"
"""The metric that `first_bad` gives; loops take it out of the row."""

Part = tuple[str, Any]
"""Words before the names of a tree's leaves, and the tree."""


class NotFinite(ValueError):
  """A loss, reward, gradient or parameter is NaN or infinite."""


def step_parts(metrics: dict[str, Any], gradients, params) -> list[Part]:
  """The parts of a step of gradient descent, in the order of its work.

  Args:
    metrics: of the step; "/grad_norm" ends the name of the whole norm.
    gradients: `leaf_norms` of them. On the host, where only names are read,
      `params` may stand for them.
    params: after the update.
  """
  norm = {name for name in metrics if name.endswith("/grad_norm")}
  return [
    ("", {name: metrics[name] for name in metrics.keys() - norm}),
    ("the gradient norm of ", gradients),
    ("", {name: metrics[name] for name in norm}),
    ("the parameter ", params),
  ]


def named_parts(metrics: dict[str, Any], params) -> Callable[[], list[Part]]:
  """The parts of a step on the host, whose names are read after a failure."""
  return lambda: step_parts(metrics, params, params)


def leaf_norms(gradients: Any) -> Any:
  """The norm of every leaf: what the norm of the whole adds up, so it is free.

  Gradients themselves would have to be read once more.
  """
  return jax.tree.map(optax.tree.norm, gradients)


def first_bad(parts: Sequence[Part]) -> jax.Array:
  """The number of the first leaf with a NaN or an infinity; -1 for none."""
  leaves = [leaf for _, tree in parts for leaf in jax.tree.leaves(tree)]
  # Integers are finite, and keys of random numbers have no such question.
  flags = [
    jnp.isfinite(x).all()
    if jnp.issubdtype(x.dtype, jnp.inexact)
    else jnp.array(True)
    for x in leaves
  ]
  finite = jnp.stack(flags)
  return jnp.where(finite.all(), -1, jnp.argmin(finite)).astype(jnp.int32)


def leaf_sentence(parts: Sequence[Part], number: int) -> str:
  """Says what leaf `number` of `first_bad` is, by name.

  A leaf of a part without words is a metric of the step, whose value is known.
  """
  named = [
    (words, jax.tree_util.keystr(path, simple=True, separator="/"), leaf)
    for words, tree in parts
    for path, leaf in jax.tree.leaves_with_path(tree)
  ]
  words, name, leaf = named[number]
  return f"{words}{name} is {'not finite' if words else f'{float(leaf):g}'}"


class Watch:
  """Reads what `first_bad` found, a step behind the device.

  Args:
    name: what is trained, for the message.
    kept: the step of the last checkpoint; 0 where there is none.
    advice: what to do, a sentence without its end.

  Attributes:
    kept: as given; the loop moves it on.
  """

  def __init__(self, name: str, *, kept: int, advice: str):
    self.kept = kept
    self._name, self._advice = name, advice
    self._pending: tuple[int, Any, Callable[[], Sequence[Part]]] | None = None

  def see(
    self, step: int, found: Any, parts: Callable[[], Sequence[Part]]
  ) -> None:
    """Remembers what a step found, and checks the step before it.

    Args:
      step: the number of steps done, this one included.
      found: `first_bad` of the step.
      parts: gives its parts, of which the names are read.

    Raises:
      NotFinite: the step before was not finite.
    """
    self.check()
    self._pending = step, found, parts

  def check(self) -> None:
    """Checks the step that was seen last; waits for it.

    Raises:
      NotFinite: it was not finite.
    """
    if self._pending is None:
      return
    (step, found, parts), self._pending = self._pending, None
    number = int(np.asarray(found))
    if number < 0:
      return
    kept = (
      f"the checkpoint of step {self.kept} is kept"
      if self.kept
      else "no checkpoint was written before it"
    )
    raise NotFinite(
      f"{self._name} stopped at step {step}: {leaf_sentence(parts(), number)}; "
      f"{kept}. {self._advice}."
    )
