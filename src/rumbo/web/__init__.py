"""What the server shows the world over HTTP."""
