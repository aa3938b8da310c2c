"""What of a cell's outputs is stored: only what a second run gives again. Runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# A widget view names a model that lives no longer than its kernel, and the bytes of a picture
# depend on the fonts of the machine. nbval leaves out the same types. Their text/plain stays.
UNSTABLE_TYPES = {"application/vnd.jupyter.widget-view+json", "image/png", "image/jpeg"}


def stable_outputs(outputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return ``outputs`` without what differs from run to run.

    The pieces of a stream become one, where its first piece stood: how a kernel cuts it is chance.
    A traceback becomes its last line.
    """
    kept: list[dict[str, Any]] = []
    streams: dict[str, dict[str, Any]] = {}
    for output in outputs:
        match output["output_type"]:
            case "stream" if output["name"] in streams:
                streams[output["name"]]["text"] += output["text"]
            case "stream":
                streams[output["name"]] = {
                    "output_type": "stream",
                    "name": output["name"],
                    "text": output["text"],
                }
                kept.append(streams[output["name"]])
            case "error":
                kept.append(_one_line(output))
            case kind:
                data = {k: v for k, v in output["data"].items() if k not in UNSTABLE_TYPES}
                if data:
                    kept.append(_with_data(kind, data, output))
    return kept


def _one_line(error: Mapping[str, Any]) -> dict[str, Any]:
    name, value = error["ename"], error["evalue"]
    return {
        "output_type": "error",
        "ename": name,
        "evalue": value,
        "traceback": [f"{name}: {value}" if value else name],
    }


def _with_data(kind: str, data: dict[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"output_type": kind, "data": data, "metadata": {}}
    if kind == "execute_result":
        result["execution_count"] = output["execution_count"]
    return result
