"""Where attempts happen: in this very thread, in threads, in processes."""
