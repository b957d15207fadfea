import numpy as np

from gr_jax.evaluation import value_calibration


def test_a_model_that_is_right_on_average_has_no_calibration_error():
  rng = np.random.default_rng(0)
  predicted = rng.uniform(1, 10, 20_000)
  values = predicted * rng.uniform(0.5, 1.5, 20_000)
  right = value_calibration.figures(predicted, values)
  assert right["ece"] < 0.03
  assert abs(right["ratio"] - 1) < 0.03
  high = value_calibration.figures(2 * predicted, values)
  np.testing.assert_allclose(high["ece"], high["ratio"] - 1, rtol=1e-6)
  constant = value_calibration.figures(np.full(20_000, values.mean()), values)
  assert constant["ece"] < 0.1


def test_chance_is_the_error_of_predictions_that_are_right():
  rng = np.random.default_rng(4)
  found = []
  for _ in range(40):
    predicted = rng.uniform(1, 10, 1000)
    values = predicted * rng.lognormal(-0.5, 1, 1000)
    found.append(value_calibration.figures(predicted, values))
  ece, chance = (np.mean([f[key] for f in found]) for key in ("ece", "chance"))
  np.testing.assert_allclose(chance, ece, rtol=0.1)
  assert ece > 0.05


def test_buckets_are_of_one_size_and_rise():
  rng = np.random.default_rng(1)
  predicted = rng.permutation(103).astype(float)
  values = predicted**2
  rows = value_calibration.reliability(predicted, values, buckets=5)
  assert [row["n"] for row in rows] == [21, 21, 21, 20, 20]
  assert rows[0]["predicted"] == 10  # Of 0 to 20.
  assert rows[0]["value"] == np.mean(np.arange(21.0) ** 2)
  assert rows[-1]["predicted"] == 92.5
  for row in rows:
    assert row["low"] <= row["value"] <= row["high"]


def test_a_user_is_drawn_whole():
  """Where all that a user paid is alike, one more line of it says little."""
  rng = np.random.default_rng(2)
  of_user = rng.lognormal(size=20)
  users = np.repeat(np.arange(20), 30)
  values, predicted = of_user[users], np.zeros(600)
  (whole,) = value_calibration.reliability(
    predicted, values, users=users, buckets=1
  )
  (alone,) = value_calibration.reliability(predicted, values, buckets=1)
  assert whole["high"] - whole["low"] > 3 * (alone["high"] - alone["low"])


def test_fewer_values_than_buckets_are_a_bucket_each():
  rows = value_calibration.reliability(np.arange(3.0), np.ones(3))
  assert [row["n"] for row in rows] == [1, 1, 1]
