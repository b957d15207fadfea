"""Four-bit numbers in blocks with scales: NVFP4, MXFP4, INT4."""
