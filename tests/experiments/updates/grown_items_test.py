"""Known items are what a server's log says of them."""

import numpy as np

from experiments.updates.grown_items import known_fields
from gr_jax.data.catalogue import Catalogue, object_array
from gr_jax.serving.catalogue.items import NewItem


def test_fields_that_a_server_was_given_replace_those_of_a_run():
  fields = np.array([["x", "y"], ["z", None]], object)
  old = Catalogue(
    item_ids=object_array(["a", "b"]),
    texts=object_array(["a", "b"]),
    categories=np.empty((2, 0), np.int32),
    category_names=(),
    values=np.zeros(2, np.float32),
    popularity=np.zeros(2, np.int64),
    fields=fields,
    field_names=("account", "shop"),
  )
  logged = [
    NewItem("b", "b", fields={"shop": "w", "unknown": "v"}),
    NewItem("a", "a"),
    NewItem("new", "new", fields={"account": "q"}),
  ]
  found = known_fields(old, logged)
  assert found.tolist() == [["x", "y"], ["z", "w"]]
  # The run's own stay.
  assert fields[1, 1] is None
