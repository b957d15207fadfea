"""The roofline of the deployment, against arithmetic."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.ahead import deployed, deployment
from tools.ahead.data_sheets import SHEETS
from tools.ahead.deployment import FORMATS, passes, row
from tools.ahead.roofline import bound
from tools.device import forms, programs

CARD = SHEETS["rtx5090"]


def test_the_longest_of_three_times_is_the_bound():
  found = bound(SHEETS["h200"], flops={}, memory=4.8e12, wire=900e9)
  assert (found.memory, found.link, found.seconds) == (1, 2, 2)
  assert found.by == "link"
  found = bound(CARD, flops={"bfloat16": 419e12, "float8": 419e12}, memory=1)
  assert (found.seconds, found.by) == (3, "compute")
  with pytest.raises(ValueError, match="link"):
    bound(CARD, flops={}, memory=0, wire=1)


def test_the_weights_are_those_of_the_decoder():
  blocks = [
    x.size
    for path, x in jax.tree.leaves_with_path(deployed.parameters())
    if "block" in jax.tree_util.keystr(path) and x.ndim == 3
  ]
  assert deployment.block_weights() == sum(blocks)
  assert 1.7e9 < deployment.weight_bytes(FORMATS["bf16"]) / 2 < 1.75e9


def test_the_deployment_has_the_parameters_of_the_device_check():
  """Else the seconds of the one say nothing about those of the other."""
  sizes = forms.FULL.deployment
  theirs = programs.search_params(
    programs.decoder(sizes), programs.first_device(), jnp.bfloat16
  )
  shapes = [
    [(jax.tree_util.keystr(path), x.shape) for path, x in found]
    for found in map(jax.tree.leaves_with_path, (theirs, deployed.parameters()))
  ]
  assert shapes[0] == shapes[1]


def test_a_step_of_few_beams_takes_as_long_as_its_weights():
  """And a prompt as long as its products."""
  prefill, *steps = passes(FORMATS["bf16"], CARD, beam=1, batch=1)
  weights = 2 * deployment.block_weights()
  assert len(steps) == 3
  assert steps[0] == pytest.approx(weights / CARD.bandwidth, rel=0.02)
  products = 256 * weights / CARD.flops["bfloat16"]
  assert prefill == pytest.approx(products, rel=0.03)


@given(
  beam=st.integers(1, 500), batch=st.integers(1, 64), more=st.integers(1, 9)
)
def test_fewer_bits_and_fewer_beams_never_take_longer(beam, batch, more):
  def seconds(name, beam=beam, batch=batch):
    return sum(passes(FORMATS[name], CARD, beam=beam, batch=batch))

  assert seconds("W4A4") <= seconds("FP8") <= seconds("bf16")
  assert seconds("W4A16") <= seconds("bf16")
  assert seconds("bf16") <= seconds("bf16", beam=beam + more)
  # Weights are read once for all requests (and rounding is not exact).
  assert seconds("FP8", batch=batch + more) <= 1.001 * (
    (1 + more) * seconds("FP8")
  )


def test_the_batch_is_the_largest_that_leaves_half_of_the_time():
  found = row(FORMATS["bf16"], CARD, beam=50)
  size = found["batch"]
  taken = [
    sum(passes(FORMATS["bf16"], CARD, beam=50, batch=n))
    for n in (size, size + 1)
  ]
  assert taken[0] <= 0.025 < taken[1]
  assert found["qps"] == pytest.approx(size / taken[0])
  assert found["qps_alone"] == pytest.approx(1 / found["seconds"])


def test_a_card_without_products_in_four_bits_has_no_such_row():
  assert "W4A4" in deployment.table(CARD)
  assert "W4A4" not in deployment.table(SHEETS["h200"])
  assert "W4A4" not in " ".join(deployed.names("h200"))
  assert not deployed.names("v5e:2x4")
