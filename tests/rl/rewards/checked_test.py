import numpy as np
import pytest

from gr_jax.command_line import exit_code
from gr_jax.rl.rewards.checked import (
  BadReward,
  checked_group,
  checked_ids,
  checked_values,
  reward_name,
)
from gr_jax.rl.rewards.items import best_of_items, mean_of_items, product
from gr_jax.rl.rewards.page import PageRewardConfig
from gr_jax.rl.rewards.relevance_gate import RelevanceGate
from tests.reference.small_world import semantic_ids, shop

REQUESTS, ITEMS = np.array([7, 8, 9]), np.array([4, 5, 6])


@pytest.mark.parametrize(
  "values",
  [
    [1, 0, 2],
    [True, False, True],
    np.float16([0.5, 1, 2]),
    [np.float64(1)] * 3,
  ],
)
def test_real_numbers_pass_as_float32(values):
  found = checked_values(values, REQUESTS, ITEMS, name="mine")
  assert found.dtype == np.float32
  np.testing.assert_array_equal(found, np.asarray(values, np.float32))


@pytest.mark.parametrize(
  ("bad", "shown"),
  [(np.nan, "nan"), (-np.inf, "-inf"), (1e300, "1e+300"), (None, "None")],
)
def test_a_value_that_is_not_finite_is_named_with_its_pair(bad, shown):
  with pytest.raises(BadReward) as error:
    checked_values([1.0, bad, bad], REQUESTS, ITEMS, name="mine")
  assert str(error.value) == (
    f"mine is {shown} for request row 8, item row 5; a reward must return a "
    "finite number."
  )
  assert error.value.pair[:2] == (8, 5)


@pytest.mark.parametrize(
  ("values", "message"),
  [
    ([1.0], r"mine has shape \[1\], \[3\] is wanted"),
    (1.0, r"mine has shape \[\], \[3\] is wanted"),
    (np.ones((3, 1)), r"mine has shape \[3, 1\], \[3\] is wanted"),
    (["a", "b", "c"], r"mine has type <U1: return real numbers"),
    (np.ones(3, complex), r"mine has type complex128: return real numbers"),
  ],
)
def test_what_is_not_a_number_each_is_refused(values, message):
  with pytest.raises(ValueError, match=message):
    checked_values(values, REQUESTS, ITEMS, name="mine")


def test_a_group_is_named_by_its_request_and_id():
  values = np.ones((3, 2))
  values[2, 1] = np.inf
  with pytest.raises(
    BadReward, match="mine is inf for request row 9, ID row 5"
  ):
    checked_ids(values, REQUESTS, np.arange(6).reshape(3, 2), name="mine")
  with pytest.raises(BadReward, match="prompt 2 of the batch, member 1"):
    checked_group(values, (3, 2))
  with pytest.raises(ValueError, match=r"shape \[3, 2\], \[3, 4\] is wanted"):
    checked_group(values, (3, 4))


def cheap(requests, items):
  """The price of one item is unknown, and counted as NaN."""
  del requests
  return np.where(items == 6, np.nan, 1.0)


def test_a_reward_is_called_by_its_name_where_that_says_something():
  def reward(requests, items):
    del items
    return np.full(len(requests), np.nan)

  names = [reward_name(one) for one in (reward, lambda r, i: r, cheap)]
  assert names == ["the reward", "the reward", "reward cheap"]


@pytest.mark.parametrize("of_items", [best_of_items, mean_of_items])
def test_a_reward_of_ids_names_the_item_that_is_not_finite(of_items):
  reward = of_items(cheap, semantic_ids())
  row = semantic_ids().id_of_item[6]
  others = np.setdiff1d(np.arange(semantic_ids().num_ids), row)[:3]
  assert np.isfinite(reward(np.array([3]), others[None])).all()
  with pytest.raises(BadReward) as error:
    reward(np.array([2, 3]), np.array([[-1, others[0]], [others[1], row]]))
  assert error.value.pair == (3, 6, None)
  assert str(error.value).startswith("reward cheap is nan for request row 3, ")


def test_a_product_names_the_factor():
  one = lambda requests, items: np.ones(len(items))  # noqa: E731
  with pytest.raises(BadReward, match="reward cheap is nan"):
    product([one, cheap])(REQUESTS, ITEMS)


def test_the_message_says_what_the_rows_are():
  data, ids = shop(), semantic_ids()
  searched = int(np.flatnonzero(data.requests.query >= 0)[0])
  query = data.requests.queries[data.requests.query[searched]]
  price = data.catalogue.values[6]
  with pytest.raises(BadReward) as error:
    checked_values([np.nan], [searched], [6], name="reward cheap")
  error.value.name_rows(data.requests, data.catalogue, ids)
  error.value.step, error.value.kept = 7, 5
  assert str(error.value) == (
    f"alignment stopped at step 7: reward cheap is nan for request {searched} "
    f"({str(query)!r}), item {data.catalogue.item_ids[6]} (price {price:g}); a "
    "reward must return a finite number. The checkpoint of step 5 is kept."
  )


def test_an_id_is_named_by_its_items():
  data, ids = shop(), semantic_ids()
  row = int(ids.id_of_item[6])
  bare = int(np.flatnonzero(data.requests.query < 0)[0])
  with pytest.raises(BadReward) as error:
    checked_ids([[np.nan]], np.array([bare]), np.array([[row]]), name="mine")
  error.value.name_rows(data.requests, data.catalogue, ids)
  user = data.requests.user_ids[data.requests.user[bare]]
  assert f"request {bare} of user {user}, the ID of item" in str(error.value)


def test_a_command_prints_one_line_and_fails(capsys):
  def work():
    checked_values([np.nan], [1], [2], name="reward cheap")

  assert exit_code(work, interrupted="") == 1
  printed = capsys.readouterr().err
  assert printed.startswith("error: reward cheap is nan for request row 1")
  assert printed.count("\n") == 1


def test_a_gate_of_vectors_that_are_not_finite_is_refused():
  vectors = np.ones((len(shop().catalogue), 2))
  vectors[5] = np.nan
  with pytest.raises(ValueError, match=r"gate's vectors has 1 rows .* row 5"):
    RelevanceGate(shop().requests, vectors, rows=np.arange(3))


def test_the_values_of_a_page_are_finite():
  with pytest.raises(ValueError, match="page reward's clicked is inf"):
    PageRewardConfig(clicked=float("inf"))
