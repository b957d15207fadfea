"""`python -m gr_jax.import_data`, from a checkout that is not installed."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from gr_jax.import_data import main

if __name__ == "__main__":
  sys.exit(main())
