"""What is trained of a pretrained decoder: a change of low rank, or everything.

With LoRA (Hu et al. 2021, arXiv 2106.09685) the projections get a change of low
rank (`nn.lora`), and the rows of new tokens are trained whole: nothing else
would ever move them. q, k and v share one `A`, since they are one product here
[OURS].
"""

from collections.abc import Callable

import jax
import optax

from gr_jax.nn.flat_tree import flatten, unflatten
from gr_jax.nn.lora import ADAPTER

TRAINED = (*ADAPTER, "new_embedding", "new_head")
"""The parameters that move under LoRA."""


def lora_mask(params: dict) -> dict:
  """True for each parameter that moves under LoRA, new rows included."""
  return unflatten({path: path[-1] in TRAINED for path in flatten(params)})


def train_only(
  optimizer: optax.GradientTransformation, mask: dict
) -> optax.GradientTransformation:
  """The optimizer on what a mask says True for; the rest stands still.

  What stands still has no moments, and its gradient counts in no norm.
  """
  labels = jax.tree.map(lambda moves: "moves" if moves else "stays", mask)
  return optax.partition(
    {"moves": optimizer, "stays": optax.set_to_zero()}, labels
  )


def split_params(params: dict, mask: dict) -> tuple[dict, Callable]:
  """What is trained, and a function that puts it back.

  A gradient with respect to the first costs no gradient of what stands still:

    trained, joined = split_params(params, mask)
    jax.grad(lambda trained: loss(joined(trained)))(trained)

  Returns:
    A flat dictionary of the trained parameters, and the function from such a
    one to all parameters.
  """
  flat = flatten(params)
  moves = flatten(mask)
  trained = {path: value for path, value in flat.items() if moves[path]}

  def joined(trained: dict) -> dict:
    return unflatten(flat | trained)

  return trained, joined
