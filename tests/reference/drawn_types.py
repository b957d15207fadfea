"""The product types that `typed_queries.csv` paraphrases.

The types of the default purchases are ranked by their purchases in training
and cut into four bands; of each band 50 are drawn, a type with probability in
proportion to 1 / sqrt(types of its department in the band), so that groceries
do not fill the list. For each of them one query was written as people type
it, before any search was run on any of them: other words, plurals, slips of
spelling, other orders, brands.

  python -m tests.reference.drawn_types

prints the types in the order of the file. Its column `right` holds patterns
of category paths ("*" is any text) with "|" between: the type first, then all
others that the words may mean. An item is right if its path matches one.
"""

import numpy as np

from gr_jax.data.catalogue import Catalogue
from gr_jax.data.sources.complete_journey.tables import (
  CompleteJourneyConfig,
  load,
)

# The share of the training purchases that the types of a band, and of those
# before it, hold.
BANDS = (0.5, 0.8, 0.95, 0.999)
EACH = 50
SEED = 21
# Of these nobody types a word: no product, or one without a name.
NO_WORDS = ("coupon", "miscellaneous", "transactions", "electronic", "deposit")


def drawn_types(catalogue: Catalogue) -> list[str]:
  """Returns the paths "department > category > type" that were drawn."""
  names = np.array(catalogue.category_names[2], object)
  of_item = catalogue.categories[:, 2]
  deep = of_item >= 0
  sales = np.bincount(
    of_item[deep], catalogue.popularity[deep], minlength=len(names)
  )
  named = [not any(word in path for word in NO_WORDS) for path in names]
  order = np.argsort(-sales, kind="stable")
  order = order[np.array(named)[order]]
  before = np.cumsum(sales[order]) / sales[order].sum()
  band = np.searchsorted(BANDS, before)
  rng = np.random.default_rng(SEED)
  found = []
  for each in range(len(BANDS)):
    types = names[order[band == each]]
    departments = [path.split(" > ")[0] for path in types]
    _, of_type, sizes = np.unique(
      departments, return_inverse=True, return_counts=True
    )
    weight = 1 / np.sqrt(sizes[of_type])
    drawn = rng.choice(len(types), EACH, replace=False, p=weight / weight.sum())
    found += types[drawn].tolist()
  return found


if __name__ == "__main__":
  print(*drawn_types(load(CompleteJourneyConfig())[0]), sep="\n")
