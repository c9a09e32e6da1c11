"""One Ray Serve deployment per file, thin: configuration, batching, threads, metrics."""
