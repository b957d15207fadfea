"""Real pictures with classes: Fashion-MNIST and digits."""
