"""A real JupyterLab and a real Chromium, for tests that drive a notebook as a learner does.

The `lab` fixture is one JupyterLab for a module of tests. `lab.open_notebook(path)` gives a
`LabNotebook`: run it, find a cell by its id, change the theme, keep a screenshot.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

#: A browser that speaks to nobody but the page it shows.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

#: Every cell is in the page, not only those in view; the theme follows the browser's.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/themes": {
        "adaptive-theme": True,
        "preferred-light-theme": "JupyterLab Light",
        "preferred-dark-theme": "JupyterLab Dark",
    },
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}

#: Cells that are run before the kernel has answered once are forgotten.
KERNEL_READY = """async () => {
    const { context, sessionContext } = window.jupyterapp.shell.currentWidget;
    await context.ready;
    await sessionContext.ready;
    await sessionContext.session.kernel.info;
}"""

READY_S = 60
DEADLINE_MS = 20_000

expect.set_options(timeout=DEADLINE_MS)


@dataclass(frozen=True)
class LabNotebook:
    """One notebook, open in JupyterLab."""

    page: Page
    cell_ids: list[str]
    screenshots: Path

    def run_all(self) -> None:
        """Run every cell and wait for the last."""
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")

    def run_to(self, cell_id: str) -> None:
        """Run every cell up to the one with this id, and that one."""
        self.page.evaluate(
            """async index => {
                const { commands, shell } = window.jupyterapp;
                shell.currentWidget.content.activeCellIndex = index;
                await commands.execute("notebook:run-all-above");
                shell.currentWidget.content.activeCellIndex = index;
                await commands.execute("notebook:run-cell");
            }""",
            self.cell_ids.index(cell_id),
        )

    def run_only(self, cell_id: str) -> None:
        """Run the cell with this id and no other; do not wait for it."""
        self.page.evaluate(
            """index => {
                const { commands, shell } = window.jupyterapp;
                shell.currentWidget.content.activeCellIndex = index;
                shell.currentWidget.content.deselectAll();
                void commands.execute("notebook:run-cell");
            }""",
            self.cell_ids.index(cell_id),
        )

    def write(self, cell_id: str, source: str) -> None:
        """Type ``source`` in place of what the cell with this id holds."""
        self.cell(cell_id).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(source)

    def cell(self, cell_id: str) -> Locator:
        """Return the cell with this id."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(self.cell_ids.index(cell_id))

    def output(self, cell_id: str) -> Locator:
        """Return what the cell with this id put out."""
        return self.cell(cell_id).locator(".jp-OutputArea")

    def use_theme(self, theme: str) -> None:
        """Change to the "light" or the "dark" theme."""
        self.page.emulate_media(color_scheme=theme)
        name = f"JupyterLab {theme.title()}"
        self.page.wait_for_selector(f'body[data-jp-theme-name="{name}"]', state="attached")

    def screenshot(self, name: str, part: Locator | None = None) -> Path:
        """Keep a picture of the page, or of a part of it, and return where it is."""
        path = self.screenshots / f"{name}.png"
        (self.page if part is None else part).screenshot(path=path, animations="disabled")
        return path


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab on ``folder``, and a browser to look at it."""

    folder: Path
    address: str
    token: str
    browser: Browser
    screenshots: Path

    @contextlib.contextmanager
    def open_notebook(self, path: str) -> Iterator[LabNotebook]:
        """Open the notebook at ``path`` in the folder, with its kernel started."""
        cells = nbformat.read(self.folder / path, as_version=4).cells
        page = self.browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(DEADLINE_MS)
        try:
            page.goto(f"{self.address}doc/tree/{path}?token={self.token}")
            page.wait_for_selector(".jp-Notebook .jp-Cell")
            page.evaluate(KERNEL_READY)
            yield LabNotebook(page, [cell.id for cell in cells], self.screenshots)
        finally:
            page.close()

    def write_notebook(self, path: str, cells: dict[str, str]) -> None:
        """Write a notebook of one code cell for each id and its source."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source, id=name) for name, source in cells.items()],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, self.folder / path)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start JupyterLab on an empty folder, and Chromium."""
    home = tmp_path_factory.mktemp("home")
    folder = tmp_path_factory.mktemp("course")
    screenshots = Path(os.environ.get("LABKIT_SCREENSHOTS") or tmp_path_factory.mktemp("shots"))
    screenshots.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(16)
    with _jupyterlab(home, folder, token) as address, _chromium() as browser:
        yield Lab(folder, address, token, browser, screenshots)


@contextlib.contextmanager
def _jupyterlab(home: Path, folder: Path, token: str) -> Iterator[str]:
    settings = home / "settings" / "@jupyterlab"
    for name, values in SETTINGS.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    private = {"HOME": str(home), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings")}
    private |= {name: str(home / name.lower()) for name in names}
    options = ["--no-browser", "--allow-root", "--expose-app-in-browser"]
    options += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}"]
    options += [f"--IdentityProvider.token={token}", "--LabApp.extension_manager=readonly"]
    with (home / "jupyterlab.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=os.environ | private,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        record = home / "jupyter_runtime_dir" / f"jpserver-{process.pid}.json"
        yield f"http://127.0.0.1:{_read_port(record, process)}/"
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        finally:
            # A kernel that outlived its server is in the server's process group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _read_port(record: Path, process: subprocess.Popen[bytes]) -> int:
    """Return the port from the file that a Jupyter server writes when it is ready."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return int(json.loads(record.read_text())["port"])
        time.sleep(0.05)
    pytest.fail(f"JupyterLab did not start within {READY_S} s; see {record.parent.parent}")


@contextlib.contextmanager
def _chromium() -> Iterator[Browser]:
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    with sync_playwright() as playwright:
        path = next(path for path in found if path)
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        try:
            yield browser
        finally:
            browser.close()
