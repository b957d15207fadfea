"""Baselines say what counting says."""

import numpy as np

from experiments.ranking.counted import counted
from gr_jax.data.requests import TEST, TRAIN
from gr_jax.evaluation.normalized_entropy import normalized_entropy
from gr_jax.ranking.examples import ExamplesConfig, make_examples
from tests.ranking.examples_test import world


def test_counts_are_those_of_training_pairs():
  log = world()
  config = ExamplesConfig(tasks=("click", "order"))
  learned, ranked = (
    make_examples(log, config, split=split) for split in (TRAIN, TEST)
  )
  categories = np.arange(60)[:, None] % 5
  found = counted(
    log, categories, learned=learned, fitted=learned, ranked=ranked
  )
  labels = learned.pairs.labels
  np.testing.assert_allclose(found.base_rate[0], labels.mean(axis=0))
  item = ranked.pairs.items[0]
  own = labels[learned.pairs.items == item]
  expected = (own.sum(0) + 20 * labels.mean(0)) / (len(own) + 20)
  np.testing.assert_allclose(found.item_counts[0], expected)
  assert ((found.history > 0) & (found.history < 1)).all()


def test_a_history_of_the_same_items_tells_what_comes():
  log = world()
  learned = make_examples(log, ExamplesConfig())
  # Labels that are the history's: an item that was taken is taken again.
  again = np.concatenate(
    [
      [
        float(item in log.event_item[begin : begin + seen])
        for item, seen in zip(
          learned.pairs.items[a:b], learned.seen[a:b], strict=True
        )
      ]
      for begin, a, b in zip(
        learned.begin, learned.offsets, learned.offsets[1:], strict=False
      )
    ]
  )
  learned = learned._replace(
    pairs=learned.pairs._replace(labels=again[:, None])
  )
  categories = np.arange(60)[:, None]
  found = counted(
    log, categories, learned=learned, fitted=learned, ranked=learned
  )
  assert normalized_entropy(found.history[:, 0], again) < 0.2
  assert normalized_entropy(found.item_counts[:, 0], again) > 0.5
