"""What studies that compare arms are made of."""
