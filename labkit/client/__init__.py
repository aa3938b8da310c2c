"""What talks to a server. Starts none."""
