"""On an accelerator no long sequence makes an array of its square."""

import dataclasses

import jax
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params
from jax.sharding import AbstractDevice, AbstractMesh

from gr_jax.dense.sasrec import SASRec
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.page_scores import page_scores
from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.nn.attention_choice import SHORTEST
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.parallel.mesh import AXES
from tests.reference.small_pretrained import QWEN

CONFIG = TransformerConfig(
  layers=2, width=16, heads=2, kv_heads=1, head_size=8, feed_forward=24
)
LONG = 2 * SHORTEST["splash"]
SIZES = (4, 3, 5)
ROWS = 2


def prompt(items):
  return Prompt(
    profile=np.zeros((ROWS, 1, 1), np.int32),
    history=np.zeros((ROWS, items, len(SIZES) + 2), np.int32),
    mask=np.ones((ROWS, 1 + items), bool),
    candidates=None,
  )


def queries(targets):
  return np.zeros((ROWS, targets, 2), np.int32)


def codes(targets):
  return np.zeros((ROWS, targets, len(SIZES)), np.int32)


def decoder_only(attention):
  config = dataclasses.replace(CONFIG, attention=attention)
  model = DecoderOnly(config, 9, SIZES)
  short = prompt(1), queries(1), codes(1)
  return model, jax.eval_shape(model.init, jax.random.key(0), *short)


def branches(attention):
  model, params = decoder_only(attention)
  inputs = prompt(LONG), queries(6), codes(6)
  return lambda params: sum(
    x.sum() for x in model.apply(params, *inputs)
  ), params


def pages(attention):
  model, params = decoder_only(attention)
  page = np.zeros((ROWS, 6), np.int32)
  inputs = prompt(LONG), queries(2), codes(6), page

  def loss(params):
    scores = model.apply(params, *inputs, end_token=1, method=page_scores)
    return scores.codes[1].sum()

  return loss, params


def prefill(attention):
  model, params = decoder_only(attention)
  inputs = prompt(LONG), queries(1)[:, 0]
  return lambda params: model.prefill(params, inputs)[0].sum(), params


def text(attention):
  decoder = make_decoder(QWEN)
  config = dataclasses.replace(decoder.config, attention=attention)
  decoder = decoder.copy(config=config)
  tokens = np.zeros((ROWS, LONG), np.int32)
  short = tokens[:, :2], tokens[:, :2] == 0
  params = jax.eval_shape(decoder.init, jax.random.key(0), *short)
  return lambda params: decoder.apply(params, tokens, tokens == 0).sum(), params


def sasrec(attention):
  config = dataclasses.replace(CONFIG, attention=attention)
  model, rows = SASRec(config, 7), np.zeros((ROWS, LONG), np.int32)
  short = rows[:, :2], rows[:, :2]
  params = jax.eval_shape(model.init, jax.random.key(0), *short)
  return lambda params: model.apply(params, rows, rows).sum(), params


def squares(jaxpr):
  """Arrays with two axes of the length or more; kernels are not looked into."""
  for equation in jaxpr.eqns:
    for x in equation.outvars:
      if sum(size >= LONG for size in x.aval.shape) > 1:
        yield x.aval.shape
    if equation.primitive.name != "pallas_call":
      for inner in jaxprs_in_params(equation.params):
        yield from squares(inner)


@pytest.mark.parametrize("case", [branches, pages, prefill, text, sasrec])
def test_kernels_make_no_array_of_the_square_of_the_length(case):
  device = AbstractDevice("some", 1, "tpu")
  mesh = AbstractMesh((1,) * len(AXES), AXES, abstract_device=device)
  found = {}
  for attention in ("plain", "auto"):
    loss, params = case(attention)
    with jax.sharding.use_abstract_mesh(mesh):
      program = jax.make_jaxpr(jax.grad(loss))(params)
    found[attention] = list(squares(program.jaxpr))
  assert found["plain"]
  assert not found["auto"]
