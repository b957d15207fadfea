"""New items are read as an import reads them, and rejected ones are counted."""

from experiments.updates.new_items import read_items


def test_items_have_a_path_and_a_price(tmp_path):
  path = tmp_path / "items.csv"
  path.write_text(
    "item_id,text,category,value\n"
    "e,red  cup,KITCHEN | CUPS,3\nf,plate,,\nf,plate,,\n,none,,\ng,gift,,0\n"
  )
  first, second, free = read_items(path, {}).items
  assert free.price == 0
  assert first.category == "KITCHEN > CUPS"
  assert (first.item_id, first.text, first.price) == ("e", "red cup", 3.0)
  assert (second.category, second.price) == (None, None)


def test_paths_are_split_as_the_import_split_them(tmp_path):
  path = tmp_path / "items.csv"
  path.write_text("item_id,text,category\na,cup,A/C parts\n")
  (whole,) = read_items(path, {}, separator="none").items
  (split,) = read_items(path, {}, separator="/").items
  assert (whole.category, split.category) == ("A/C parts", "A > C parts")


def test_columns_of_the_import_are_read_where_the_file_has_them(tmp_path):
  path = tmp_path / "items.csv"
  path.write_text("item_id,name,brand\na,cup,Blue\n")
  usual = {"text": "brand+name", "value": "price"}
  (item,) = read_items(path, {}, usual=usual).items
  assert item.text == "Blue cup"


def test_what_is_no_item_is_counted_by_reason(tmp_path):
  path = tmp_path / "items.csv"
  lines = [
    "item_id,text,value",
    "a,cup,3",
    ",cup,3",
    "b,,3",
    "c,cup,-1",
    "a,x,",
  ]
  path.write_text("\n".join(lines) + "\n")
  found = read_items(path, {})
  assert [item.item_id for item in found.items] == ["a", "c"]
  text = found.sentence(added=1)
  assert text.startswith("1 of 2 items are new; left out ")
  assert "1 x missing item text" in text
  assert sum(found.left_out.values()) == 4
