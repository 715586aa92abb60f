"""Tools around tasks: ranges of them, and programs that look at them."""
