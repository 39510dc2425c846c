"""A headless Chromium by its own protocol: opens a page, draws, looks."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.request

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def executable():
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Chrome:
    def __init__(self, folder):
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        flags += ["--remote-debugging-port=0", f"--user-data-dir={folder}"]
        flags += ["--disable-dev-shm-usage", "--window-size=1100,760", "about:blank"]
        self.process = subprocess.Popen(
            [executable(), *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.number = 0
        with contextlib.ExitStack() as stack:
            stack.callback(self._end)
            self._connect(folder, stack)
            self.stack = stack.pop_all()

    def _connect(self, folder, stack):
        from websockets.sync.client import connect

        file = folder / "DevToolsActivePort"
        wait(file.is_file, 60)
        port = file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=30) as r:
            pages = json.load(r)
        address = next(p for p in pages if p["type"] == "page")["webSocketDebuggerUrl"]
        self.socket = stack.enter_context(
            connect(address, max_size=None, open_timeout=30)
        )
        self.do("Runtime.enable")
        self.do("Page.enable")

    def do(self, method, **params):
        self.number += 1
        self.socket.send(
            json.dumps({"id": self.number, "method": method, "params": params})
        )
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]

    def run(self, script):
        """What a line of JavaScript gives."""
        executable = self.do(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in executable, executable["exceptionDetails"]
        return executable["result"].get("value")

    def open(self, address):
        self.do("Page.navigate", url=address)
        wait(lambda: self.run("document.readyState") == "complete", 60)

    def draw(self, selector, points):
        """A stroke through points in parts of an element's sides."""
        box = self.run(
            f"(({{x, y, width, height}}) => [x, y, width, height])"
            f"(document.querySelector('{selector}').getBoundingClientRect())"
        )
        kinds = (
            ["mousePressed"] + ["mouseMoved"] * (len(points) - 1) + ["mouseReleased"]
        )
        for kind, (x, y) in zip(kinds, [*points, points[-1]], strict=True):
            self.do(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0] + x * box[2],
                y=box[1] + y * box[3],
                button="left",
                buttons=1,
                clickCount=1,
            )

    def screenshot(self, path):
        executable = self.do("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(executable["data"]))

    def _end(self):
        self.process.terminate()
        self.process.wait(30)

    def close(self):
        self.stack.close()


def wait(ready, seconds):
    """Until something is so."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)
