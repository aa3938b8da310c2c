"""The course's own files: their Markdown, the notebooks built from it, what must hold of both."""
