import collections
import importlib.util
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import AbstractDevice, AbstractMesh

from gr_jax.nn.attention_choice import (
  KERNELS,
  SHORTEST,
  choose_attention,
  current_platform,
)
from gr_jax.nn.attention_mask import (
  Blocks,
  branch_mask,
  causal_mask,
  two_way_mask,
)
from gr_jax.nn.cudnn_attention import CudnnAttention
from gr_jax.nn.precision import dot_general
from gr_jax.nn.splash_attention import SplashAttention
from gr_jax.nn.transformer import Transformer, TransformerConfig
from gr_jax.parallel.mesh import AXES
from tests.reference.noisy import noisy

BF16 = dot_general("bfloat16")
LENGTH = max(SHORTEST.values())
MASK = causal_mask(jnp.ones((1, LENGTH), bool))


def on(platform, *, sequence=1):
  """A mesh of one device, or of several along sequence, of a platform."""
  device = AbstractDevice("some", 1, platform)
  sizes = [sequence if axis == "sequence" else 1 for axis in AXES]
  mesh = AbstractMesh(tuple(sizes), AXES, abstract_device=device)
  return jax.sharding.use_abstract_mesh(mesh)


def choice(mask=MASK, name="auto", product=BF16, **options):
  """The type of the kernel, or `jax.Array` of the plain form.

  It is traced, as in a model: nothing runs on a device that is not here.
  """
  found = None

  def choose():
    nonlocal found
    given = {"head_size": 64, "dot_general": product}
    found = choose_attention(mask, name, **given, **options)

  jax.eval_shape(choose)
  return jax.Array if isinstance(found, jax.Array) else type(found)


def test_every_platform_has_its_own():
  assert choice() is jax.Array
  with on("tpu"):
    assert current_platform() == "tpu"
    assert choice() is SplashAttention
    assert choice(product=jax.lax.dot_general) is SplashAttention
  with on("gpu"):
    assert current_platform() == "gpu"
    assert choice() is CudnnAttention


def test_the_plain_form_is_taken_where_a_kernel_does_not_pay_or_cannot():
  few_rows = two_way_mask(MASK.there, Blocks(LENGTH), Blocks(0, 5, 3))
  bias = jnp.zeros((2, LENGTH, LENGTH))
  long = causal_mask(jnp.ones((1, 2 * LENGTH)))
  for platform, kernel in KERNELS.items():
    short = causal_mask(jnp.ones((1, SHORTEST[kernel] - 1), bool))
    with on(platform):
      assert choice(short) is choice(few_rows) is jax.Array
      assert choice(dropped=True) is choice(name="plain") is jax.Array
  with on("gpu"):
    assert choice(product=jax.lax.dot_general) is jax.Array
    assert choice(bias=bias) is CudnnAttention
  with on("tpu"):
    assert choice(bias=bias) is jax.Array
  with on("gpu", sequence=2):
    assert choice() is jax.Array
  with on("tpu", sequence=2):
    assert choice() is jax.Array
    assert choice(long) is SplashAttention


def test_a_default_device_is_a_platform():
  with jax.default_device(jax.devices("cpu")[0]):
    assert current_platform() == "cpu"


def test_names_are_checked():
  with pytest.raises(ValueError, match=r"model\.attention is 'flash'; use one"):
    TransformerConfig(attention="flash")
  rounded = pytest.raises(ValueError, match='set precision to "bfloat16"')
  with on("gpu"), rounded:
    choice(name="cudnn", product=jax.lax.dot_general)


def trained(attention, *, remat="none", x, mask):
  """States and gradients of a decoder of two layers."""
  config = TransformerConfig(
    layers=2, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=16,
    attention=attention, remat=remat,
  )  # fmt: skip
  module = Transformer(config)
  positions = jnp.broadcast_to(jnp.arange(x.shape[1]), x.shape[:2])
  short = x[:, :2], positions[:, :2], jnp.ones((1, 2, 2), bool)
  params = noisy(nn.unbox(module.init(jax.random.key(0), *short)))

  @jax.jit
  def loss(params):
    states, kept = module.apply(params, x, positions, mask)
    # Keys of padding, which are of no use to anybody, may differ.
    keys = kept.keys * mask.there[..., None, None]
    return (states**2 * mask.there[..., None])[:, :, :8].sum(), keys

  return jax.value_and_grad(loss, has_aux=True)(params)


def check_equal(attention, *, T, remat="none"):
  there = jnp.arange(T)[None] > jnp.array([[0], [7]])
  x = jax.random.normal(jax.random.key(1), (2, T, 16))
  given = {"x": x, "mask": branch_mask(there, 4, 5)}
  found = trained(attention, remat=remat, **given)
  plain = trained("plain", **given)
  for a, b in zip(*map(jax.tree.leaves, (found, plain)), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max())


def test_a_decoder_learns_the_same_with_the_kernel_of_gpus(monkeypatch):
  monkeypatch.setitem(SHORTEST, "cudnn", 16)
  check_equal("cudnn", T=40)


@pytest.mark.slow
@pytest.mark.parametrize("remat", ["none", "full", "dots"])
def test_a_decoder_learns_the_same_with_the_kernel_of_tpus(remat):
  check_equal("splash", T=SHORTEST["splash"], remat=remat)


@pytest.mark.slow
@pytest.mark.parametrize(
  ("target", "package", "calls"),
  [
    ("v5e:2x2", "libtpu", {"tpu_custom_call": 3}),
    (
      "rtx5090",
      "jax_cuda13_plugin",
      {"__cudnn$fmhaSoftmax": 1, "__cudnn$fmhaSoftmaxBackward": 1},
    ),
  ],
)
def test_programs_for_devices_that_are_not_here_call_the_kernel(
  target, package, calls
):
  """Forward and backward; splash has two kernels of the latter."""
  if importlib.util.find_spec(package) is None:
    pytest.skip(f"{package} is not installed.")
  finished = subprocess.run(
    [sys.executable, "-m", "tests.reference.kernel_ahead", target],
    env=os.environ
    | {"XLA_FLAGS": "", "TPU_SKIP_MDS_QUERY": "1", "TPU_WORKER_HOSTNAMES": "a"}
    | {
      "TPU_ACCELERATOR_TYPE": "v5litepod-4",
      "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    },
    stdout=subprocess.PIPE,
    text=True,
    check=True,
  )
  found = collections.Counter(finished.stdout.split())
  assert {name: found[name] for name in calls} == calls
