"""K-means: plain, balanced and in mini-batches."""
