"""Runnable servers."""
