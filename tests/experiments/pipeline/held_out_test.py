"""What is held out is not learned, and is the same in every run."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from experiments.pipeline import held_out
from experiments.pipeline.point_wise import point_wise
from experiments.pipeline.tasks import task_of
from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.generators.training_examples.single import group_targets
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.training.state import TrainState
from tests.reference import small_world, tasks

HELD_OUT = {"targets": 30, "last_share": 0.5}


def section(name="point_wise", **changes):
  found = tasks.section(name)
  found.held_out = HELD_OUT | changes
  # A multiple of the devices of the tests.
  found.examples.batch_size = 8
  return found


def without_validation(directory, config):
  """The parts of a generator whose data trains on validation."""
  parts = tasks.untrained(config, directory)
  requests = parts.data.requests
  split = np.where(requests.split == VALID, TRAIN, requests.split)
  requests = dataclasses.replace(requests, split=split)
  data = dataclasses.replace(parts.data, requests=requests)
  return dataclasses.replace(parts, data=data)


def pairs(groups, rows=None):
  groups = groups if rows is None else held_out.take_groups(groups, rows)
  return set(zip(groups.request.tolist(), groups.item.tolist()))


def test_validation_requests_are_held_out_where_there_are_any():
  requests = small_world.shop().requests
  config = held_out.HeldOutConfig()
  learned, held, counted = held_out.held_out_groups(
    requests, config=config, seed=0
  )
  assert pairs(learned) == pairs(group_targets(requests, split=TRAIN))
  assert pairs(held) == pairs(group_targets(requests, split=VALID))
  assert not counted
  nothing = config._replace(targets=0)
  assert (
    held_out.held_out_groups(requests, config=nothing, seed=0).held_out is None
  )


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_else_the_last_requests_of_a_share_of_the_users(share):
  requests = small_world.shop().requests
  groups = group_targets(requests, split=TRAIN)
  learned, last = held_out.split_last(requests, groups, share=share, seed=0)
  assert pairs(learned) | pairs(last) == pairs(groups)
  assert not pairs(learned) & pairs(last)
  users = requests.user[last.request[last.offsets[:-1]]]
  several = [
    user
    for user in range(len(requests.user_ids))
    if len(set(requests.history_end[groups.request][
      requests.user[groups.request] == user])) > 1
  ]  # fmt: skip
  assert len(users) == len(set(users)) == int(share * len(several))
  assert set(users) <= set(several)
  for user, first in zip(users, last.offsets[:-1]):
    mine = learned.request[requests.user[learned.request] == user]
    assert len(mine)
    held_at = requests.history_end[last.request[first]]
    assert (requests.history_end[mine] < held_at).all()


def test_groups_keep_their_pairs():
  groups = group_targets(small_world.shop().requests, split=TRAIN)
  rows = np.array([5, 2, 9])
  taken = held_out.take_groups(groups, rows)
  assert len(taken) == 3
  for place, row in enumerate(rows):
    mine, whole = (
      slice(*one.offsets[at : at + 2]) for one, at in
      ((taken, place), (groups, row))
    )  # fmt: skip
    np.testing.assert_array_equal(taken.request[mine], groups.request[whole])
    np.testing.assert_array_equal(taken.item[mine], groups.item[whole])


@pytest.mark.parametrize("name", ["point_wise", "page_wise"])
def test_batches_are_those_of_training_in_form_and_fixed(tmp_path, name):
  config = section(name)
  first, again = (
    task_of(config)(tasks.untrained(config, tmp_path)) for _ in range(2)
  )
  assert first.held_out
  like = next(iter(first.batches))
  for one, other in zip(first.held_out, again.held_out, strict=True):
    chex.assert_trees_all_equal(one, other)
    chex.assert_trees_all_equal_shapes(one.batch.codes, like.codes)
    assert one.targets > 0
  nothing = section(name, targets=0)
  assert not task_of(nothing)(tasks.untrained(nothing, tmp_path)).held_out
  # Without the key nothing is held out, as before there was one.
  assert not started(name, tmp_path).held_out


def started(name, directory):
  config = tasks.section(name)
  return task_of(config)(tasks.untrained(config, directory))


def test_of_few_rows_a_batch_is_filled():
  drawn = held_out.fixed_batches(
    lambda rows, rng: {"rows": rows},
    3,
    rows=100,
    batch_size=8,
    weights=lambda batch: np.ones(len(batch["rows"])),
    seed=0,
  )
  (one,) = drawn
  assert sorted(set(one.batch["rows"].tolist())) == [0, 1, 2]
  assert one.targets == 8


def test_training_on_validation_leaves_held_out_users_out_of_the_counts(
  tmp_path,
):
  config = section()
  config.count_alpha = 1.0
  parts = without_validation(tmp_path, config)
  assert not held_out.has_split(parts.data.requests, VALID)
  assert held_out.has_split(parts.data.requests, TEST)
  task = point_wise(parts)
  assert task.held_out
  assert all(one.batch.left_out is not None for one in task.held_out)
  counted = tasks.untrained(config, tmp_path)
  assert all(one.batch.left_out is None for one in point_wise(counted).held_out)


def test_the_held_out_loss_is_that_of_all_its_targets_at_once(tmp_path):
  config = section()
  config.model.dropout = 0.5
  parts = tasks.untrained(config, tmp_path)
  task, model = point_wise(parts), parts.model
  params = nn.unbox(jax.jit(parts.initializer({}))(jax.random.key(0)))
  mesh = make_mesh(MeshConfig())
  measure = held_out.make_held_out(
    task.loss, model, {}, task.held_out, mesh=mesh
  )
  state = TrainState(jnp.zeros((), int), params, ())
  found = measure(state)
  assert found == measure(state)  # Nothing is dropped out.
  whole = jax.tree.map(
    lambda *x: np.concatenate(x), *[one.batch for one in task.held_out]
  )
  loss = jax.jit(functools.partial(task.loss, model))
  _, expected = loss(params, whole, {})
  assert found.keys() == {name.replace("train/", "valid/") for name in expected}
  assert found["valid/loss"] == pytest.approx(
    float(expected["train/loss"]), rel=1e-5
  )


def test_a_line_says_when_nothing_is_held_out(capsys):
  held_out.say_nothing_is_held_out()
  (line,) = capsys.readouterr().err.splitlines()
  assert line.startswith("generator: nothing is held out")
