"""The ``labkit`` command: one module for each audience. Holds no logic of its own."""
