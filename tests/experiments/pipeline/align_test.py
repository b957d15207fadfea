"""The stage on the small world, with counts that must stay what they are."""

import chex
import jax
import numpy as np
import pytest
from flax import linen as nn
from ml_collections import ConfigDict

from configs import eg_grpo as config_file
from experiments import eg_grpo
from experiments.pipeline.align import align, objective
from experiments.pipeline.alignment_choice import HITS, read_choice
from experiments.pipeline.prepare import Data
from experiments.pipeline.stages import Stages
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from gr_jax.artefacts import Artefact
from gr_jax.data.request_lists import training_sequences
from gr_jax.generators.build import initializer
from gr_jax.generators.priors.left_out import FutureEvents
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.retrieval.load_params import read_params
from gr_jax.training.metric_writer import read_metrics
from tests.reference.small_policy import counted_params, counts, model
from tests.reference.small_world import semantic_ids, shop, writer


def section() -> ConfigDict:
  config = config_file.section()
  config.group_size = 4
  config.prompts.update(batch_size=8, clicked=1)
  config.loop.update(steps=4, log_every=2, eval_every=4, checkpoint_every=2)
  config.validation.update(requests=12, batch_size=8)
  return config


def aligned(workdir, config, others=None, **learned) -> TrainedGenerator:
  artefact = Artefact(workdir, "mark", 0.0)
  data = Data(shop().catalogue, shop().requests, artefact)
  tokenized = Tokenized(semantic_ids(), artefact)
  if others is None:
    variables = counted_params() | counts()
  else:
    init = jax.jit(initializer(model(), others))
    variables = nn.unbox(init(jax.random.key(0))) | others
  generator = TrainedGenerator(
    model(), variables, writer(), artefact, **learned
  )
  return align(
    config,
    Stages(workdir, data, None, tokenized, generator),
    reward=eg_grpo.page_reward(config, data, tokenized),
  )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def made(workdir):
  return aligned(workdir, section())


def test_parameters_move_and_counts_do_not(made):
  chex.assert_trees_all_equal(
    jax.device_get(made.params["counts"]), jax.device_get(counts()["counts"])
  )
  before, after = counted_params()["params"], made.params["params"]
  chex.assert_trees_all_equal_shapes(before, after)
  moved = [
    np.abs(np.asarray(a) - np.asarray(b)).max()
    for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after))
  ]
  assert max(moved) > 0


class Taken(Exception):
  pass


def first_batch(tmp_path, monkeypatch, variables=None, **learned):
  """The first batch of an alignment that ends there."""

  def take(state, context, batches, *args, **kwargs):
    raise Taken(next(batches))

  monkeypatch.setattr("experiments.pipeline.align.fit", take)
  with pytest.raises(Taken) as taken:
    aligned(tmp_path, section(), variables, **learned)
  return taken.value.args[0]


def test_prompts_are_of_learned_requests_by_their_own_writer(
  tmp_path, monkeypatch
):
  requests = shop().requests
  learned = np.arange(len(requests)) % 7 == 0

  class Doubled:
    def prompts(self, rows, *, shown):
      return np.repeat(writer().prompts(rows, shown=shown).profile, 2, axis=1)

    def queries(self, rows):
      return writer().queries(rows)

  batch = first_batch(
    tmp_path, monkeypatch, learned=learned, training_writer=Doubled()
  )
  assert learned[batch.rows].all()
  assert batch.prompt.shape[1] == 2


@pytest.mark.parametrize("window", [None, 0, 2])
def test_prompts_leave_their_future_out_of_the_counts(
  tmp_path, monkeypatch, window
):
  """None: a generator without counts; 0: one without transitions."""
  requests, ids = shop().requests, semantic_ids()
  variables, expected = {} if window is None else counts(), None
  if window:
    sequences = training_sequences(requests)
    transitions = count_transitions(
      ids, sequences.rows, sequences.owners,
      window=window, neighbours=3, last=2,
    )  # fmt: skip
    both = variables["counts"] | {"transitions": transitions}
    variables = {"counts": both}

  batch = first_batch(tmp_path, monkeypatch, variables)
  if window is not None:
    future = FutureEvents.of_training(requests, ids.id_of_item, window=window)
    expected = future(batch.rows)
  chex.assert_trees_all_equal(batch.left_out, expected)


def test_a_finished_stage_is_loaded(made, workdir, capsys):
  again = aligned(workdir, section())
  assert f"alignment: loaded from {workdir}" in capsys.readouterr().err
  chex.assert_trees_all_equal(
    jax.device_get(again.params), jax.device_get(made.params)
  )
  assert again.artefact == made.artefact


def test_another_reward_value_is_another_artefact(made, tmp_path):
  config = section()
  config.reward.exposed = 0.4
  config.loop.update(steps=1, checkpoint_every=1)
  assert aligned(tmp_path, config).artefact.fingerprint != (
    made.artefact.fingerprint
  )


@pytest.mark.parametrize(
  "changes",
  [
    {"loss": "dapo", "drop_equal_groups": True, "policy": "distinct"},
    {"loss": "s_dpo", "kl_coef": 0.0, "policy": "beam", "old_decay": 0.5},
  ],
)
def test_other_losses_and_policies_align_as_well(tmp_path, changes):
  config = section()
  config.update(changes)
  config.loop.update(steps=2, log_every=1, checkpoint_every=2)
  found = aligned(tmp_path, config)
  chex.assert_tree_all_finite(found.params["params"])
  rows = read_metrics(found.artefact.directory / "metrics.jsonl")
  assert rows[-1]["align/loss"] != 0
  assert rows[-1]["align/grad_norm"] > 0


def test_the_generator_before_is_given_back_where_it_is_better(
  tmp_path, capsys, monkeypatch
):
  config = section()
  config.validation.keep_better = True
  hits = iter((0.5, 0.4, 0.4))
  monkeypatch.setattr(
    "experiments.pipeline.align.make_validation_hits",
    lambda *_, **__: lambda params: {HITS: next(hits)},
  )
  made = aligned(tmp_path, config)
  chex.assert_trees_all_equal(
    jax.device_get(made.params["params"]),
    jax.device_get(counted_params()["params"]),
  )
  said = read_choice(made.artefact.directory)["kept_before"]
  assert "stays as it was" in said
  assert said in capsys.readouterr().err
  # So they are where it is served; what was aligned is there nevertheless.
  chex.assert_trees_all_equal(
    jax.device_get(read_params(made.artefact.directory)),
    jax.device_get(counted_params()),
  )
  assert (made.artefact.directory / "checkpoints").is_dir()


def test_all_of_the_network_is_aligned(tmp_path, monkeypatch):
  def take(params, shares):
    chex.assert_trees_all_equal(params, counted_params())
    assert shares == {}
    raise Taken

  monkeypatch.setattr("experiments.pipeline.align.with_shares", take)
  with pytest.raises(Taken):
    aligned(tmp_path, section())


def test_validation_hits_stand_before_and_after(made):
  rows = read_metrics(made.artefact.directory / "metrics.jsonl")
  steps = [row["step"] for row in rows if "eval/hit_rate@1" in row]
  assert steps == [0, 4]


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"parts": 3}, r"8, no multiple of align.parts \(3\)"),
    (
      {"prompts.clicked": 5, "experts": "replace"},
      "5 experts .* group of 4: .* align.experts to append",
    ),
    ({"experts": "x"}, "align.experts is 'x'; use one of append, replace"),
    ({"policy": "x"}, "align.policy is 'x'; use one of constrained"),
    ({"loss": "x"}, "align.loss is 'x'; use one of grpo, dapo"),
    ({"loss_options.beta": 0.1}, "has 'beta'; the options of eg_grpo are"),
    ({"kl_estimator": "x"}, "align.kl_estimator is 'x'; use one of k1, k2"),
    ({"old_every": 0}, "old_every is 0"),
  ],
)
def test_a_choice_that_does_not_exist_is_refused_in_one_line(changes, message):
  config = section()
  config.update_from_flattened_dict(changes)
  with pytest.raises(ValueError, match=message) as raised:
    objective(config)
  assert "\n" not in str(raised.value)


def test_any_number_of_experts_can_be_appended():
  config = section()
  config.prompts.clicked = 5
  objective(config)
