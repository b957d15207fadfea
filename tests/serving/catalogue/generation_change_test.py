"""What an answer to a change says, and what a change is on its own."""

from gr_jax.serving.catalogue.generation_change import changed, described
from gr_jax.serving.catalogue.items import ItemChange, NewItem


def change_of(service, change):
  old = service.serving
  return old.snapshot, *changed(old, change)


def test_a_change_is_another_catalogue_and_leaves_the_old_one(make_service):
  service = make_service()
  before, after, record = change_of(
    service, ItemChange([NewItem("N1", "red cup")], remove=["B2"])
  )
  assert after.version == before.version + 1
  assert after.items.row("N1") >= 0
  assert before.items.row("N1") < 0
  assert service.serving.snapshot is before
  assert service.log_records == 0
  # The log keeps the ID that was given, so that it stays.
  (added,) = record["add"]
  assert tuple(added["codes"]) == tuple(
    after.items.record(after.items.row("N1"))["semantic_id"]
  )


def test_items_that_come_are_shown_and_unknown_names_are_said(make_service):
  change = ItemChange(
    [NewItem("N1", "red cup")], remove=["B2", "nobody"], paused={"X": True}
  )
  before, after, record = change_of(make_service(), change)
  answer = described(change, before, after, record)
  assert answer["version"] == after.version
  assert [item["id"] for item in answer["items"]] == ["N1"]
  assert answer["unknown"] == ["nobody", "X"]
