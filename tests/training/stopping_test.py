import math

import pytest

from gr_jax.training.finite import NotFinite
from gr_jax.training.stopping import Best, Outcome, Patience, read_outcome


def run(losses, *, patience, every=10, after=0, best=None):
  """The step at which training is over; None if it never is."""
  counter = Patience(patience, every=every, best=best)
  for number, loss in enumerate(losses, 1 + after // every):
    counter.see(number * every, loss)
    if counter.is_over(number * every):
      return number * every, counter.best
  return None, counter.best


CURVE = [5.0, 4.0, 4.5, 3.0, 3.0, 3.2, 3.1, 2.0]


def test_training_is_over_after_so_many_evaluations_without_a_lower_loss():
  assert run(CURVE, patience=2) == (60, Best(40, 3.0))
  assert run(CURVE, patience=3) == (70, Best(40, 3.0))
  assert run(CURVE, patience=4) == (None, Best(80, 2.0))


def test_without_patience_it_is_never_over_and_knows_the_best():
  assert run(CURVE + [9.0] * 50, patience=0) == (None, Best(80, 2.0))


def test_of_equal_losses_the_first_is_the_best():
  assert run([3.0, 3.0, 3.0], patience=0)[1] == Best(10, 3.0)


@pytest.mark.parametrize("cut", range(1, 7))
def test_a_run_that_goes_on_counts_as_an_undisturbed_one(cut):
  whole = run(CURVE, patience=3)
  _, best = run(CURVE[:cut], patience=0)
  again = run(CURVE[cut:], patience=3, after=10 * cut, best=best)
  assert again == whole


def test_a_step_between_two_evaluations_does_not_count():
  counter = Patience(2, every=10, best=Best(10, 1.0))
  assert not counter.is_over(29)
  assert counter.is_over(30)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_held_out_loss_that_is_not_finite_is_named(loss):
  with pytest.raises(NotFinite, match=f"step 10: the held-out loss is {loss}"):
    Patience(1, every=10).see(10, loss)


@pytest.mark.parametrize(
  ("outcome", "sentence"),
  [
    (
      Outcome(40, 60, 1000, 3.0, 3.25, 2),
      "training stopped at step 60 of 1,000: the held-out loss did not fall in "
      "2 evaluations; step 40 is used, held-out loss 3 (3.25 at the end)",
    ),
    (
      Outcome(1000, 1000, 1000, 3.0, 3.0, 2),
      "training did all 1,000 steps; step 1,000 is used, held-out loss 3",
    ),
    (
      Outcome(700, 1000, 1000, 3.0, 3.5),
      "training did all 1,000 steps; step 700 is used, held-out loss 3 (3.5 at "
      "the end)",
    ),
    (
      Outcome(1000, 1000, 1000),
      "training did all 1,000 steps; no loss was held out, the last step is "
      "used",
    ),
  ],
)
def test_an_outcome_is_one_sentence_and_comes_back(tmp_path, outcome, sentence):
  assert outcome.sentence() == sentence
  assert read_outcome(tmp_path) is None
  outcome.save(tmp_path)
  assert read_outcome(tmp_path) == outcome
