"""Widgets for the notebooks. Each shows a plain class that works and is tested without one."""
