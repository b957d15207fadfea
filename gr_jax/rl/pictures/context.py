"""What updates and rollouts of pictures read beside what is trained."""

from collections.abc import Callable
from typing import Any

import jax
from flax import struct

Velocity = Callable[[Any, jax.Array, jax.Array, Any], jax.Array]
"""`(variables, x [N, ...], t [N], prompts) -> v [N, ...]`, without guidance, of
trained and fixed variables in one tree."""


@struct.dataclass
class FlowContext:
  """Arrays that every step reads and none changes.

  Attributes:
    reference: the parameters that the divergence compares with.
    fixed: collections of variables that the network reads beside those that are
      trained. With LoRA `{"frozen": base}`, and the parameters everywhere are
      `{"params": adapter}` (`nn.lora.in_one` makes one of both).
  """

  reference: Any
  fixed: dict[str, Any] = struct.field(default_factory=dict)

  def variables(self, params: dict[str, Any]) -> dict[str, Any]:
    """What the network reads: parameters, and what is fixed."""
    return {**self.fixed, **params}
