import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.quantization import policy
from gr_jax.quantization.policy import Policy, quantize_params
from gr_jax.quantization.qtensor import QTensor

NORMAL = jax.random.normal(jax.random.key(0), (2, 32, 64))
PARAMS = {
  "params": {
    "blocks": {
      "mlp": {"kernel": NORMAL, "bias": jnp.ones((2, 64))},
      "qkv": {"kernel": NORMAL[..., :16]},
      "odd": {"kernel": NORMAL[:, :24]},
      "lora_a": NORMAL[..., :32],
      "norm": {"kernel": NORMAL},
    },
    "head": {"kernel": NORMAL[0]},
    "token_embedding": NORMAL[0],
    "steps": jnp.int32(3),
  }
}
SMALL = Policy(min_dim=20)


def quantized_paths(found):
  leaves = jax.tree.leaves_with_path(
    found, is_leaf=lambda x: isinstance(x, QTensor)
  )
  return {
    "/".join(part.key for part in path[1:])
    for path, leaf in leaves
    if isinstance(leaf, QTensor)
  }


def test_wide_kernels_become_qtensors_and_nothing_else():
  found = quantize_params(PARAMS, SMALL, "torchao")
  assert quantized_paths(found) == {"blocks/mlp/kernel"}
  mlp = found["params"]["blocks"]["mlp"]
  assert mlp["kernel"].shape == (2, 32, 64)
  assert mlp["bias"] is PARAMS["params"]["blocks"]["mlp"]["bias"]


@pytest.mark.parametrize(
  ("change", "more"),
  [
    ({"min_dim": 16}, {"blocks/qkv/kernel"}),
    ({"skip": ()}, {"blocks/norm/kernel", "head/kernel"}),
    ({"skip": ("mlp", "*norm*")}, {"head/kernel"}),
    ({"names": ("token_embedding",), "skip": ()}, {"token_embedding"}),
    ({"skip": ("params/blocks/*",)}, {"head/kernel"}),
    ({"skip": ("params/*d/*", "norm")}, {"blocks/mlp/kernel"}),
    ({"wider_than": 63, "skip": ()}, {"blocks/norm/kernel", "head/kernel"}),
    ({"wider_than": 64, "skip": ()}, set()),
  ],
)
def test_each_rule_is_the_policy_s(change, more):
  found = quantize_params(
    PARAMS, Policy(**{"min_dim": 20, **change}), "torchao"
  )
  kept = {"blocks/mlp/kernel"}
  skipped = {"mlp", "params/blocks/*"} & set(change.get("skip", ()))
  if skipped or "names" in change or change.get("wider_than") == 64:
    kept = set()
  assert quantized_paths(found) == kept | more


def test_the_rest_takes_the_type_that_is_given():
  found = quantize_params(PARAMS, Policy(20, rest=jnp.bfloat16), "torchao")
  assert found["params"]["token_embedding"].dtype == jnp.bfloat16
  assert found["params"]["steps"].dtype == jnp.int32
  assert found["params"]["blocks"]["mlp"]["kernel"].dtype == jnp.float32


def test_what_is_quantized_stays():
  once = quantize_params(PARAMS, SMALL, "torchao")
  twice = quantize_params(once, SMALL, "int4")
  assert quantized_paths(twice) == quantized_paths(once)
  ours, theirs = (
    tree["params"]["blocks"]["mlp"]["kernel"] for tree in (once, twice)
  )
  np.testing.assert_array_equal(ours.codes, theirs.codes)


def test_the_table_counts_every_byte_once():
  found = quantize_params(PARAMS, SMALL, "torchao")
  rows = policy.decisions(PARAMS, found, SMALL)
  assert sum(row.before for row in rows) == sum(
    leaf.nbytes for leaf in jax.tree.leaves(PARAMS)
  )
  assert sum(row.after for row in rows) == sum(
    leaf.nbytes for leaf in jax.tree.leaves(found)
  )
  reasons = {row.path.split("/", 1)[1]: row.reason for row in rows}
  assert reasons == {
    "blocks/mlp/kernel": None,
    "blocks/mlp/bias": "no kernel",
    "blocks/qkv/kernel": "narrower than 20",
    "blocks/odd/kernel": "24 is no multiple of 16",
    "blocks/lora_a": "no kernel",
    "blocks/norm/kernel": "skipped: *norm*",
    "head/kernel": "skipped: *head*",
    "token_embedding": "no kernel",
    "steps": "no kernel",
  }
  text = policy.table(rows).splitlines()
  row = "params/blocks/mlp/kernel 2 x 32 x 64 16,384 2,312 0.564"
  assert " ".join(text[1].split()) == row
  assert text[-1].startswith("all ")


def test_the_table_of_shapes_is_that_of_arrays():
  """So that what does not fit here is counted without being made."""
  shapes = jax.eval_shape(lambda: PARAMS)
  found = jax.eval_shape(lambda: quantize_params(PARAMS, SMALL, "torchao"))
  arrays = quantize_params(PARAMS, SMALL, "torchao")
  assert policy.decisions(shapes, found, SMALL) == policy.decisions(
    PARAMS, arrays, SMALL
  )


def test_an_unknown_mode_is_an_error():
  with pytest.raises(ValueError, match="is 'fp4'; use one of torchao,"):
    quantize_params(PARAMS, SMALL, "fp4")
