"""Names the faults that could be put into files of Python, in a sandbox without a network: sallyport_mutants.py [ROOT] < ASKED, as `python3 -I -S`.

What it is asked and what it prints has the form of mutants/main.ts, the faults are those of mutants/javascript.ts. Nothing of the tree runs; its files are parsed.
"""
import ast
import json
import os
import stat
import sys

ROOT = sys.argv[1] if len(sys.argv) > 1 else "/workspace"
MAX_SOURCE = 512 * 1024
MAX_CANDIDATES = 2000
MAX_ALL = 20000
COMPARISONS = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in"}
ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*"}
LOGIC = {ast.And: "or", ast.Or: "and"}
LEAVES = (ast.Raise, ast.Return, ast.Continue, ast.Break)


def read(path):
    try:
        descriptor = os.open(os.path.join(ROOT, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        data = file.read(MAX_SOURCE) if stat.S_ISREG(about.st_mode) and about.st_size <= MAX_SOURCE else None
    try:
        return None if data is None else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


class Places:
    """Offsets in UTF-16 units of places that ast tells as a line and a column of UTF-8 bytes."""

    def __init__(self, source):
        self.lines = source.split("\n")
        self.begins, at = [], 0
        for line in self.lines:
            self.begins.append(at)
            at += units(line) + 1

    def before(self, line, column):
        """What stands in the line before the column."""
        return self.lines[line - 1].encode("utf-8")[:column].decode("utf-8")

    def offset(self, line, column):
        return self.begins[line - 1] + units(self.before(line, column))


def units(text):
    return len(text.encode("utf-16-le")) // 2


def candidates_in(path, source, lines):
    found = []
    # ast counts columns without the mark, and ends lines at a carriage return too.
    if "\r" in source or source.startswith("\ufeff"):
        return found
    tree = ast.parse(source)
    places = Places(source)

    def text(node):
        return ast.get_source_segment(source, node)

    def add(node, operator, to):
        executed = any(start <= node.lineno <= end for start, end in lines)
        if executed and len(found) < MAX_CANDIDATES:
            begin, end = places.offset(node.lineno, node.col_offset), places.offset(node.end_lineno, node.end_col_offset)
            found.append({"path": path, "line": node.lineno, "operator": operator, "start": begin, "end": end, "text": to})

    def faults(node):
        if isinstance(node, ast.If):
            # `elif` is an If without the word.
            if not node.orelse and isinstance(node.body[-1], LEAVES) and places.lines[node.lineno - 1][len(places.before(node.lineno, node.col_offset)) :].startswith("if"):
                add(node, "removed-guard", "pass")
            add(node.test, "negated-condition", "(not (%s))" % text(node.test))
        elif isinstance(node, ast.IfExp):
            add(node.test, "negated-condition", "(not (%s))" % text(node.test))
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
            add(node, "comparison", "((%s) %s (%s))" % (text(node.left), COMPARISONS[type(node.ops[0])], text(node.comparators[0])))
        elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC and not any(is_text(one) for one in (node.left, node.right)):
            add(node, "arithmetic", "((%s) %s (%s))" % (text(node.left), ARITHMETIC[type(node.op)], text(node.right)))
        elif isinstance(node, ast.BoolOp) and len(node.values) == 2:
            add(node, "logic", "((%s) %s (%s))" % (text(node.values[0]), LOGIC[type(node.op)], text(node.values[1])))
        elif isinstance(node, ast.Return) and node.value is not None:
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            if value is not None or not isinstance(node.value, ast.Constant):
                add(node.value, "return-value", str(not value) if isinstance(value, bool) else "None")
        elif isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Await)):
            add(node, "removed-call", "pass")
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            add(node, "off-by-one", str(node.value + 1))

    def visit(node, inside):
        if isinstance(node, ast.JoinedStr):
            return  # places inside are not told rightly before Python 3.12
        if inside:
            faults(node)
        inner = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for field, value in ast.iter_fields(node):
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, ast.AST):
                    # Decorators, defaults and annotations run when the file is loaded.
                    visit(one, inner if field == "body" or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) else inside)

    visit(tree, False)
    return found


def is_text(node):
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))) or (isinstance(node, ast.BinOp) and (is_text(node.left) or is_text(node.right)))


def main():
    found = []
    for one in json.load(sys.stdin)["files"]:
        source = read(one["path"])
        try:
            found += [] if source is None else candidates_in(one["path"], source, one["lines"])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return {"candidates": found[:MAX_ALL]}


if __name__ == "__main__":
    json.dump(main(), sys.stdout)
