"""What an audit finds. Looks for nothing itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be. ``file`` is a path from the course's root."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"

    def as_json(self) -> dict[str, str]:
        """Return the stable fields that ``labkit dev check --json`` prints."""
        return {"file": self.file, "finding": self.text}
