import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gr_jax.evaluation import intervals

RNG = np.random.default_rng(7)
VALUES = RNG.random((400, 3))


@given(
  st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 2**31)
)
def test_the_interval_holds_the_mean(values, seed):
  figures = intervals.bootstrap(np.array(values), resamples=50, seed=seed)
  np.testing.assert_allclose(figures.value[0], np.mean(values))
  assert figures.low[0] <= figures.value[0] <= figures.high[0]
  assert figures.n[0] == len(values)


def test_the_same_seed_gives_the_same_interval():
  one = intervals.bootstrap(VALUES, seed=3)
  same = intervals.bootstrap(VALUES, seed=3)
  other = intervals.bootstrap(VALUES, seed=4)
  np.testing.assert_array_equal(one.low, same.low)
  assert (one.low != other.low).all()


def test_the_interval_is_that_of_the_central_limit():
  figures = intervals.bootstrap(VALUES, resamples=4000)
  error = 1.96 * VALUES.std(axis=0) / np.sqrt(len(VALUES))
  np.testing.assert_allclose(figures.high - figures.value, error, rtol=0.1)
  np.testing.assert_allclose(figures.value - figures.low, error, rtol=0.1)


def test_copies_of_a_user_are_no_further_evidence():
  users = np.arange(50).repeat(8)
  copies = VALUES[:50].repeat(8, axis=0)
  grouped = intervals.bootstrap(copies, groups=users)
  single = intervals.bootstrap(VALUES[:50])
  naive = intervals.bootstrap(copies)
  np.testing.assert_allclose(grouped.low, single.low)
  np.testing.assert_allclose(grouped.high, single.high)
  assert (naive.high - naive.low < 0.5 * (grouped.high - grouped.low)).all()


def test_names_of_users_do_not_matter():
  users = RNG.integers(0, 40, 400)
  by_number = intervals.bootstrap(VALUES, groups=users)
  by_name = intervals.bootstrap(
    VALUES, groups=np.char.add("u", np.char.zfill(users.astype(str), 3))
  )
  np.testing.assert_array_equal(by_number.low, by_name.low)


def test_requests_that_do_not_count_are_as_if_absent():
  holes = np.concatenate([VALUES, np.full((100, 3), np.nan)])
  holed = intervals.bootstrap(holes, groups=np.arange(500) % 400)
  whole = intervals.bootstrap(VALUES)
  np.testing.assert_allclose(holed.low, whole.low)
  assert holed.n.tolist() == [400] * 3


def test_a_column_without_requests_has_no_figure():
  empty = np.column_stack([VALUES[:, 0], np.full(400, np.nan)])
  figures = intervals.bootstrap(empty)
  assert np.isnan([figures.value[1], figures.low[1], figures.high[1]]).all()
  assert figures.n.tolist() == [400, 0]
  assert not np.isnan(figures.low[0])


def test_a_column_that_few_requests_count_for_still_has_an_interval():
  rare = np.full(30, np.nan)
  rare[4] = 0.5
  figures = intervals.bootstrap(rare)
  np.testing.assert_allclose([figures.low, figures.high], 0.5)


def test_identical_systems_differ_by_exactly_nothing():
  figures = intervals.paired_difference(VALUES, VALUES)
  assert not np.any([figures.value, figures.low, figures.high])


def test_swapped_systems_swap_the_sign():
  worse = VALUES * 0.9
  gain = intervals.paired_difference(VALUES, worse)
  loss = intervals.paired_difference(worse, VALUES)
  np.testing.assert_allclose(gain.value, -loss.value)
  assert (gain.low > 0).all()
  assert (loss.high < 0).all()


def test_pairing_is_narrower_than_two_intervals():
  noise = RNG.normal(scale=0.01, size=VALUES.shape)
  paired = intervals.paired_difference(VALUES, VALUES + noise)
  single = intervals.bootstrap(VALUES)
  assert (paired.high - paired.low < 0.2 * (single.high - single.low)).all()


def test_one_figure_is_a_row():
  figures = intervals.Interval(*np.array([[1.0, 2], [0, 1], [3, 4], [5, 6]]))
  assert figures.row(1) == {"value": 2.0, "low": 1.0, "high": 4.0, "n": 6}
  assert figures.row() == figures.row(0)


def test_users_who_are_all_alike_leave_the_t_test_of_the_seeds():
  seeds = np.array([0.3, 0.1, 0.4, -0.1, 0.5])
  found = intervals.resample(np.tile(seeds[:, None, None], (1, 40, 1)))
  expected = stats.ttest_1samp(seeds, 0)
  np.testing.assert_allclose(found.value, seeds.mean())
  np.testing.assert_allclose(found.error, stats.sem(seeds))
  np.testing.assert_allclose(found.freedom, 4)
  np.testing.assert_allclose(found.p_value(), expected.pvalue)
  np.testing.assert_allclose(
    found.means.std(axis=0), stats.sem(seeds), rtol=0.05
  )


def test_seeds_that_answer_alike_leave_the_interval_over_users():
  found = intervals.resample(np.stack([VALUES] * 3)).interval()
  single = intervals.bootstrap(VALUES)
  for mine, other in zip(found, single):
    np.testing.assert_allclose(mine, other)


def test_seeds_count_alike_and_requests_of_a_seed_too():
  values = RNG.random((3, 50, 2))
  found = intervals.resample(values)
  np.testing.assert_allclose(found.value, values.mean(axis=(0, 1)))
  assert found.n.tolist() == [50, 50]


def test_the_error_is_that_of_users_and_of_the_component_of_seeds():
  """The mean squares of a table without repeats, by their textbook formula."""
  seeds, users = 4, 200
  values = (
    RNG.normal(size=(seeds, 1)) + 2 * RNG.normal(size=(1, users))
    + RNG.normal(size=(seeds, users))
  )  # fmt: skip
  rows, columns = values.mean(axis=1), values.mean(axis=0)
  residual = values - rows[:, None] - columns + values.mean()
  mean_square = np.square(residual).sum() / (seeds - 1) / (users - 1)
  of_seeds = (users * rows.var(ddof=1) - mean_square) / users / seeds
  of_users = columns.var(ddof=1) / users
  found = intervals.resample(values[..., None], resamples=4000)
  np.testing.assert_allclose(found.error**2, of_users + of_seeds, rtol=0.05)


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize(
  ("of_seeds", "of_users", "of_both"),
  [(1.0, 0.1, 0.1), (0.0, 1.0, 0.1), (0.0, 0.1, 1.0), (0.2, 1.0, 1.0)],
)
def test_nineteen_of_twenty_intervals_hold_the_mean_of_all_users_and_seeds(
  seeds, of_seeds, of_users, of_both
):
  """The mean is 0; 500 tables of 30 users, each with requests of its own."""
  rng, tables, users = np.random.default_rng(5), 500, 30
  values = (
    of_seeds * rng.normal(size=(seeds, 1, tables))
    + of_users * rng.normal(size=(1, users, tables))
    + of_both * rng.normal(size=(seeds, users, tables))
  )
  found = intervals.resample(values, resamples=500)
  low, high = found.interval()[1:3]
  assert ((low <= 0) & (high >= 0)).mean() >= 0.9
  assert 0.01 <= (found.p_value() < 0.05).mean() <= 0.1
  pooled = intervals.bootstrap(values.mean(axis=0), resamples=500)
  if of_seeds == 1:
    assert ((pooled.low <= 0) & (pooled.high >= 0)).mean() < 0.2


def test_the_p_value_of_what_never_varies_is_zero_or_one():
  same = np.zeros((2, 6, 2))
  same[..., 1] = 0.5
  assert intervals.resample(same).p_value().tolist() == [1, 0]


def test_small_p_values_are_told_apart():
  values = RNG.normal(loc=[0.5, 1.0], size=(3, 200, 2))
  one, other = intervals.resample(values).p_value()
  assert 0 < other < one < 1e-4
