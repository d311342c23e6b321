"""Runs pytest inside the sandbox and writes its cases as lines of JSON: pytest_cases.py REPORT ARGS...

The lines are those of reporter.ts. It runs beside the code of the tree, so its output is read as hostile on the host.
This folder, not the tree, is first on the module path while pytest is imported: the tree cannot put its own in its place.
"""
import json
import os
import sys

import pytest

MAX_MESSAGE = 3000


class Cases:
    def __init__(self, out):
        self.out = out
        self.counts = {"passed": 0, "failed": 0, "skipped": 0, "todo": 0}
        self.running = {}

    def tell(self, nodeid, status, seconds, message):
        file, *names = nodeid.split("::")
        self.counts[status] += 1
        case = {"file": file or None, "names": names, "status": status, "ms": max(0.0, seconds * 1000), "cause": None, "message": message}
        self.out.write(json.dumps({"case": case}) + "\n")
        self.out.flush()

    # A file that does not load, or that skips itself as a whole, has no tests to tell.
    def pytest_collectreport(self, report):
        if report.failed:
            self.tell(report.nodeid, "failed", 0.0, str(report.longrepr)[-MAX_MESSAGE:])
        elif report.skipped:
            self.tell(report.nodeid, "skipped", 0.0, None)

    # Set-up, call and tear-down each report; the test is what they say together.
    def pytest_runtest_logreport(self, report):
        status, seconds, message = self.running.get(report.nodeid, ("passed", 0.0, None))
        seconds += report.duration
        if report.failed:
            status, message = "failed", str(report.longrepr)[-MAX_MESSAGE:]
        elif report.skipped and status == "passed":
            status = "todo" if hasattr(report, "wasxfail") else "skipped"
        self.running[report.nodeid] = (status, seconds, message)
        if report.when == "teardown":
            self.tell(report.nodeid, *self.running.pop(report.nodeid))

    def end(self):
        for nodeid, (_, seconds, message) in list(self.running.items()):
            self.tell(nodeid, "failed", seconds, message or "the test did not end")
        self.out.write(json.dumps({"end": self.counts}) + "\n")
        self.out.flush()


def main(report, args):
    # What `python3 -m pytest` puts there.
    sys.path[0] = os.getcwd()
    with open(report, "x", encoding="utf-8") as out:
        cases = Cases(out)
        code = int(pytest.main(["--rootdir=" + os.getcwd(), "--continue-on-collection-errors", "-p", "no:cacheprovider", *args], plugins=[cases]))
        cases.end()
    # 5: no tests. There is nothing that failed then.
    return 0 if code == 5 and not any(cases.counts.values()) else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
