"""A report of pirbench in a browser: that it really draws, shows every cell, computes its front right, asks nobody for
anything, and treats what result lines say as text.

usage: pirbench_report.py REPORT_FIXTURE [DIRECTORY]    DIRECTORY gets screenshots, for people
"""
import base64
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import unittest

import browser

PROGRAM = ""
SHOTS = None

SET = "(id, value) => { const e = document.getElementById(id); e.type === 'checkbox' ? e.checked = value : e.value = value;" \
      " e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change')); }"
# How many pixels of each chart are drawn upon, and in how many colours.
INK = """[...document.querySelectorAll('.chart canvas')].map((canvas) => {
  const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  const drawn = pixels.filter((pixel) => pixel !== 0);
  return [drawn.length, new Set(drawn).size];
})"""
# Moves a mouse over all of a chart; what its tips were about, and said.
HOVER = """(selector) => {
  const chart = document.querySelector(selector), over = chart.querySelector('.u-over'), box = over.getBoundingClientRect();
  const seen = {};
  for (let y = 2; y < box.height; y += 9) for (let x = 2; x < box.width; x += 9) {
    over.dispatchEvent(new MouseEvent('mousemove', {clientX: box.left + x, clientY: box.top + y, movementX: 1, bubbles: true}));
    const tip = chart.querySelector('.tip');
    if (!tip.hidden) seen[tip.querySelector('strong').textContent] = tip.querySelector('dl').textContent;
  }
  return seen;
}"""


def run_fixture(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False)


class Report:
    """A report on `lines`, open in the browser."""

    def __init__(self, opened_by, folder, lines, width=1280):
        pathlib.Path(folder, "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        html = pathlib.Path(folder, "report.html")
        made = run_fixture("report", folder, "-o", html)
        assert made.returncode == 0, made.stderr
        self.url = html.as_uri()
        self.page = opened_by.open(self.url, width)

    def set(self, control, value):
        self.page.evaluate(f"({SET})({json.dumps(control)}, {json.dumps(value)})")

    def data(self, selector, name):
        return self.page.evaluate(f"document.querySelector({json.dumps(selector)}).dataset[{json.dumps(name)}]")

    def points(self, selector):
        return int(self.data(selector, "points"))


def measured(lines, rows):
    return [line for line in lines if line["status"] == "measured" and line["workload"]["rows"] == rows]


def cost(line, wanted, fetches):
    """Bytes and server CPU of one row; fetches: how many share the statics, or 0 to leave them out."""
    size = {name: figure["measured"] for name, figure in line["bytes"].items()}
    wanted = wanted or line["rows_fetched"]
    queries = -(-wanted // line["rows_fetched"])
    moved = queries * (size["request"] + size["answer"]) + (size["statics"] / fetches if fetches else 0)
    return moved / wanted, statistics.median(line["seconds"]["answer"]["samples"]) / line["batch"] * queries / wanted


def front(lines, wanted, fetches):
    """By sorting, where the page compares all with all: a cell is beaten when a cheaper or equal one has not more work."""
    left, least, at = set(), float("inf"), None
    for bytes_, seconds, name in sorted((*cost(line, wanted, fetches), line["id"]) for line in lines):
        if seconds < least or (bytes_, seconds) == at:
            left.add(name)
            least, at = min(least, seconds), (bytes_, seconds)
    return left


def is_private(line):
    scheme = line["scheme"]
    return scheme["trust"] == "none" and not any(scheme[k] for k in ("links_sessions", "reveals_volume", "reveals_messages"))


def predicted_points(lines, group, names):
    def known(line, name):
        figure = line[group][name]
        value = figure.get("measured")
        if "samples" in figure:
            value = statistics.median(figure["samples"])
        if name == "client":
            value = sum(statistics.median(line["seconds"][half]["samples"]) for half in ("client_query", "client_recover"))
        return bool(value) and bool(figure["predicted"])
    return sum(known(line, name) for line in lines for name in names)


class PirbenchReport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        path = pathlib.Path(cls.folder.name, "results.jsonl")
        run_fixture("lines", path)
        cls.lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        cls.browser = cls.enterClassContext(browser.Browser()) if hasattr(cls, "enterClassContext") else cls.open_browser()
        cls.report = Report(cls.browser, cls.folder.name, cls.lines)

    @classmethod
    def open_browser(cls):
        opened = browser.Browser()
        cls.addClassCleanup(opened.__exit__)
        return opened.__enter__()

    def setUp(self):
        for control, value in (("workload", self.workloads()[0]), ("pareto-rows", "16"), ("pareto-statics", True), ("pareto-fetches", "20")):
            self.report.set(control, value)

    def workloads(self):
        return self.report.page.evaluate("[...document.getElementById('workload').options].map((option) => option.value)")

    def shoot(self, name, page=None):
        if SHOTS:
            (page or self.report.page).screenshot(pathlib.Path(SHOTS, name + ".png"))

    def test_draws_and_asks_for_nothing(self):
        self.assertEqual(self.report.data("html", "drawn"), "true")
        self.assertEqual(self.report.page.complaints(), [])
        self.assertEqual([url for url in self.report.page.requests() if not url.startswith("data:")], [self.report.url])
        ink = self.report.page.evaluate(INK)
        self.assertEqual(len(ink), 5)
        for pixels, colours in ink:
            self.assertGreater(pixels, 5000)
            self.assertGreater(colours, 20)
        self.shoot("light")

    def test_every_cell_is_a_point_and_a_row(self):
        for workload, rows in zip(self.workloads(), (10_000, 100_000)):
            self.report.set("workload", workload)
            cells = measured(self.lines, rows)
            self.assertIn(f"{rows:,} rows", workload)
            self.assertEqual(self.report.points("#pareto .chart"), len(cells))
            self.assertEqual(self.report.points("#batch .chart"), len(cells))
            self.assertEqual(self.report.points("#predicted .bytes"),
                             predicted_points(cells, "bytes", ("request", "answer", "statics", "server_memory")))
            self.assertEqual(self.report.points("#predicted .seconds"), predicted_points(cells, "seconds", ("setup", "answer", "client")))
            for table in ("#pareto", "#batch", "#predicted"):
                self.assertEqual(int(self.report.data(table + " .table", "rows")), len(cells))
        total = sum(line["status"] == "measured" for line in self.lines)
        self.assertEqual(int(self.report.data("#cells .measured", "rows")), total)
        self.assertEqual(int(self.report.data("#cells .costs", "rows")), total)
        self.assertEqual(int(self.report.data("#cells .unmeasured", "rows")), len(self.lines) - total)
        reasons = self.report.page.evaluate("document.querySelector('#cells .unmeasured').textContent")
        self.assertIn("needs 7.1 GB, memory_max is 6.4 GB", reasons)
        self.assertIn("the answer did not open", reasons)

    def test_front_is_what_nothing_beats(self):
        cells = measured(self.lines, 10_000)
        for wanted in (0, 1, 16, 256):
            for slider, fetches in ((0, 1), (20, 10), (60, 1000), (None, 0)):
                with self.subTest(wanted=wanted, fetches=fetches):
                    self.report.set("pareto-rows", str(wanted))
                    self.report.set("pareto-statics", slider is not None)
                    self.report.set("pareto-fetches", str(slider or 0))
                    shown = set(json.loads(self.report.data("#pareto .chart", "front")))
                    self.assertEqual(shown, front([c for c in cells if is_private(c)], wanted, fetches))
                    of_all = set(json.loads(self.report.data("#pareto .chart", "frontOfAll")))
                    self.assertEqual(of_all, front(cells, wanted, fetches))

    def test_a_class_can_be_hidden(self):
        click = "[...document.querySelectorAll('#pareto .legend button')].find((b) => b.textContent.startsWith('relaxed')).click()"
        cells = measured(self.lines, 10_000)
        self.report.page.evaluate(click)
        self.assertEqual(self.report.points("#pareto .chart"), sum(line["scheme"]["name"] != "direct" for line in cells))
        self.report.page.evaluate(click)
        self.assertEqual(self.report.points("#pareto .chart"), len(cells))

    def test_pointing_shows_all_figures(self):
        seen = self.report.page.evaluate(f"({HOVER})('#pareto .chart')")
        self.assertTrue({"simplepir", "ring32", "segments"} <= {title.split(",")[0] for title in seen}, seen.keys())
        for text in seen.values():
            for figure in ("bytes per row", "server CPU per row", "request", "answer", "statics", "setup", "server memory", "leakage"):
                self.assertIn(figure, text)
        day = self.report.page.evaluate(f"({HOVER})('#day .chart')")
        self.assertGreater(len(day), 20)
        self.assertIn("ring32", day["100,000 records a day"])

    def test_crossovers_are_printed(self):
        self.assertEqual(int(self.report.data("#day .chart", "lines")), 4, "full send and the three that differ from it")
        self.assertEqual(self.report.points("#day .chart"), 3, "where they cross it")
        table = self.report.page.evaluate("document.querySelector('#day .crossovers').innerText")
        for scheme in ("direct", "simplepir", "ring32"):
            self.assertRegex(table, scheme + r"\s+[\d,]+ records a day")
        self.assertRegex(self.report.page.evaluate("document.getElementById('day-note').textContent"), r"simplepir ends at [\d,]+ records")

    def test_dark_paper_and_narrow(self):
        page = self.report.page
        paper = "getComputedStyle(document.body).backgroundColor"
        light, light_ink = page.evaluate(paper), page.evaluate(INK)
        page.bring_to_front()
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        page.settle()
        self.assertNotEqual(page.evaluate(paper), light)
        self.assertNotEqual(page.evaluate(INK), light_ink, "charts are drawn again in the colours of the page")
        self.shoot("dark")
        pdf = base64.b64decode(page.call("Page.printToPDF", printBackground=False)["data"])
        self.assertTrue(pdf.startswith(b"%PDF"))
        if SHOTS:
            pathlib.Path(SHOTS, "print.pdf").write_bytes(pdf)
        self.assertEqual(page.evaluate("document.querySelectorAll('main details[open]').length"), 0, "folded again after printing")
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
        page.settle()
        self.assertEqual(page.evaluate(INK), light_ink)
        self.assertEqual(page.complaints(), [])

        page.call("Emulation.setDeviceMetricsOverride", width=420, height=900, deviceScaleFactor=1, mobile=False)
        page.settle()
        widths = page.evaluate("[...document.querySelectorAll('.chart')].map((c) => c.scrollWidth - c.clientWidth)")
        self.assertEqual(widths, [0] * 5)
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 420)
        self.shoot("narrow")
        page.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)

    def test_hostile_texts_are_shown_as_text(self):
        hostile = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
        line = json.loads(json.dumps(measured(self.lines, 10_000)[0]))
        for place, name in ((line, "id"), (line, "experiment"), (line["machine"], "cpu"), (line["machine"], "label"),
                            (line["workload"], "source"), (line["scheme"], "name"), (line["scheme"], "leakage_note"),
                            (line["scheme"], "security_model"), (line["scheme"], "parameters"), (line["geometry"], "partition")):
            place[name] = hostile
        failed = {**line, "status": "failed", "reason": hostile}
        with tempfile.TemporaryDirectory() as folder:
            report = Report(self.browser, folder, [line, failed])
            page = report.page
            self.assertEqual(report.data("html", "drawn"), "true")
            self.assertEqual(page.complaints(), [])
            page.evaluate(f"({HOVER})('#pareto .chart')")
            self.assertEqual(page.evaluate("document.title"), "pirbench: private retrieval compared")
            self.assertEqual(page.evaluate("document.querySelectorAll('img').length"), 0)
            self.assertEqual(page.evaluate("document.scripts.length"), 3)
            self.assertIn(hostile, page.evaluate("document.querySelector('#schemes .table').textContent"))
            self.assertEqual(page.requests()[1:], [])

    def test_what_cannot_be_compared_is_kept_apart(self):
        cells = measured(self.lines, 10_000)
        others = [{**cell, "machine": {**cell["machine"], "commit": "another"}} for cell in cells[:5]]
        threads = [{**cell, "threads": 2} for cell in cells[:3]]
        with tempfile.TemporaryDirectory() as folder:
            report = Report(self.browser, folder, cells + others + threads)
            names = report.page.evaluate("[...document.getElementById('workload').options].map((option) => option.value)")
            self.assertEqual(len(names), 3, names)
            for name, count in zip(names, (len(cells), len(others), len(threads))):
                report.set("workload", name)
                self.assertEqual(report.points("#pareto .chart"), count, name)

    def test_extreme_numbers_end_in_a_page(self):
        cells = [json.loads(json.dumps(line)) for line in measured(self.lines, 10_000)[:3]]
        for cell, number in zip(cells, (1e18, 0, 5e-324)):
            for figure in cell["bytes"].values():
                figure.update(measured=number, predicted=number)
            for figure in cell["seconds"].values():
                figure["predicted"] = number
                figure["samples"] = [number, number]
        with tempfile.TemporaryDirectory() as folder:
            report = Report(self.browser, folder, cells)
            self.assertEqual(report.page.complaints(), [])
            self.assertEqual(report.data("html", "drawn"), "true")
            self.assertEqual(report.points("#pareto .chart"), 3)

    def test_nothing_measured_still_makes_a_page(self):
        failed = [line for line in self.lines if line["status"] != "measured"]
        with tempfile.TemporaryDirectory() as folder:
            report = Report(self.browser, folder, failed)
            self.assertEqual(report.page.complaints(), [])
            self.assertEqual(report.data("html", "drawn"), "true")
            self.assertEqual(report.points("#pareto .chart"), 0)
            self.assertIn("Nothing", report.page.evaluate("document.querySelector('#pareto .chart').textContent"))


class Program(unittest.TestCase):
    """The subcommand's errors, which need no browser."""

    def test_errors_say_cause_and_cure(self):
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder, "report.html")
            results = pathlib.Path(folder, "results.jsonl")
            nothing = run_fixture("report", folder, "-o", output)
            self.assertEqual(nothing.returncode, 1)
            self.assertIn("no .jsonl file in it. Name a directory that pirbench run wrote to", nothing.stderr)
            absent = run_fixture("report", folder + "/absent", "-o", output)
            self.assertIn("/absent: no such file or directory", absent.stderr)
            results.write_text("{}\n")
            broken = run_fixture("report", folder, "-o", output)
            self.assertIn(f"{results}, line 1: schema must be a text. Remove the line", broken.stderr)
            self.assertFalse(output.exists())
            run_fixture("lines", results)
            nowhere = run_fixture("report", folder, "-o", folder + "/no/report.html")
            self.assertEqual(nowhere.returncode, 1)
            self.assertIn("cannot be written", nowhere.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    SHOTS = sys.argv[2] if len(sys.argv) > 2 else None
    if SHOTS:
        pathlib.Path(SHOTS).mkdir(parents=True, exist_ok=True)
    if browser.find() is None:
        outcome = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(Program))
        # Where changes are judged, nothing may pass unseen.
        required = bool(os.environ.get("CI"))
        print("FAILED" if required else "SKIPPED",
              "no Chromium here; the page itself was not looked at (Debian: apt-get install chromium)", sep=": ")
        sys.exit(77 if outcome.wasSuccessful() and not required else 1)
    unittest.main(argv=sys.argv[:1])
