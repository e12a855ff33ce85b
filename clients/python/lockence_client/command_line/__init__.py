"""The `lockence` command: what the website does, for a terminal and for scripts. Needs click and rich, and Python 3.11."""
