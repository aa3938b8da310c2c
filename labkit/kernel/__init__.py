"""What makes a notebook's kernel safe to run servers in: ``%load_ext labkit``."""
