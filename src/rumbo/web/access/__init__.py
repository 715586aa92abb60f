"""Who may ask a server for what, how much, and how often; and what is written down of it."""
