"""What tasks made, looked at again: whether it is still there as it was, and what is in it."""
