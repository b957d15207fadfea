"""All checks, in the order of their worth."""

from typing import NamedTuple


class Entry(NamedTuple):
  """A check, by name, and what it needs.

  Attributes:
    place: `module:function` in this folder; imported where it runs.
    least: the seconds below which the full form does not begin it.
    needs: the packages that it cannot do without.
  """

  place: str
  least: float
  needs: tuple[str, ...] = ()


# What has a bar comes first. Those of torch run in a process of their own, when
# JAX has given the device's memory back.
JAX_CHECKS = {
  "machine": Entry("machine:check", 5),
  "search": Entry("search:check", 60),
  "training": Entry("training:check", 45),
  "kernels": Entry("kernels:check", 20),
  "equality": Entry("equality:check", 20),
  "tokenizers": Entry("tokenizers:check", 15),
  "wider search": Entry("search:check_wider", 45),
  "unstacked search": Entry("search:check_unstacked", 60),
}
TORCH_CHECKS = {
  "search": Entry("torch_search:check", 30, ("torch", "transformers")),
  "training": Entry("torch_training:check", 15, ("torch", "transformers")),
  "tokenizers": Entry("torch_tokenizers:check", 5, ("torch",)),
}
SIDES = {"jax": JAX_CHECKS, "torch": TORCH_CHECKS}
