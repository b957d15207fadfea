"""A model that is below a baseline on validation is told so, and what to do."""

import pytest

from gr_jax.evaluation.report.advice import next_steps, places, warning


def row(system, value, difference=None, *, seen="kept", kind="next_basket"):
  low, high = (
    (None, None)
    if difference is None
    else (difference - 0.01, difference + 0.01)
  )
  return {
    "system": system,
    "role": "model" if difference is None else "baseline",
    "requests": kind,
    "seen": seen,
    "value": value,
    "difference": difference,
    "difference_low": low,
    "difference_high": high,
  }


OUTCOME = {"step": 60, "ended": 60, "steps": 60, "loss": 3.0, "patience": 3}

TOO_LONG = OUTCOME | {"patience": 0, "step": 30}


def report(*, outcome=OUTCOME, **generator):
  return {"config": {"generator": generator}, "outcome": outcome}


def test_a_model_above_every_baseline_is_not_warned_of():
  rows = [row("m", 0.2), row("item_knn", 0.1, 0.1), row("m", 0.1, seen="out")]
  assert warning(rows, report()) == ""
  assert warning([], report()) == ""


def test_the_best_baseline_above_the_model_is_named_with_its_interval():
  rows = [
    row("m", 0.073),
    row("ease", 0.09, -0.017),
    row("item_knn", 0.109, -0.036),
  ]
  text = warning(rows, report(transitions={"neighbours": 48}))
  assert text.startswith(
    "On validation a baseline is above the model: next basket, item_knn has "
    "recall@10 0.109 where m has 0.073 (-0.036 [-0.046, -0.026]). What to do: "
  )
  assert "ease" not in text
  assert "transitions" not in text  # It has them.
  assert text.endswith("bring more data, or serve item_knn instead.")


def test_what_the_requests_do_not_tell_apart_is_said_so():
  rows = [row("m", 0.2, seen="out"), row("bm25", 0.205, -0.005, seen="out")]
  text = warning(rows, report())
  assert "next basket, seen items out, bm25 has" in text
  assert "which these requests do not tell apart" in text


@pytest.mark.parametrize(
  ("given", "advice"),
  [
    (report(), "give the generator what item_knn counts (config.generator.tra"),
    (report(transitions={"neighbours": 0}), "what item_knn counts"),
    (report(outcome=TOO_LONG), "train fewer steps (config."),
    (report(outcome=OUTCOME | {"loss": None}), "hold out validation requests"),
  ],
)
def test_the_advice_is_what_is_not_done_yet(given, advice):
  rows = [row("m", 0.1), row("item_knn", 0.2, -0.1)]
  assert advice in warning(rows, given)
  assert "fewer steps" not in warning(rows, report())


@pytest.mark.parametrize(("share", "advised"), [(0.0, False), (0.5, True)])
def test_a_network_that_is_not_used_needs_no_other_training(share, advised):
  rows = [row("m", 0.2), row("ease", 0.3, -0.1)]
  given = report(outcome=TOO_LONG, candidates={"size": 160}, count_alpha=1.0)
  given["network_share"] = [
    {"requests": "next_basket", "share": share, "chosen": True},
    {"requests": "next_basket", "share": 1.0, "chosen": False},
  ]
  text = warning(rows, given)
  assert ("fewer steps" in text) == advised
  # Candidates know what transitions would.
  assert "transitions" not in text


@pytest.mark.parametrize(
  ("section", "advised"),
  [
    ({"candidates": {"size": 0}, "count_alpha": 2.0}, True),
    ({"candidates": {"size": 9}, "count_alpha": 2.0}, False),
    ({"candidates": {"size": 0}, "count_alpha": 0.0}, False),
    (
      {"candidates": {"size": 0}, "count_alpha": 2.0, "task": "page_wise"},
      False,
    ),
    ({"count_alpha": 2.0}, False),
  ],
)
def test_candidates_are_advised_where_the_generator_can_read_them(
  section, advised
):
  rows = [row("m", 0.1), row("item_knn", 0.2, -0.1)]
  assert ("candidates.size" in warning(rows, report(**section))) == advised


def test_places_and_steps_are_the_parts_of_the_warning():
  rows = [row("m", 0.1), row("item_knn", 0.2, -0.1)]
  given = report() | {"second_look": rows}
  text = warning(rows, given)
  for part in places(rows, given):
    assert part in text
  for step in next_steps(given)[:2]:
    assert step[1:-1] in text


def test_a_run_that_wins_has_steps_of_its_own():
  done = {"step": 60, "ended": 60, "steps": 60, "loss": 3.0, "patience": 0}
  sampled = [{"requests": "semantic", "n": 64, "of": 3016}]
  given = {"outcome": done, "sampled": sampled, "examples": [{}]}
  longer, narrower, _, serve = next_steps(given)
  assert "config.generator.loop.steps above 60" in longer
  assert "config.evaluation.requests=0" in narrower
  assert "gr_jax.serving" in serve
  stopped = {"outcome": done | {"step": 30}, "sampled": []}
  assert next_steps(stopped) == []


def test_where_nobody_takes_an_item_twice_seen_items_are_no_loss():
  rows = [row("m", 0.1), row("item_knn", 0.2, -0.1)]
  rows += [row("m", 0.3, seen="out"), row("bm25", 0.1, 0.2, seen="out")]
  fresh = {"sampled": [{"requests": "next_basket", "repeated": 0.0}]}
  assert warning(rows, report())
  assert not warning(rows, report() | fresh)
