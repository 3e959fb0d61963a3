"""Chromium without a window, spoken to over a pipe in the DevTools protocol: what a page draws, says and asks for.

    with Browser() as browser:
        page = browser.open("file:///...")
        page.evaluate("document.title")

Nothing but the standard library. find() is None where there is no Chromium.
"""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

WAIT_S = 120


def find():
    return next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)


class Browser:
    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        theirs_in, self.write_to = os.pipe()
        self.read_from, theirs_out = os.pipe()
        # Out of the way of 3 and 4, by which Chromium listens and speaks.
        given = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
                 "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}", "about:blank"]
        self.errors = open(os.path.join(self.profile.name, "stderr"), "wb+")
        self.process = subprocess.Popen([find(), *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors,
                                        preexec_fn=lambda: (os.dup2(given[0], 3), os.dup2(given[1], 4)), pass_fds=(3, 4))
        for end in (theirs_in, theirs_out, *given):
            os.close(end)
        self.received, self.number, self.events = b"", 0, []
        return self

    def __exit__(self, *_):
        os.close(self.write_to)  # Chromium ends with its pipe
        try:
            self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read_from)
        self.errors.close()
        self.profile.cleanup()

    def open(self, url, width=1280, height=900):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        page.call("Page.navigate", url=url)
        page.wait_for("Page.loadEventFired")
        return page

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write_to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                break
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def receive(self):
        """The next message; an event is kept as well."""
        deadline = time.monotonic() + WAIT_S
        while b"\0" not in self.received:
            ready, _, _ = select.select([self.read_from], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.read_from, 1 << 20) if ready else b""
            if not data:
                self.errors.seek(0)
                raise RuntimeError("Chromium says nothing. Its words: " + self.errors.read().decode(errors="replace")[-2000:])
            self.received += data
        text, self.received = self.received.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def events(self, *methods):
        return [e for e in self.browser.events if e.get("sessionId") == self.session and e["method"] in methods]

    def wait_for(self, method):
        while not self.events(method):
            self.browser.receive()

    def evaluate(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", "threw"))
        return answer["result"].get("value")

    def bring_to_front(self):
        self.call("Page.bringToFront")

    def settle(self):
        """Until what follows from a change of size or colours has been drawn. Only the page in front draws."""
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def complaints(self):
        """What stands in the console, and what was thrown or refused."""
        self.evaluate("new Promise((done) => setTimeout(done))")  # what is under way has been said by then
        return [json.dumps(e["params"]) for e in self.events("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")]

    def requests(self):
        return [e["params"]["request"]["url"] for e in self.events("Network.requestWillBeSent")]

    def screenshot(self, path):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
