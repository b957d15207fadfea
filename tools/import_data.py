"""`python -m gr_jax.import_data`, from a checkout that is not installed."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

try:
  from gr_jax.import_data import main
except ModuleNotFoundError as error:
  sys.exit(f"error: {error}; run `pip install .` first.")

if __name__ == "__main__":
  sys.exit(main())
