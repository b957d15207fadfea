"""The laws of a catalogue that is searched while it changes."""

import gc
import os
import shutil
import threading
import weakref
from unittest import mock

import chex
import jax
import numpy as np
import pytest

from gr_jax.retrieval import compiled_search, versions
from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.catalogue.service import NoRoom, NotWritten
from gr_jax.serving.engine.batching import Batcher
from gr_jax.serving.engine.engine import Engine
from gr_jax.serving.requests import Invalid
from gr_jax.training.checkpoints import save_params
from tests.reference import resealed

HISTORY = [{"id": "B3", "days_ago": 2}, "B5", "B5"]


def ids(answer) -> list[str]:
  return [item["id"] for item in answer.items]


def price(item_id: str) -> int:
  return 1 + int(item_id[1:]) % 7


def items_of(answers) -> list[list[tuple[str, float]]]:
  return [[(i["id"], i["score"]) for i in each.items] for each in answers]


def test_a_request_has_one_answer_alone_and_among_others(
  make_service, search_of
):
  service = make_service()
  requests = [
    search_of("cup", k=20),
    search_of(None, history=HISTORY, k=20),
    search_of("red plate", profile={"user_id": "u1"}, k=20),
    search_of("blue", filters={"exclude": ["B1", "B2"]}, k=20),
  ]
  together = service.answer(requests)
  alone = [service.answer([request])[0] for request in requests]
  assert items_of(together) == items_of(alone)
  assert together[0].batch == 4


@pytest.mark.slow
def test_500_requests_have_one_answer_alone_in_batches_and_under_load(
  make_service, search_of
):
  service = make_service(max_batch=16)
  rng = np.random.default_rng(0)
  words = ["cup", "plate", "red", "blue", "kitchen", "bottle", "green"]

  def request():
    query = " ".join(rng.choice(words, rng.integers(1, 4)))
    bought = rng.choice(60, rng.integers(0, 6))
    history = [
      {"id": f"B{i}", "days_ago": float(9 - age)}
      for age, i in enumerate(bought)
    ]
    has_query = not history or rng.random() < 0.6
    return search_of(query if has_query else None, history=history, k=50)

  requests = [request() for _ in range(500)]
  alone = items_of([service.answer([each])[0] for each in requests])
  for size in (2, 7, 16):
    answers = []
    for begin in range(0, len(requests), size):
      answers += service.answer(requests[begin : begin + size])
    assert items_of(answers) == alone
  batcher = Batcher(
    service.answer,
    sizes=service.serving.engine.sizes,
    deadline=0.002,
    capacity=500,
    timeout=300,
  )
  try:
    replies = [batcher.submit(each) for each in requests]
    answers = [reply.result(300).answer for reply in replies]
  finally:
    batcher.close()
  assert items_of(answers) == alone
  assert max(each.batch for each in answers) == 16


@pytest.mark.parametrize(
  ("filters", "passes"),
  [
    ({"exclude": ["B0", "B7", "nobody"]}, lambda i: i not in ("B0", "B7")),
    ({"price": {"min": 2, "max": 3}}, lambda i: 2 <= price(i) <= 3),
    ({"price": {"min": 6}}, lambda i: price(i) >= 6),
    ({"categories": ["KITCHEN > CUPS"]}, lambda i: int(i[1:]) % 2 == 0),
    ({"categories": ["KITCHEN"]}, lambda i: True),
    ({"in_stock": True}, lambda i: i not in ("B4", "B5")),
    (
      {"in_stock": True, "categories": ["KITCHEN > CUPS"], "exclude": ["B8"]},
      lambda i: int(i[1:]) % 2 == 0 and i not in ("B4", "B8"),
    ),
  ],
)
def test_filters_are_exact(make_service, find, filters, passes):
  service = make_service()
  service.change(ItemChange(stock={"B4": False, "B5": False}))
  whole = ids(find(service, k=60))
  assert len(whole) == 60
  found = ids(find(service, k=60, filters=filters))
  assert found == [item_id for item_id in whole if passes(item_id)]


def test_pauses_and_prices_are_obeyed_by_the_next_request(make_service, find):
  service = make_service()
  best, *rest = whole = ids(find(service, k=60))
  dear = {"price": {"min": 500}}
  assert ids(find(service, k=60, filters=dear)) == []
  change = ItemChange(paused={best: True, "x": True}, prices={rest[0]: 500.0})
  done = service.change(change)
  assert (done["version"], done["unknown"]) == (2, ["x"])
  assert ids(find(service, k=60)) == rest
  assert ids(find(service, k=60, filters=dear)) == rest[:1]
  assert service.item(best)["paused"]
  # So does a server that starts anew.
  service = make_service()
  assert ids(find(service, k=60)) == rest
  assert ids(find(service, k=60, filters=dear)) == rest[:1]
  service.change(ItemChange(paused={best: False}))
  assert ids(find(service, k=60)) == whole


def test_changes_of_one_write_are_each_whole_or_refused(make_service, find):
  service = make_service(room=1)
  bad = ItemChange([NewItem("a", "x", "A > B > C")], remove=["B1"])
  found = service._committed(
    [
      ItemChange(remove=["B2"]),
      bad,
      ItemChange([NewItem("N1", "red cup")]),
      ItemChange([NewItem("N2", "blue plate")]),
      ItemChange(prices={"B3": 7.0}),
    ]
  )
  assert [type(each) for each in found] == [dict, Invalid, dict, NoRoom, dict]
  assert [found[i]["version"] for i in (0, 2, 4)] == [2, 3, 4]
  assert service.log_records == 3
  assert service.serving.snapshot.version == 4
  assert service.item("B1")
  assert service.item("B3")["price"] == 7.0
  whole = ids(find(service, k=60))
  assert ids(find(make_service(room=1), k=60)) == whole
  assert "B2" not in whole
  assert "N1" in whole


def test_an_unknown_category_is_refused_and_hurts_nobody_else(
  make_service, search_of
):
  bad = search_of(filters={"categories": ["GARDEN"]})
  good, refused = make_service().answer([search_of(), bad])
  assert isinstance(refused, Invalid)
  assert "'GARDEN', which the catalogue does not know" in str(refused)
  assert len(good.items) == 10


def test_a_new_item_is_found_and_no_given_id_moves(make_service, find):
  service = make_service()
  before = service.serving.snapshot.items.semantic_ids.codes
  cup = NewItem("N1", "red cup 1", category="KITCHEN > CUPS", price=2.0)
  done = service.change(ItemChange([cup]))
  assert done["version"] == 2
  assert done["items"][0]["id"] == "N1"
  after = service.serving.snapshot.items.semantic_ids.codes
  np.testing.assert_array_equal(after[: len(before)], before)
  assert after[-1].tolist() == done["items"][0]["semantic_id"]
  assert not (before == after[-1]).all(axis=1).any()
  found = find(service, k=61)
  assert "N1" in ids(found)
  assert found.version == 2
  kept = find(service, k=61, filters={"categories": ["KITCHEN > CUPS"]})
  assert "N1" in ids(kept)
  assert "N1" not in ids(find(service, k=61, filters={"price": {"min": 3}}))


def test_a_new_item_takes_the_category_of_its_neighbours(make_service, find):
  service = make_service()
  bare = NewItem("N1", "green plate")
  given = NewItem("N2", "green plate", "KITCHEN > CUPS")
  new = NewItem("N3", "green plate", "GARDEN > POTS")
  one, two, three = service.change(ItemChange([bare, given, new]))["items"]
  assert one["category"] == "KITCHEN > PLATES"
  assert 0.5 < one["category_share"] <= 1
  assert (two["category"], two["category_share"]) == ("KITCHEN > CUPS", None)
  assert (three["category"], three["category_share"]) == ("GARDEN > POTS", None)
  # Coded as its neighbours are, and found in its own category.
  assert three["semantic_id"][0] == one["semantic_id"][0]
  for path, names in (
    ("KITCHEN > PLATES", {"N1"}),
    ("KITCHEN > CUPS", {"N2"}),
    ("GARDEN > POTS", {"N3"}),
    ("GARDEN", {"N3"}),
  ):
    found = set(ids(find(service, k=63, filters={"categories": [path]})))
    assert found & {"N1", "N2", "N3"} == names
  service = make_service()
  found = find(service, k=63, filters={"categories": ["GARDEN > POTS"]})
  assert ids(found) == ["N3"]


def test_a_given_vector_replaces_the_text(make_service):
  service = make_service()
  vectors = np.load(service.config.artefacts / "vectors" / "items.npy")
  codes = service.serving.snapshot.items.semantic_ids.codes
  item = NewItem(
    "N1", "no word", "KITCHEN > PLATES", vector=tuple(vectors[7].tolist())
  )
  record = service.change(ItemChange([item]))["items"][0]
  assert record["semantic_id"][:-1] == codes[7][:-1].tolist()
  short = item._replace(item_id="N2", vector=(1.0, 2.0))
  with pytest.raises(Invalid, match="a vector of 2 numbers"):
    service.change(ItemChange([short]))


@pytest.mark.parametrize(
  ("spoil", "message"),
  [
    (lambda vector: vector[:2], "item 'B3' has a vector of 2 numbers; this"),
    (lambda vector: (*vector, 0.0), "'B3' has a vector of 273 numbers; this"),
    (lambda vector: (float("nan"), *vector[1:]), "'B3' has nan at place 0"),
    (lambda vector: (*vector[:-1], 1e300), r"'B3' has 1e\+300 at place 271"),
  ],
)
def test_a_known_item_takes_no_vector_that_does_not_fit(
  make_service, spoil, message
):
  service = make_service()
  old = service.item("B3")
  vectors = np.load(service.config.artefacts / "vectors" / "items.npy")
  good = tuple(vectors[3].tolist())
  bad = NewItem("B3", "red plate 3", vector=spoil(good))
  with pytest.raises(Invalid, match=message):
    service.change(ItemChange([NewItem("N1", "cup"), bad], remove=["B1"]))
  assert service.log_records == 0
  assert service.item("B3") == old
  assert service.item("N1") is None
  service.change(ItemChange([bad._replace(vector=good)]))
  assert service.item("B3")["semantic_id"] == old["semantic_id"]


def test_what_is_removed_is_not_found_and_comes_back_under_its_id(
  make_service, find
):
  service = make_service()
  old = service.item("B3")
  done = service.change(ItemChange(remove=["B3", "nobody"]))
  assert done["unknown"] == ["nobody"]
  assert service.item("B3") is None
  found = find(service, k=60, history=HISTORY)
  assert len(found.items) == 59
  assert "B3" not in ids(found)
  assert found.ignored == []  # Histories still know it.
  service.change(ItemChange([NewItem("B3", "red plate 3", price=9.0)]))
  assert service.item("B3") == old | {"text": "red plate 3", "price": 9.0}
  assert len(find(service, k=60).items) == 60


def test_all_items_can_go_and_come_back(make_service, find):
  service = make_service()
  everything = [f"B{i}" for i in range(60)]
  service.change(ItemChange(remove=everything))
  assert find(service, k=10).items == []
  service.change(ItemChange([NewItem("B1", "cup")]))
  assert ids(find(service, k=10)) == ["B1"]


def test_a_change_that_does_not_fit_changes_nothing(make_service):
  service = make_service()
  with pytest.raises(Invalid, match="has category 'A > B > C'; give"):
    service.change(ItemChange([NewItem("a", "x", "A > B > C")], remove=["B1"]))
  assert service.serving.snapshot.version == 1
  assert service.log_records == 0
  assert service.item("B1") is not None


def test_a_change_that_cannot_be_written_is_undone(make_service, find):
  service = make_service()
  full = mock.patch("os.fsync", side_effect=OSError(28, "No space left"))
  with full, pytest.raises(NotWritten, match="No space left"):
    service.change(ItemChange([NewItem("N1", "red cup")], remove=["B1"]))
  assert service.item("N1") is None
  assert len(find(service, k=60).items) == 60
  service.change(ItemChange([NewItem("N2", "red cup")]))
  assert service.item("N2") is not None


def test_a_full_catalogue_says_so_and_keeps_serving(make_service, find):
  service = make_service(room=1)
  service.change(ItemChange([NewItem("N1", "red cup")]))
  with pytest.raises(NoRoom, match="with a larger --room"):
    service.change(ItemChange([NewItem("N2", "blue plate")]))
  assert service.log_records == 1
  assert "N2" not in ids(find(service, k=60))
  service = make_service(room=2)
  service.change(ItemChange([NewItem("N2", "blue plate")]))
  assert service.item("N2") is not None


def test_a_restart_has_every_change_under_the_same_ids(make_service, find):
  service = make_service()
  service.change(ItemChange([NewItem(f"N{i}", "cup of tea") for i in range(3)]))
  service.change(ItemChange([NewItem("B1", "described anew", in_stock=False)]))
  service.change(ItemChange(remove=["N1", "B2"], stock={"N2": False}))
  service.change(ItemChange([NewItem("N3", "plate")]))
  records = [service.item(i) for i in ("N0", "N1", "N2", "N3", "B1", "B2")]
  found, version = find(service, k=60), service.serving.snapshot.version
  service = make_service()
  assert service.serving.snapshot.version == version
  assert records == [
    service.item(i) for i in ("N0", "N1", "N2", "N3", "B1", "B2")
  ]
  assert ids(find(service, k=60)) == ids(found)


def test_another_tokenizer_gives_new_ids_once(make_service, copied):
  service = make_service()
  service.change(ItemChange([NewItem("N1", "red cup"), NewItem("N2", "plate")]))
  service.change(ItemChange(remove=["N2"]))
  resealed.remake(copied, "tokenizer", "another")
  service = make_service(copied)
  assert service.log_records == 3
  first = service.item("N1")
  assert first is not None
  assert service.item("N2") is None
  service = make_service(copied)
  assert service.log_records == 3
  assert service.item("N1") == first


def test_fifty_changes_compile_nothing(run, make_service, find, monkeypatch):
  counted = chex.assert_max_traces(compiled_search.beam_search, n=2)
  monkeypatch.setattr(compiled_search, "beam_search", counted)
  service = make_service()
  service.warm()
  vectors = np.load(run / "vectors" / "items.npy")
  for i in range(50):
    # As the item that it replaces, so that no level runs full.
    new = NewItem(
      f"N{i}",
      f"cup {i}",
      f"KITCHEN > {('CUPS', 'PLATES')[i % 2]}",
      vector=tuple(vectors[i].tolist()),
    )
    service.change(ItemChange([new], remove=[f"B{i}"]))
    if i % 10 == 0:
      assert f"B{i}" not in ids(find(service, k=60))
      assert len(find(service, k=60, filters={"in_stock": True}).items) == 60
  assert len(service._searches) == 1


def test_a_search_under_way_keeps_its_catalogue(make_service, find):
  """Answers are whole: each is of one version, while others are made."""
  service = make_service()
  service.warm()
  stop, failures = threading.Event(), []

  def search():
    while not stop.is_set():
      answer = find(service, k=61)
      # Version v has N0..N{v-2}, and B0..B{v-2} are gone.
      gone = {f"B{i}" for i in range(answer.version - 1)}
      new = {f"N{i}" for i in range(answer.version - 1)}
      found = set(ids(answer))
      if len(found) != 60 or found & gone or not new <= found:
        failures.append(answer.version)

  threads = [threading.Thread(target=search) for _ in range(2)]
  for thread in threads:
    thread.start()
  for i in range(15):
    service.change(ItemChange([NewItem(f"N{i}", f"cup {i}")], remove=[f"B{i}"]))
  stop.set()
  for thread in threads:
    thread.join()
  assert failures == []


def test_a_reload_keeps_what_was_added_and_compiles_nothing(
  make_service, find, copied
):
  service = make_service(copied)
  service.warm()
  service.change(ItemChange([NewItem("N1", "red cup")], remove=["B1"]))
  before = ids(find(service, k=60))
  programs = len(service._searches)
  service.reload()
  assert ids(find(service, k=60)) == before
  assert len(service._searches) == programs


def test_changes_that_come_during_a_reload_are_taken_and_kept(
  make_service, find, copied, monkeypatch
):
  service = make_service(copied)
  service.change(ItemChange(remove=["B1"]))
  warm = Engine.warm

  def changed_meanwhile(engine, snapshot):
    warm(engine, snapshot)
    service.change(ItemChange([NewItem("N1", "red cup")], remove=["B2"]))
    service.change(ItemChange(paused={"B3": True}))

  monkeypatch.setattr(Engine, "warm", changed_meanwhile)
  programs = len(service._searches)
  assert service.reload() == 4 == service.serving.snapshot.version
  assert len(service._searches) - programs <= len(service.serving.engine.sizes)
  found = set(ids(find(service, k=61)))
  assert "N1" in found
  assert not found & {"B1", "B2", "B3"}
  code = service.item("N1")
  assert make_service(copied).item("N1") == code


def test_a_version_is_switched_to_and_back_and_compiles_nothing(
  make_service, find, copied
):
  service = make_service(copied)
  service.warm()
  service.change(ItemChange([NewItem("N1", "red cup")], remove=["B1"]))
  programs, first = len(service._searches), find(service, k=60)
  assert first.model == versions.FIRST
  linked = copied / versions.VERSIONS / "0001"
  shutil.copytree(copied, linked, copy_function=os.link)
  shutil.rmtree(linked / "generator" / "params")
  params = service.serving.engine.artefacts.params
  save_params(linked / "generator", jax.tree.map(lambda x: 0.9 * x, params))
  resealed.reseal(linked / "generator")
  service.reload()
  assert find(service, k=60).model == versions.FIRST
  versions.point_to(copied, "0001")
  service.reload()
  second = find(service, k=60)
  assert second.model == "0001"
  assert second.items != first.items
  assert set(ids(second)) == set(ids(first))
  versions.point_to(copied, versions.FIRST)
  service.reload()
  assert find(service, k=60).items == first.items
  assert len(service._searches) == programs


def test_the_generation_before_is_freed_without_a_collection(
  make_service, find, copied
):
  """A server spares itself full collections; see `serving.long_lived`."""
  service = make_service(copied)
  find(service, k=5)
  engine, encoder, snapshot = service.serving
  params = jax.tree.leaves(engine.artefacts.params)[0]
  parts = [engine, engine.artefacts, encoder, snapshot, params]
  gone = list(map(weakref.ref, parts))
  del engine, encoder, snapshot, params, parts
  gc.disable()
  try:
    service.reload()
    assert [each() for each in gone] == [None] * len(gone)
  finally:
    gc.enable()


def test_a_damaged_run_is_not_reloaded_and_the_old_one_serves(
  make_service, find, copied
):
  service = make_service(copied)
  before = ids(find(service, k=60))
  codes = copied / "tokenizer" / "semantic_ids" / "codes.npy"
  codes.write_bytes(codes.read_bytes()[:-100])
  with pytest.raises(ValueError, match="cannot be read"):
    service.reload()
  assert ids(find(service, k=60)) == before
  service.change(ItemChange([NewItem("N1", "red cup")]))


def test_removing_what_nobody_knows_is_no_change(make_service):
  service = make_service()
  done = service.change(
    ItemChange(remove=["x"], stock={"y": True}, prices={"z": 1.0})
  )
  assert (done["version"], done["unknown"]) == (1, ["x", "y", "z"])
  assert service.log_records == 0
  # What comes later under such an id is not sold out by that.
  service.change(ItemChange(remove=["B1"], stock={"N1": False}))
  service.change(ItemChange([NewItem("N1", "red cup")]))
  assert make_service().item("N1")["in_stock"]


def test_a_log_that_was_moved_takes_no_change_until_it_is_back(
  make_service, find
):
  service = make_service()
  service.change(ItemChange([NewItem("N1", "red cup")]))
  log = service.config.log
  log.rename(log.with_name("moved"))
  assert "put it back" in service.log_trouble
  with pytest.raises(NotWritten, match=r"items\.log cannot be found"):
    service.change(ItemChange(remove=["B1"]))
  assert service.item("B1")
  assert len(find(service, k=60).items) == 60
  log.with_name("moved").rename(log)
  assert service.log_trouble is None
  service.change(ItemChange(remove=["B1"]))
  assert make_service().item("B1") is None


def test_room_of_items_that_left_long_ago_is_given_back(
  make_service, find, capsys
):
  service = make_service(room=16, remembered=2)
  ids_of = {}
  for n in range(40):
    new = NewItem(f"N{n}", "red cup", "KITCHEN > CUPS", price=2.0)
    (item,) = service.change(ItemChange([new], [f"N{n - 1}"]))["items"]
    ids_of[f"N{n}"] = item["semantic_id"]
    assert 11 <= service.room_left <= 16
    if n % 8 == 7:
      found = ids(find(service, k=62))
      assert [each for each in found if each[0] == "N"] == [f"N{n}"]
  assert capsys.readouterr().err == ""  # Whoever left makes room.
  # The latest are remembered, also by a server that starts anew.
  for _ in range(2):
    again = service.change(ItemChange([NewItem("N38", "red cup")]))["items"]
    assert again[0]["semantic_id"] == ids_of["N38"]
    before = ids(find(service, k=62)), service.serving.snapshot.version
    service = make_service(room=16, remembered=2)
    assert (
      ids(find(service, k=62)),
      service.serving.snapshot.version,
    ) == before


def test_room_that_ends_is_warned_of_before(make_service, capsys):
  service = make_service(room=16)
  for n in range(16):
    service.change(ItemChange([NewItem(f"N{n}", f"{n} cups", vector=None)]))
    assert ("room for 1 of 16 new" in capsys.readouterr().err) == (n == 14)
  assert service.room_left == 0


def test_a_start_with_less_room_forgets_and_goes_on(make_service):
  service = make_service()
  names = [f"N{n}" for n in range(12)]
  service.change(ItemChange([NewItem(n, "red cup") for n in names]))
  service.change(ItemChange(remove=names[1:]))
  kept = service.item("N0")
  service = make_service(room=4)
  assert service.item("N0") == kept
  assert service.room_left > 0
  service.change(ItemChange([NewItem("N99", "red cup")]))


def test_another_model_has_another_version(make_service, find, copied):
  service = make_service(copied)
  service.reload()
  assert service.serving.snapshot.version == 1
  linked = copied / versions.VERSIONS / "0001"
  shutil.copytree(copied, linked, copy_function=os.link)
  versions.point_to(copied, "0001")
  assert service.reload() == 2 == find(service).version
  service.change(ItemChange(remove=["B1"]))
  service = make_service(copied)
  assert service.serving.snapshot.version == 3
  versions.point_to(copied, versions.FIRST)
  # So it has at a start.
  assert make_service(copied).serving.snapshot.version == 4
  assert make_service(copied).serving.snapshot.version == 4


def test_the_log_is_compacted_while_it_is_served(make_service, find):
  service = make_service(compact_bytes=4000)
  for n in range(80):
    service.change(ItemChange(prices={f"B{n % 60}": 1.0 + n}))
  service.change(ItemChange([NewItem("N1", "red cup")], remove=["B2"]))
  for thread in threading.enumerate():
    if thread.name == "compaction":
      thread.join()
  assert service.log_bytes < 6000
  service.compact()
  service.change(ItemChange([NewItem("N2", "blue plate")], remove=["N1"]))
  found, version = ids(find(service, k=62)), service.serving.snapshot.version
  known = [service.item(name) for name in ("B0", "B1", "N2")]
  service = make_service()
  assert version == service.serving.snapshot.version == 83
  assert ids(find(service, k=62)) == found
  assert [service.item(name) for name in ("B0", "B1", "N2")] == known
