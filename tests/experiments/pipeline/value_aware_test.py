import jax
import numpy as np
import pytest
from flax import linen as nn

from experiments.pipeline.tasks import check_generator
from experiments.pipeline.value_aware import ValueConfig, value_config
from tests.reference import tasks


@pytest.fixture(scope="module")
def started(tmp_path_factory):
  parts = tasks.untrained(
    tasks.section("value_aware"), tmp_path_factory.mktemp("run")
  )
  task = tasks.task_of(parts.section)(parts)
  params = jax.jit(parts.initializer(parts.counts()))(jax.random.key(0))
  return parts, task, nn.unbox(params), next(iter(task.batches))


def test_targets_carry_what_the_log_says_they_were_worth(started):
  parts, _, _, batch = started
  requests = parts.data.requests
  known = set(np.round(requests.page_value[requests.page_kind > 0], 4).tolist())
  assert batch.values.shape == batch.mask.shape == batch.weights.shape
  assert set(np.round(batch.values[batch.mask], 4).tolist()) <= known
  assert parts.counts()["values"]["means"].shape == (4,)


def test_the_loss_falls_in_all_its_parts(started):
  parts, task, params, batch = started
  counts = parts.counts()

  @jax.jit
  def step(params):
    gradient, metrics = jax.grad(
      lambda p: task.loss(parts.model, p, batch, counts), has_aux=True
    )(params)
    return jax.tree.map(lambda x, g: x - 0.3 * g, params, gradient), metrics

  rows = []
  for _ in range(30):
    params, metrics = step(params)
    rows.append(jax.device_get(metrics))
  for name in ("train/loss", "train/loss_1", "train/loss_3"):
    assert rows[-1][name] < rows[0][name], name
  assert rows[-1]["train/loss_value"] < rows[0]["train/loss_value"]
  assert rows[-1]["train/loss_early"] < rows[0]["train/loss_early"]


def test_only_a_network_that_predicts_values_learns_them():
  section = tasks.section("value_aware")
  section.network = "decoder_only"
  with pytest.raises(ValueError, match="only lazy_ar predicts values"):
    check_generator(section)


def test_a_section_leaves_what_it_does_not_say():
  section = tasks.section("value_aware")
  section.value.weights = {"ordered": 2.0}
  config = value_config(section)
  assert config.buckets == 4
  assert config.weights.ordered == 2.0
  assert config.value_coef == 0.1


@pytest.mark.parametrize(
  "wrong",
  [
    {"buckets": 1},
    {"value_coef": -0.1},
    {"early_coef": float("nan")},
    {"rerank": ()},
    {"rerank": (0.0, -1.0)},
    {"rerank": (float("nan"),)},
  ],
  ids=str,
)
def test_numbers_that_mean_nothing_are_named(wrong):
  with pytest.raises(ValueError, match=f"generator.value.{next(iter(wrong))}"):
    ValueConfig(**wrong)
