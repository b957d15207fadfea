"""Laws of SD3's and FLUX's networks alone; see `networks_test`."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.diffusion.networks.mm_dit import MMDiTConfig
from gr_jax.diffusion.networks.presets import build_network
from gr_jax.nn import attention_choice
from tests.reference.small_flow import (
  CONFIGS,
  apply,
  first_params,
  inputs,
  noisy,
  of_noise,
)


def test_flux_reads_where_tokens_stand():
  x, t, text = inputs()
  params = noisy(first_params("flux"))
  flipped = apply("flux")(params, x[:, ::-1], t, text)
  assert not np.allclose(flipped, of_noise("flux")[:, ::-1], atol=1e-3)


def test_sinusoids_tell_sd3_where_tokens_stand():
  x, t, text = inputs()
  same = jnp.broadcast_to(x[:, :1, :1], x.shape)
  found = np.asarray(apply("sd3")(noisy(first_params("sd3")), same, t, text))
  assert not np.allclose(found[:, :4], found[:, 4:], atol=1e-3)


def test_a_distilled_network_reads_its_scale_of_guidance():
  config = dataclasses.replace(CONFIGS["flux"], guidance=1.0)
  params = noisy(first_params("flux"))
  found = jax.jit(build_network(config).apply)(params, *inputs())
  assert np.abs(found - of_noise("flux")).max() > 1e-3
  assert "guidance" in params["params"]
  assert "guidance" not in first_params("sd3")["params"]


def test_texts_of_the_last_double_block_have_no_update():
  """SD3's last layer of all; FLUX's single blocks read both."""
  last = first_params("sd3")["params"]["last"]
  assert last["text"].keys() == {"modulation", "qkv", "heads"}
  assert "mlp_in" in last["picture"]
  flux = first_params("flux")["params"]
  assert "last" not in flux
  assert "mlp_in" in flux["double"]["text"]


def test_a_kernel_of_attention_computes_what_the_plain_form_does(monkeypatch):
  monkeypatch.setattr("gr_jax.nn.attention_choice.SHORTEST", {})
  config = dataclasses.replace(CONFIGS["sd3"], attention="cudnn")
  params, kernels = noisy(first_params("sd3")), []
  built = attention_choice.cudnn_attention

  def counted(*arguments, **options):
    kernels.append(built(*arguments, **options))
    return kernels[-1]

  monkeypatch.setattr("gr_jax.nn.attention_choice.cudnn_attention", counted)
  found = jax.jit(build_network(config).apply)(params, *inputs())
  # One for all blocks.
  assert len(kernels) == 1
  np.testing.assert_allclose(found, of_noise("sd3"), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(
  ("sizes", "words"),
  [
    ({"width": 16, "heads": 5}, r"heads \(5\) must divide width \(16\)"),
    ({"width": 16, "heads": 2, "rotary_axes": (2, 2, 2)}, "sum to.*8"),
    ({"width": 16, "heads": 2, "rotary_axes": (3, 3, 2)}, "must be even"),
    ({"double_layers": 0}, r"double_layers \(0\)"),
    ({"attention": "fast"}, "attention"),
    ({"remat": "some"}, "remat"),
  ],
)
def test_sizes_that_do_not_fit_are_named(sizes, words):
  with pytest.raises(ValueError, match=words):
    MMDiTConfig(**sizes)
