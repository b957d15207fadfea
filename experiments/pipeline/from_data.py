"""Settings that the data decides where a recipe does not ([OURS])."""

from ml_collections import ConfigDict

from gr_jax.data.catalogue import ITEM_ID, Catalogue
from gr_jax.data.chosen_together import training_visits
from gr_jax.data.requests import Requests

BY_DATA = -1
# Fields that tell ads with one content apart, and those that say whose they
# are, which is no secret to what is learned.
HASHED = (ITEM_ID, "account", "advertiser", "conversion")
OWNERS = ("account", "advertiser")
NEIGHBOURS = 48
HISTORY_WINDOW = 5


def settled(section: ConfigDict, requests: Requests) -> ConfigDict:
  """A generator section whose `transitions` are decided.

  A number of `neighbours` of -1 becomes 48 where users choose items one by one
  (`leads_to_single_items`), as then the sequence alone shows what goes
  together; 0 where they choose baskets, where the section has no counts or
  learns whole pages, as transitions need the first and are not learned by the
  second, and where it has candidates, which know what follows what.

  Args:
    section: a generator section; it may have `transitions`.
    requests: the requests of the run.
  """
  if section.get("transitions", {}).get("neighbours") != BY_DATA:
    return section
  section = ConfigDict(section.to_dict())
  task = section.get("task", "point_wise")
  reads = section.get("count_alpha") and task == "point_wise"
  reads = reads and not section.get("candidates", {}).get("size", 0)
  single = bool(reads) and leads_to_single_items(requests)
  section.transitions.neighbours = NEIGHBOURS if single else 0
  return section


def with_fields(section: ConfigDict, catalogue: Catalogue) -> ConfigDict:
  """A tokenizer's section whose `fields` are named, where it has that key.

  Of None become the `HASHED` ones that the catalogue has, and of
  `contrast.facts` the `OWNERS` among them.

  Raises:
    ValueError: a field that the catalogue does not have, or a fact of the
      contrast that is no field.
  """
  if "fields" not in section:
    return section
  section = ConfigDict(section.to_dict())
  if section.fields is None:
    there = (ITEM_ID, *catalogue.field_names)
    section.fields = tuple(name for name in HASHED if name in there)
  catalogue.fields_of(section.fields)
  if section.contrast.facts is None:
    section.contrast.facts = tuple(n for n in OWNERS if n in section.fields)
  unknown = [n for n in section.contrast.facts if n not in section.fields]
  if unknown:
    raise ValueError(
      f"tokenizer.contrast.facts names {unknown[0]!r}, which is none of "
      f"tokenizer.fields={section.fields}; name it there as well."
    )
  return section


def decided_window(history_window: int, requests: Requests) -> int:
  """The number of newest history items that join a basket of vectors.

  One of -1 becomes 5 where users choose items one by one
  (`leads_to_single_items`), as then only the sequence shows what goes together,
  and 0 where they choose baskets.
  """
  if history_window != BY_DATA:
    return history_window
  return HISTORY_WINDOW if leads_to_single_items(requests) else 0


def leads_to_single_items(requests: Requests) -> bool:
  """Whether more than half of the training visits led to one item."""
  single, visits = training_visits(requests)
  return single * 2 > visits
