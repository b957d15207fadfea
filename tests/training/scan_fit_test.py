import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.training import scan_fit
from gr_jax.training.finite import NotFinite


def step(state, data, key):
  drawn = jax.random.normal(key)
  return state + data, {"drawn": drawn, "state": state}


def test_every_step_runs_once_with_a_key_of_its_own():
  steps, seen = scan_fit.CHUNK + 20, []
  state, history = scan_fit.fit(
    jnp.zeros(()),
    jnp.ones(()),
    jax.random.key(0),
    step=step,
    steps=steps,
    progress=lambda step, metrics: seen.append((step, metrics)),
  )
  assert state == steps
  assert [row["step"] for row in history] == [scan_fit.CHUNK, steps]
  assert history[1]["state"] == scan_fit.CHUNK + 9.5
  assert history[0]["drawn"] != history[1]["drawn"]
  assert [step for step, _ in seen] == [scan_fit.CHUNK, steps]


def test_sampled_rows_are_distinct_and_never_too_many():
  rows = scan_fit.sample_rows(jax.random.key(0), num_rows=5, size=9)
  np.testing.assert_array_equal(np.sort(rows), np.arange(5))


def test_bad_vectors_are_named():
  with pytest.raises(ValueError, match=r"vectors has 1 rows .* first row 2"):
    scan_fit.check_vectors(np.array([[0.0], [1.0], [np.nan]]), name="vectors")
  with pytest.raises(ValueError, match=r"must be \[N, D\] with N > 0"):
    scan_fit.check_vectors(np.zeros((0, 3)), name="vectors")


def test_training_that_goes_on_equals_training_in_one_go():
  def step(state, data, key):
    state = state + data * jax.random.normal(key)
    return state, {"state": state}

  data, key = jnp.ones(()), jax.random.key(0)
  whole, history = scan_fit.fit(jnp.zeros(()), data, key, step=step, steps=9)
  half, _ = scan_fit.fit(jnp.zeros(()), data, key, step=step, steps=4)
  rest, rows = scan_fit.fit(half, data, key, step=step, steps=5, begin=4)
  np.testing.assert_allclose(rest, whole, rtol=1e-6)
  assert rows[-1]["step"] == history[-1]["step"] == 9


@pytest.mark.parametrize("chunk", [1, 4, 20])
def test_host_batches_are_read_once_each_and_in_order(chunk):
  def step(state, data, batch):
    state = state * data + batch["x"]
    return state, {"x": batch["x"]}

  state, history = scan_fit.fit_batches(
    jnp.zeros(()),
    jnp.float32(0.5),
    ({"x": np.float32(k)} for k in range(99)),
    step=step,
    steps=10,
    chunk=chunk,
  )
  expected = sum(k * 0.5 ** (9 - k) for k in range(10))
  np.testing.assert_allclose(state, expected, rtol=1e-6)
  ends = [*range(chunk, 10, chunk), 10]
  assert [row["step"] for row in history] == ends
  means = [np.mean(range(max(0, end - chunk), end)) for end in ends[:-1]]
  assert [row["x"] for row in history[:-1]] == means


def counting(spoil):
  """Steps of which number 137 of the metrics or the state is not finite."""

  def step(state, data, key):
    del key
    bad = state["count"] == 136
    value = jnp.where(bad & (spoil == "metric"), jnp.inf, 1.0)
    w = jnp.where(bad & (spoil == "state"), jnp.nan, state["w"])
    return {"count": state["count"] + data, "w": w}, {"loss": value}

  return step


@pytest.mark.parametrize(
  ("spoil", "sentence"),
  [
    ("metric", "at step 137: the metric loss"),
    ("state", "at steps 101 to {end}: the array w"),
  ],
)
@pytest.mark.parametrize("host", [True, False])
def test_the_step_that_is_not_finite_is_named(spoil, sentence, host):
  sentence = sentence.format(end=150 if host else 200)
  state = {"count": jnp.zeros((), jnp.int32), "w": jnp.ones(3)}
  step, seen = counting(spoil), []
  options = {
    "steps": 400,
    "name": "the tokenizer",
    "progress": lambda done, row: seen.append(done),
  }

  def run():
    if not host:
      return scan_fit.fit(
        state, jnp.int32(1), jax.random.key(0), step=step, **options
      )
    batches = iter(lambda: {"x": np.zeros(())}, None)
    return scan_fit.fit_batches(
      state, jnp.int32(1), batches, step=step, chunk=50, **options
    )

  message = f"the tokenizer stopped {sentence} is not finite. Lower its "
  with pytest.raises(NotFinite, match=message):
    run()
  assert max(seen) == 100  # Only good chunks were told of.
