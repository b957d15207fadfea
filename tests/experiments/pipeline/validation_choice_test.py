"""Settings are chosen by what they find in the validation period."""

import dataclasses

import numpy as np
import pytest

from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.validation_choice import CUTOFF, Choice, choose
from gr_jax.data.requests import TEST, VALID
from gr_jax.evaluation import intervals
from tests.reference.small_world import shop


def drawn(split):
  return draw_eval_requests(shop().requests, split=split, count=30, seed=0)


def nothing(requests, *, k, exclude):
  del exclude
  return np.full((len(requests.rows), k), -1, np.int32)


def oracle(requests, *, k, exclude):
  """The wanted items of each request."""
  ranked = nothing(requests, k=k, exclude=exclude)
  for r, row in enumerate(ranked):
    wanted = requests.targets[r][:k]
    row[: len(wanted)] = wanted
  return ranked


def oracle_of(kind):
  """Finds everything of one kind of requests and nothing of the others."""

  def rank(requests, **options):
    return (oracle if requests.kind == kind else nothing)(requests, **options)

  return rank


def test_each_kind_of_requests_has_its_own_setting():
  kinds = [part.kind for part in drawn(VALID)]
  assert len(kinds) == 3
  options = {kind: oracle_of(kind) for kind in kinds}
  choice = choose(options, drawn(VALID))
  assert [choice.setting(kind) for kind in kinds] == kinds
  for part in drawn(TEST):
    ranked = choice(part, k=5, exclude=None)
    np.testing.assert_array_equal(ranked, oracle(part, k=5, exclude=None))


def test_a_setting_ranks_all_kinds_before_the_next_one():
  ranked = []

  def ranker(setting):
    def rank(requests, **options):
      ranked.append((setting, requests.kind))
      return nothing(requests, **options)

    return rank

  parts = drawn(VALID)
  choice = choose({name: ranker(name) for name in "ab"}, parts)
  kinds = [part.kind for part in parts]
  assert ranked == [(name, kind) for name in "ab" for kind in kinds]
  rows = [(row["requests"], row["setting"]) for row in choice.figures]
  assert rows == [(kind, name) for kind in kinds for name in "ab"]


def test_of_equal_settings_the_first_is_taken():
  choice = choose({"a": nothing, "b": nothing}, drawn(VALID))
  assert choice.setting("personalised") == "a"
  choice = choose({"a": nothing, "b": oracle, "c": oracle}, drawn(VALID))
  assert choice.setting("personalised") == "b"


def test_the_figures_are_recall_at_ten_of_every_setting():
  parts = drawn(VALID)
  choice = choose({"none": nothing, "all": oracle}, parts)
  assert len(choice.figures) == 2 * len(parts)
  for part, none, full in zip(parts, choice.figures[::2], choice.figures[1::2]):
    recall = [min(CUTOFF, n) / n for n in part.targets.sizes]
    assert none["requests"] == full["requests"] == part.kind
    assert (none["setting"], none["chosen"], none["value"]) == (
      "none",
      False,
      0,
    )
    assert (full["setting"], full["chosen"]) == ("all", True)
    assert full["value"] == pytest.approx(np.mean(recall))
    expected = intervals.bootstrap(np.array(recall), groups=part.users).row()
    assert {name: full[name] for name in expected} == expected


def test_an_item_that_asks_is_neither_ranked_nor_wanted():
  """As in the evaluation, see `EvalRequests.hidden`."""
  part = drawn(VALID)[0]
  own = np.full(len(part.table), -1, np.int32)
  own[part.rows] = [part.targets[r][0] for r in range(len(part.rows))]
  part = dataclasses.replace(
    part, table=dataclasses.replace(part.table, own_item=own)
  )
  excluded = []

  def rank(requests, *, k, exclude):
    excluded.append([exclude[r].tolist() for r in range(len(exclude))])
    return oracle(requests, k=k, exclude=exclude)

  choice = choose({"all": rank}, [part])
  assert excluded == [[[item] for item in own[part.rows].tolist()]]
  more = part.targets.sizes > 1
  assert choice.figures[0]["n"] == more.sum()


def test_kinds_that_do_not_show_what_is_needed_are_left_out():
  choice = choose({"a": nothing}, drawn(VALID), needs=("query", "history"))
  assert [row["requests"] for row in choice.figures] == ["personalised"]


def test_without_validation_requests_the_default_is_taken():
  choice = choose({"a": oracle, "b": nothing}, [])
  assert choice == Choice({"a": oracle, "b": nothing}, [])
  assert choice.setting("semantic") == "a"
