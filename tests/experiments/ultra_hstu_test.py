"""A ranker from data to report; its kept states give the same scores."""

import dataclasses
import json
import shutil
import types

import jax
import numpy as np
import pytest

from configs.ultra_hstu import get_config
from experiments import ultra_hstu
from experiments.pipeline.prepare import prepare
from experiments.ranking.evaluate import evaluate, predict
from experiments.ranking.train import train
from gr_jax.data.requests import TEST
from gr_jax.evaluation.auc import auc
from gr_jax.ranking.batches import BatchWriter
from gr_jax.ranking.examples import make_examples
from gr_jax.ranking.ranker_files import load_ranker


def small():
  config = get_config("tiny")
  config.data = {
    "source": "shop_world", "seed": 0,
    "num_items": 80, "num_users": 30, "num_requests": 400,
  }  # fmt: skip
  config.ranker.examples.update(
    length=63, targets=32, negatives=0, tasks=("click", "order")
  )
  config.ranker.rows.update(rows=8, places=64, targets=64, kept=15, context=32)
  config.ranker.model.update(width=16, head_size=8, block=8)
  config.ranker.loop.update(steps=30, checkpoint_every=30, eval_every=15)
  return config


@pytest.fixture(scope="module")
def made(tmp_path_factory):
  """The report of a small run, its folder and its parts."""
  config, folder = small(), tmp_path_factory.mktemp("ultra_hstu")
  report = ultra_hstu.run(config, folder)
  data = prepare(config.data, folder)
  ranker = train(config.ranker, folder, data)
  return types.SimpleNamespace(
    config=config, folder=folder, report=report, data=data, ranker=ranker
  )


def test_the_report_has_every_system_and_task(made):
  found = json.loads((made.folder / "report.json").read_text())
  assert found["results"] == made.report["results"]
  rows = [r for r in found["results"] if r["segment"] == "all"]
  assert {r["system"] for r in rows} == {
    "ultra_hstu", "base_rate", "item_counts", "history",
  }  # fmt: skip
  assert {r["task"] for r in rows} == {"click", "order"}
  base = [
    r["value"] for r in rows
    if r["system"] == "base_rate" and r["metric"] == "ne"
  ]  # fmt: skip
  np.testing.assert_allclose(base, 1, atol=0.05)
  assert "ultra_hstu" in (made.folder / "report.html").read_text()


def test_a_second_run_loads_and_says_the_same(made):
  again = evaluate(made.ranker, made.data, split="test", name="ultra_hstu")
  assert again == made.report["results"]


def test_kept_states_give_the_probabilities_of_training(made):
  ranker, data = made.ranker, made.data
  examples = make_examples(data.requests, ranker.examples, split=TEST)
  expected = predict(ranker, data, examples)
  writer = BatchWriter(data.requests, examples, ranker.rows)
  encode, score = (
    jax.jit(
      lambda *given, name=name: ranker.model.apply(
        *given, ranker.categories, method=name
      )
    )
    for name in ("encode", "score")
  )
  for rows in writer.in_order():
    batch, pairs = writer.write(rows), writer.pairs(rows)
    states = encode(ranker.params, batch)
    logits = np.asarray(score(ranker.params, states, batch.targets))
    found = 1 / (1 + np.exp(-logits[pairs >= 0].astype(np.float64)))
    np.testing.assert_allclose(found, expected[pairs[pairs >= 0]], atol=1e-6)


def test_a_loaded_ranker_says_of_kept_users_what_evaluation_says(made):
  config = dataclasses.replace(made.ranker.examples, span=0)
  requests = made.data.requests
  examples = make_examples(requests, config, split=TEST)
  expected = predict(made.ranker, made.data, examples)
  ranker = load_ranker(made.folder)
  assert ranker.tasks == ("click", "order")
  found = np.full_like(expected, np.nan)
  for example in range(len(examples.user)):
    first, last = examples.offsets[example : example + 2]
    if first == last:
      continue
    row = examples.pairs.requests[first]
    user = requests.user_ids[requests.user[row]]
    events = ranker.history(user, before=requests.time[row])
    assert len(events.items) == (
      requests.history_end[row] - requests.user_offsets[requests.user[row]]
    )
    items = examples.pairs.items[first:last]
    # One after the other and together, by number and by name.
    state = ranker.encode(events)
    found[first:last] = ranker.score(state, items, now=requests.time[row])
    names = list(made.data.catalogue.item_ids[items[:1]])
    np.testing.assert_allclose(
      ranker.score(state, names, now=requests.time[row]),
      found[first : first + 1],
      atol=1e-6,
    )
  np.testing.assert_allclose(found, expected, atol=1e-6)
  for k in range(2):
    y = examples.pairs.labels[:, k]
    assert abs(auc(found[:, k], y) - auc(expected[:, k], y)) < 1e-6


def test_a_ranker_that_is_not_whole_is_refused(made, tmp_path):
  with pytest.raises(FileNotFoundError, match="no finished stage 'data'"):
    load_ranker(tmp_path)
  copy = tmp_path / "copy"
  shutil.copytree(made.folder, copy)
  path = copy / "ranker" / "ranker.json"
  path.write_text(path.read_text().replace("click", "clock"))
  with pytest.raises(ValueError, match=r"ranker/ranker\.json"):
    load_ranker(copy)


def test_rows_that_devices_cannot_share_are_refused(made, tmp_path):
  config = small()
  config.ranker.rows.rows = 3
  with pytest.raises(ValueError, match=r"rows.rows \(3\) must be a multiple"):
    train(config.ranker, tmp_path, made.data)


def test_values_that_no_part_knows_are_refused_at_once(tmp_path):
  config = small()
  config.evaluation.split = "tests"
  with pytest.raises(ValueError, match=r"evaluation\.split is 'tests'"):
    ultra_hstu.run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()
