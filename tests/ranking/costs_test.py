"""Counted multiply-adds are those of the program."""

import dataclasses
import math

import jax
import pytest

from gr_jax.ranking.costs import keys_read, multiply_adds
from gr_jax.ranking.event_embedding import EventsConfig
from gr_jax.ranking.transducer import TransducerConfig
from gr_jax.ranking.ultra_hstu import UltraHSTU, UltraHSTUConfig
from tests.reference.packed_rows import ACTIONS, CONTEXT, ITEMS, packed_rows

LAYERS = TransducerConfig(
  layers=2, width=8, heads=2, head_size=4, local=5, prefix=3, block=4
)


def network(*, events="summed", late=0, streams=1, **changes):
  tables = EventsConfig(ITEMS, ACTIONS, CONTEXT, events=events)
  early = dataclasses.replace(LAYERS, **changes)
  return UltraHSTU(UltraHSTUConfig(tables, early, late, 2, streams))


def products(jaxpr):
  """The multiply-adds of every product of a program, loops unrolled."""
  count = 0
  for step in jaxpr.eqns:
    if step.primitive.name == "dot_general":
      (contracted, _), _ = step.params["dimension_numbers"]
      left = step.invars[0].aval.shape
      inner = math.prod(left[axis] for axis in contracted)
      count += math.prod(step.outvars[0].aval.shape) * inner
    times = step.params.get("length", 1)
    for part in jax.tree.leaves(
      list(step.params.values()), is_leaf=lambda x: hasattr(x, "eqns")
    ):
      inside = getattr(part, "jaxpr", part)
      if hasattr(inside, "eqns"):
        count += times * products(inside)
  return count


@pytest.mark.parametrize("late", [0, 3])
@pytest.mark.parametrize("streams", [1, 2])
@pytest.mark.parametrize("events", ["summed", "interleaved"])
@pytest.mark.parametrize("attention", ["semi_local", "full", "cross"])
def test_the_count_is_that_of_the_program(attention, events, streams, late):
  model = network(
    attention=attention, events=events, streams=streams, late=late
  )
  batch = packed_rows([9, 3, 14], targets=[0, 2, 1], late=5 if late else 0)
  given = [batch] * streams
  params = jax.eval_shape(model.init, jax.random.key(0), given)
  program = jax.make_jaxpr(model.apply)(params, given)
  counted = multiply_adds(
    model.config,
    places=batch.history.items.shape[1],
    targets=3,
    kept=batch.kept.shape[1] if late else None,
  )
  assert counted.total == products(program.jaxpr)


def test_xla_counts_the_same_but_for_what_is_no_product():
  model = network(attention="full", width=128, heads=2, head_size=64, layers=2)
  batch = packed_rows([255], targets=[0] * 64, block=32)
  params = jax.eval_shape(model.init, jax.random.key(0), batch)
  compiled = jax.jit(model.apply).lower(params, batch).compile()
  counted = multiply_adds(model.config, places=256, targets=64).total
  # Nobody reads what the last layer finds for places: XLA drops it.
  counted -= 256 * 128 * (128 + 2 * 256)
  assert 2 <= compiled.cost_analysis()["flops"] / counted < 2.2


def test_costs_by_blocks_grow_with_the_length_alone():
  config = network().config
  one, two = (
    multiply_adds(config, places=each, targets=0).total for each in (64, 128)
  )
  assert two == 2 * one


def test_summed_events_cost_a_quarter_of_the_attention():
  full = dataclasses.replace(LAYERS, attention="full")
  summed = 64 * keys_read(full, 64)
  interleaved = 2 * 64 * keys_read(full, 64, each=2)
  assert interleaved == 4 * summed


def test_targets_alone_are_what_a_kept_history_costs():
  config = network(late=1).config
  counted = multiply_adds(config, places=64, targets=5, kept=16)
  none = multiply_adds(config, places=64, targets=0, kept=16)
  assert (none.targets, none.history) == (0, counted.history)


def test_negative_sizes_are_refused():
  with pytest.raises(ValueError, match=r"kept \(-1\)"):
    multiply_adds(network().config, places=4, targets=1, kept=-1)
