"""Runs pytest inside the sandbox and writes its cases as lines of JSON: pytest_cases.py ARGS...

The lines are those of reporter.ts. It runs beside the code of the tree, so its output is read as hostile on the host.
This folder, not the tree, is first on the module path while pytest is imported: the tree cannot put its own in its place.
"""
import os
import sys

import pytest

import sallyport_apart as apart

MAX_MESSAGE = 3000


class Cases:
    def __init__(self, report, watch):
        self.report = report
        self.watch = watch
        self.running = {}

    def tell(self, nodeid, status, seconds, message):
        file, *names = nodeid.split("::")
        if nodeid in (self.report.passes, self.report.fails):
            file, names = None, [nodeid]
        self.report.case(file or None, names, status, seconds, message)

    # One that must fail and one that must pass, after all others: what code under test did to pytest by then is done to them too.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session, items):
        items.extend(Canary.from_parent(session, name=name, nodeid=name, body=body) for name, body in ((self.report.passes, None), (self.report.fails, self.report.must_fail)))

    # A file that does not load, or that skips itself as a whole, has no tests to tell.
    def pytest_collectreport(self, report):
        if report.failed:
            self.tell(report.nodeid, "failed", 0.0, str(report.longrepr)[-MAX_MESSAGE:])
        elif report.skipped:
            self.tell(report.nodeid, "skipped", 0.0, None)

    def pytest_runtest_teardown(self, item):
        self.watch.look_at(getattr(item, "module", None), getattr(getattr(item, "cls", None), "__name__", None), getattr(item, "originalname", item.name))

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
            self.watch.look()
            self.tell(report.nodeid, *self.running.pop(report.nodeid))

    def end(self):
        for nodeid, (_, seconds, message) in list(self.running.items()):
            self.tell(nodeid, "failed", seconds, message or "the test did not end")
        self.watch.look_last()
        self.report.end()


class Canary(pytest.Item):
    # What hooks of projects look for in a test.
    cls = module = instance = None

    def __init__(self, *, body, **more):
        super().__init__(**more)
        self.body = self.function = self.obj = body
        self.originalname, self.fixturenames, self.funcargs = self.name, [], {}

    def runtest(self):
        if self.body is not None:
            self.body()


JUDGES = ("_pytest.runner", "_pytest.python", "_pytest.unittest", "_pytest.reports", "_pytest.main", "_pytest.outcomes", "_pytest.assertion.rewrite", "_pytest.assertion.util", "_pytest._code.code", "_pytest.python_api", "_pytest.raises", "_pytest.skipping", "pluggy._manager", "pluggy._hooks", "pluggy._callers", "pluggy._result")


def main(args):
    report = apart.Report()
    apart.call_to_the_end()
    watch = apart.Watch(apart.JUDGES + JUDGES, report.meddled)
    apart.out_of_sight()
    # What `python3 -m pytest` puts there.
    sys.path[0] = os.getcwd()
    cases = Cases(report, watch)
    # The canaries come last, so a first failure ends nothing.
    code = int(pytest.main(["--rootdir=" + os.getcwd(), "--continue-on-collection-errors", "-p", "no:cacheprovider", *args, "--maxfail=0"], plugins=[cases]))
    cases.end()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
