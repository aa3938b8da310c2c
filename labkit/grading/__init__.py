"""A class's notebooks, judged, each in a process of its own. Knows nothing of any exercise."""
