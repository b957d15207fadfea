import pytest

from gr_jax.serving.http.fields import Invalid
from gr_jax.serving.http.item_changes import change, items_record


def asked(body):
  return change(items_record().check(body))


def test_a_change_holds_what_the_body_says():
  body = {
    "add": [{"id": "a", "text": "b", "price": 2, "vector": [1, 2.5]}],
    "remove": ["c"],
    "stock": {"d": False},
  }
  found = asked(body)
  assert found.add[0].vector == (1, 2.5)
  assert found.add[0].in_stock is True
  assert (found.remove, found.stock) == (("c",), (("d", False),))


@pytest.mark.parametrize(
  ("body", "said"),
  [
    ({}, "changes nothing"),
    ({"add": []}, "changes nothing"),
    ({"add": [{"id": "a", "text": "b"}] * 2}, "'a' stands in this change"),
    ({"add": [{"id": "a", "text": "b"}], "remove": ["a"]}, "twice"),
    ({"remove": ["a", "a"]}, "twice"),
    ({"add": [{"id": "a"}]}, "add[0] lacks 'text'"),
    ({"stock": {"a": 1}}, "stock.a must be true or false"),
  ],
)
def test_a_change_that_says_nothing_or_too_much_is_refused(body, said):
  with pytest.raises(Invalid) as caught:
    asked(body)
  assert said in str(caught.value)
