"""The loop on IDs of the small world, and on pictures."""

import dataclasses
import functools

import chex
import grain
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import struct

from gr_jax.data.requests import TRAIN
from gr_jax.parallel import liveness, preemption
from gr_jax.parallel.mesh import (
  MeshConfig,
  batch_sharding,
  make_mesh,
  replicated,
)
from gr_jax.parallel.rows import own_rows
from gr_jax.rl.guard import RewardGuard, read_stop
from gr_jax.rl.loop import (
  AlignmentLoopConfig,
  AlignmentSteps,
  fit,
)
from gr_jax.rl.losses.grpo import grpo_loss
from gr_jax.rl.objective import AlignmentConfig
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.policies import (
  CONSTRAINED,
  make_rollout,
  make_score,
  reward_samples,
)
from gr_jax.rl.prompts import (
  PromptBatchConfig,
  clicked_requests,
  prompt_batches,
)
from gr_jax.rl.rewards.checked import BadReward
from gr_jax.rl.rewards.items import best_of_items
from gr_jax.rl.rewards.page import PageReward
from gr_jax.rl.scored_group import Group
from gr_jax.rl.update import make_update, start_alignment
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.finite import NotFinite
from gr_jax.training.metric_writer import read_metrics
from tests.reference.small_policy import counted_context, counts, model
from tests.reference.small_world import semantic_ids, shop, writer

CONFIG = AlignmentLoopConfig(
  steps=8, log_every=4, eval_every=8, checkpoint_every=3
)
OPTIMIZER = optax.adam(0.01)


@functools.cache
def mesh():
  return make_mesh(MeshConfig())


@functools.cache
def context():
  return jax.device_put(counted_context(), replicated(mesh()))


def initial():
  state = start_alignment(counted_context().reference, OPTIMIZER)
  return jax.device_put(state, replicated(mesh()))


def batches():
  rows = clicked_requests(shop().requests, split=TRAIN)
  config = PromptBatchConfig(batch_size=8, clicked=1)
  return iter(
    prompt_batches(
      shop().requests, rows, writer(), semantic_ids(), config=config
    )
  )


@functools.cache
def steps(every):
  reward = best_of_items(PageReward(shop().requests), semantic_ids())
  return AlignmentSteps(
    rollout=make_rollout(
      model(),
      sample=CONSTRAINED.sample,
      group_size=4,
      mesh=mesh(),
    ),
    reward=reward_samples(reward, mesh()),
    update=make_update(
      make_score(model(), CONSTRAINED.score),
      OPTIMIZER,
      config=AlignmentConfig(old_policy=OldPolicy(every)),
      like=initial(),
    ),
    validate=lambda params: {
      "eval/hit_rate@10": float(len(jax.tree.leaves(params)))
    },
    keeps_old=OldPolicy(every).keeps,
  )


def align(
  directory, every=1, *, config=CONFIG, source=None, guard=None, **changes
):
  return fit(
    initial(),
    context(),
    source or batches(),
    dataclasses.replace(steps(every), **changes),
    config=config,
    key=jax.random.key(1),
    directory=directory,
    mesh=mesh(),
    guard=guard,
  )


@functools.cache
def _whole(every, directory):
  return align(directory, every)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
  """An undisturbed run for each period of the old policy, and its folder."""
  folders = {every: tmp_path_factory.mktemp("whole") for every in (1, 3)}
  return lambda every: (_whole(every, folders[every]), folders[every])


class Stopped(Exception):
  pass


class Failing:
  """A grain iterator that fails after some batches."""

  def __init__(self, source, after):
    self._source, self._left = source, after

  def __next__(self):
    if not self._left:
      raise Stopped
    self._left -= 1
    return next(self._source)

  def __getattr__(self, name):
    return getattr(self._source, name)


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("after", [2, 5])
def test_a_run_that_was_cut_off_ends_bit_for_bit_the_same(
  whole, tmp_path, every, after
):
  with pytest.raises(Stopped):
    align(tmp_path, every, source=Failing(batches(), after))
  resumed = align(tmp_path, every)
  chex.assert_trees_all_equal(resumed, whole(every)[0])
  steps = [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")]
  assert steps == [0, 4, 8]


def test_sigterm_waits_for_samples_that_are_ahead_and_loses_no_step(
  whole, tmp_path, monkeypatch
):
  """Of step 1 nothing can be saved: the prompts of step 2 are read."""
  with monkeypatch.context() as patched:
    patched.setattr(
      preemption, "noticed", lambda: liveness.current() is not None
    )
    with pytest.raises(preemption.Preempted, match="after step 2 of the align"):
      align(tmp_path, 3)
  assert Checkpoints(tmp_path / "checkpoints").latest == 2
  resumed = align(tmp_path, 3, source=Failing(batches(), 6))
  chex.assert_trees_all_equal(resumed, whole(3)[0])


def test_looking_ahead_changes_nothing(whole, tmp_path):
  never = align(tmp_path, 3, keeps_old=lambda step: False)
  chex.assert_trees_all_equal(never, whole(3)[0])


def test_rollouts_are_dispatched_ahead_where_the_old_policy_stays(tmp_path):
  """Requests read when the first reward is computed: one, or two."""
  read, seen = [], []

  class Counting:
    def __init__(self):
      self._source = batches()

    def __next__(self):
      read.append(None)
      return next(self._source)

    def __getattr__(self, name):
      return getattr(self._source, name)

  def reward(batch, samples):
    seen.append(len(read))
    return steps(1).reward(batch, samples)

  for every in (1, 3):
    read.clear()
    align(tmp_path / str(every), every, source=Counting(), reward=reward)
  # Not over a checkpoint (3 and 6) nor next to a timed step (4 and 8).
  assert seen[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
  assert seen[8:] == [2, 3, 3, 4, 6, 6, 7, 8]


def test_what_is_not_trained_is_neither_changed_nor_kept(whole):
  state, _ = whole(1)
  assert set(state.params) == {"params"}
  chex.assert_trees_all_equal(context().counts, counts())
  moved = jax.tree.map(
    lambda a, b: jnp.abs(a - b).max(), state.params, context().reference
  )
  assert max(jax.tree.leaves(moved)) > 1e-3
  chex.assert_trees_all_equal(state.old_params, state.params)


def test_rows_hold_rewards_seconds_memory_and_validation(whole):
  rows = read_metrics(whole(1)[1] / "metrics.jsonl")
  assert "align/reward" not in rows[0]
  assert [("eval/hit_rate@10" in row) for row in rows] == [True, False, True]
  leaves = len(jax.tree.leaves(context().reference))
  assert rows[0]["eval/hit_rate@10"] == leaves
  for row in rows[1:]:
    for name in ("rollout", "reward", "update"):
      assert row[f"align/{name}_seconds"] > 0
    assert row["align/peak_memory_bytes"] > 1e6
    assert 0 <= row["align/reward"] <= 1


def test_a_finished_run_is_not_gone_on_with(whole):
  state, folder = whole(1)
  again = align(folder, source=Failing(batches(), 0))
  chex.assert_trees_all_equal(again, state)


def test_the_host_may_give_rewards_of_any_float_type(tmp_path):
  def reward(batch, samples):
    return np.ones(samples.group.ids.shape, np.float64)

  config = dataclasses.replace(CONFIG, steps=1, log_every=1)
  align(tmp_path, config=config, reward=reward)
  assert read_metrics(tmp_path / "metrics.jsonl")[1]["align/reward"] == 1


def kept(directory):
  """The last checkpoint, which is finite, and its step."""
  checkpoints = Checkpoints(directory / "checkpoints")
  step = checkpoints.latest
  if step:
    chex.assert_tree_all_finite(checkpoints.restore(step, initial()))
  checkpoints.close()
  return step


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_reward_that_is_not_finite_ends_alignment_at_once(tmp_path, bad):
  """The case of a price that is unknown: 1 / price of one popular item."""
  seen = []
  popular = int(np.argmax(shop().catalogue.popularity))

  def cheap(requests, items):
    seen.append(None)
    unknown = (len(seen) > 4) & (items == popular)
    return np.where(unknown, bad, 1.0)

  every = dataclasses.replace(CONFIG, steps=200, log_every=1)
  reward = reward_samples(best_of_items(cheap, semantic_ids()), mesh())
  with pytest.raises(BadReward) as error:
    align(tmp_path, config=every, reward=reward)
  step = len(seen)
  assert error.value.pair.item == popular
  message = str(error.value)
  assert message.startswith(
    f"alignment stopped at step {step}: reward cheap is {bad} for request row "
  )
  last = (step - 1) // 3 * 3
  assert message.endswith(f"The checkpoint of step {last} is kept.")
  assert kept(tmp_path) == last
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert rows[-1]["step"] == step - 1
  assert all(np.isfinite(list(row.values())).all() for row in rows)


@pytest.mark.parametrize(
  ("values", "message"),
  [
    (lambda shape: np.ones(shape[0]), r"shape \[8\], \[8, 5\] is wanted"),
    (lambda shape: np.full(shape, np.nan), "at step 1: the reward is nan for"),
    (lambda shape: np.full(shape, None), "at step 1: the reward is None for"),
  ],
)
def test_own_rewards_of_the_loop_are_checked(tmp_path, values, message):
  def reward(batch, samples):
    return values(samples.group.ids.shape)

  with pytest.raises(ValueError, match=message):
    align(tmp_path, reward=reward)
  assert kept(tmp_path) is None


@pytest.mark.parametrize(("at", "last"), [(5, 3), (6, 3)])
def test_an_update_that_is_not_finite_ends_alignment(tmp_path, at, last):
  """In step 6 a checkpoint is due: it is not written."""
  rewarded = []

  def reward(batch, samples):
    rewarded.append(None)
    return steps(1).reward(batch, samples)

  def update(state, context, samples, rewards):
    # Rewards that are finite, and advantages that are not.
    huge = np.float32(1e38) if len(rewarded) == at else np.float32(1)
    return steps(1).update(state, context, samples, rewards * huge)

  with pytest.raises(NotFinite, match=f"alignment stopped at step {at}: "):
    align(tmp_path, reward=reward, update=update)
  assert len(rewarded) <= at + 1
  assert kept(tmp_path) == last


GUARDED = AlignmentLoopConfig(
  steps=8, log_every=8, eval_every=2, checkpoint_every=3
)


def validations(gold, *, begin=0):
  """Validations in turn; the proxy rises with their number."""
  found = iter(enumerate(gold, start=begin))

  def validate(params):
    del params
    number, value = next(found)
    return {"eval/reward": value, "eval/proxy": 0.1 * number}

  return validate


@pytest.fixture(scope="module")
def two_updates(tmp_path_factory):
  config = dataclasses.replace(GUARDED, steps=2)
  return align(tmp_path_factory.mktemp("two"), config=config)


def test_a_guard_ends_a_run_with_the_parameters_of_the_best_gold(
  two_updates, tmp_path, capsys
):
  state = align(
    tmp_path,
    config=GUARDED,
    guard=RewardGuard(),
    validate=validations([0.3, 0.5, 0.4]),
  )
  chex.assert_trees_all_equal(state, two_updates)
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert [row["step"] for row in rows] == [0, 2, 4]
  assert rows[-1]["align/kept_update"] == 2
  stop = read_stop(tmp_path)
  assert (stop.kept, stop.step) == (2, 4)
  assert stop.sentence() in capsys.readouterr().err


def test_a_guard_remembers_the_validations_of_a_run_that_was_cut_off(
  two_updates, tmp_path
):
  """It goes on from update 3, and once more when it has stopped."""
  guarded = functools.partial(
    align, tmp_path, config=GUARDED, guard=RewardGuard()
  )
  with pytest.raises(Stopped):
    guarded(source=Failing(batches(), 3), validate=validations([0.3, 0.5]))
  for _ in range(2):
    state = guarded(validate=validations([0.4], begin=2))
    chex.assert_trees_all_equal(state, two_updates)
  assert read_stop(tmp_path).step == 4


def test_the_policy_before_alignment_may_be_the_best(tmp_path):
  for _ in range(2):
    state = align(
      tmp_path,
      config=GUARDED,
      guard=RewardGuard(),
      validate=validations([0.3, 0.2]),
    )
    chex.assert_trees_all_equal(state, initial())
  assert read_stop(tmp_path).kept == 0


def test_a_guard_that_stops_nothing_changes_nothing(whole, tmp_path):
  """Nor where the run goes on from its best gold, which is update 4: samples
  are not drawn ahead over it."""
  config = dataclasses.replace(GUARDED, checkpoint_every=8)
  gold = [0.1, 0.2, 0.3, 0.4, 0.5]
  with pytest.raises(Stopped):
    align(
      tmp_path,
      3,
      config=config,
      guard=RewardGuard(),
      source=Failing(batches(), 5),
      validate=validations(gold),
    )
  state = align(
    tmp_path,
    3,
    config=config,
    guard=RewardGuard(),
    validate=validations(gold[3:], begin=3),
  )
  chex.assert_trees_all_equal(state, whole(3)[0])
  assert read_stop(tmp_path) is None


@struct.dataclass
class PictureContext:
  reference: dict
  spread: jax.Array


@struct.dataclass
class Pictures:
  """Groups of `[H, W]` pictures, each pixel a choice of the policy."""

  group: Group
  positives_where: jax.Array


def draw_pictures(params, context, batch, key):
  shape = (*batch["target"].shape[:1], 6, 4, 4)
  pictures = params["mean"] + context.spread * jax.random.normal(key, shape)
  there = jnp.ones((*shape[:2], 16), bool)
  group = Group(jnp.zeros(shape[:2], int), pictures, there, there[..., 0])
  return Pictures(group, jnp.zeros((shape[0], 0, 16), bool))


def score_pictures(params, context, samples):
  pictures = samples.group.codes
  errors = (pictures - params["mean"]) / context.spread
  log_probs = -jnp.square(errors) / 2 - jnp.log(context.spread)
  return (
    log_probs.reshape(*pictures.shape[:2], 16),
    jnp.zeros(samples.positives_where.shape),
  )


def likeness(batch, samples):
  """A host's own reward of pictures: how near they come to their target."""
  pictures = own_rows(samples.group.codes, mesh())
  errors = pictures - batch["target"][:, None]
  return -np.square(errors).mean(axis=(2, 3))


TARGET = (np.indices((4, 4)).sum(axis=0) % 2).astype(np.float32)


def align_pictures(directory, *, liked, **options):
  """Aligns a Gaussian over pictures with the likeness to `liked`."""
  prompts = grain.MapDataset.range(64).repeat().batch(8)
  batches = prompts.map(
    lambda rows: {"target": np.broadcast_to(liked, (len(rows), 4, 4))}
  )
  params = {"mean": jnp.zeros((4, 4))}
  optimizer = optax.adam(0.05)
  state, context = jax.device_put(
    (
      start_alignment(params, optimizer),
      PictureContext(params, jnp.float32(0.3)),
    ),
    replicated(mesh()),
  )
  config = AlignmentConfig(grpo_loss, kl_coef=0.0)
  steps = AlignmentSteps(
    rollout=jax.jit(draw_pictures, out_shardings=batch_sharding(mesh())),
    reward=likeness,
    update=make_update(score_pictures, optimizer, config=config, like=state),
    validate=lambda params: {
      name: -float(np.square(params["mean"] - picture).mean())
      for name, picture in (("eval/reward", TARGET), ("eval/proxy", liked))
    },
    keeps_old=config.old_policy.keeps,
  )
  return fit(
    state, context, iter(batches.to_iter_dataset()), steps,
    key=jax.random.key(0), directory=directory, mesh=mesh(), **options,
  )  # fmt: skip


def test_a_policy_over_pictures_is_aligned_by_the_same_loop(tmp_path):
  """A Gaussian over pictures finds the one that its reward likes, and earns
  what its own noise leaves: the variance of 0.3 ** 2."""
  config = AlignmentLoopConfig(40, log_every=10, eval_every=40)
  align_pictures(tmp_path, liked=TARGET, config=config)
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert rows[1]["align/reward"] < -0.2
  assert rows[-1]["align/reward"] > -1.1 * 0.3**2
  assert rows[-1]["eval/reward"] > 0.1 * rows[0]["eval/reward"]


def test_a_policy_that_exploits_its_reward_is_stopped_at_its_best(tmp_path):
  """The reward likes pictures twice as bright as those that are wanted, which
  it passes on its way."""
  last = align_pictures(
    tmp_path,
    liked=2 * TARGET,
    config=AlignmentLoopConfig(60, log_every=60, eval_every=4),
    guard=RewardGuard(),
  )
  stop = read_stop(tmp_path)
  assert 0 < stop.kept == last.step < stop.step < 60
  error = np.square(last.params["mean"] - TARGET).mean()
  assert error < 0.1 * np.square(TARGET).mean()
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert rows[-1]["step"] == stop.step
  proxies = [row["eval/proxy"] for row in rows]
  assert proxies == sorted(proxies)
