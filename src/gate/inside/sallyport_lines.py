"""Says which lines of some files of Python can be executed and which of these were, by the notes of trace/sitecustomize.py: sallyport_lines.py [ROOT] < ASKED

Runs inside the sandbox after a run of tests, as `python3 -I -S`. What it is asked and what it prints has the form of coverage/form.ts. Code of the tree ran
there before: what it reads may be anything, and what it prints is read as hostile. Nothing of the tree is loaded; its files are parsed.
"""
import ast
import json
import os
import re
import stat
import sys

#: Where the tree lies; another place only where this is tried outside of a sandbox.
ROOT = sys.argv[1] if len(sys.argv) > 1 else "/workspace"
MAX_FILES = 5000
MAX_NOTES = 64 * 1024 * 1024
MAX_TOTAL = 512 * 1024 * 1024
MAX_SOURCE = 2 * 1024 * 1024
DECLARATIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Try) + ((ast.TryStar,) if hasattr(ast, "TryStar") else ())
HEADS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith) + ((ast.Match,) if hasattr(ast, "Match") else ())
COMPREHENSIONS = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def read_regular(path, most):
    """A pipe never ends and a link leads elsewhere: only plain files are read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        return file.read(most) if stat.S_ISREG(about.st_mode) and about.st_size <= most else None


def notes_in(folder):
    """What the processes of the run noted: {path: {(first line, name): {line}}}, how many they were, whether one was displaced, and what cannot be read."""
    seen, total, displaced, problem = {}, 0, False, None
    names = sorted(name for name in os.listdir(folder) if name.endswith(".json")) if os.path.isdir(folder) else []
    if len(names) > MAX_FILES:
        problem = "the run left %d files of notes, at most %d are read" % (len(names), MAX_FILES)
    for name in names[:MAX_FILES]:
        data = read_regular(os.path.join(folder, name), min(MAX_NOTES, MAX_TOTAL - total)) or b""
        total += len(data)
        try:
            value = json.loads(data)
            displaced = displaced or value["displaced"] is True
            for path, notes in value["files"].items():
                for first, function, line in notes:
                    seen.setdefault(path, {}).setdefault((int(first), str(function)), set()).add(int(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            problem = problem or "a file of notes cannot be read"
    return seen, len(names), displaced, problem


def units_of(tree):
    """(first line, last line, owner) of each piece that is executed or not; owner = the function, as notes name it, or None for the file's own code."""
    units = []

    def visit(node, owner):
        if isinstance(node, ast.stmt) and not isinstance(node, DECLARATIONS) and not is_docstring(node):
            units.append((node.lineno, head_end(node), owner))
        for field, value in ast.iter_fields(node):
            inner = owner
            if isinstance(node, FUNCTIONS) and field == "body":
                decorators = getattr(node, "decorator_list", [])
                inner = (min([node.lineno] + [one.lineno for one in decorators]), getattr(node, "name", "<lambda>"))
                if isinstance(node, ast.Lambda):
                    units.append((node.body.lineno, node.body.end_lineno, inner))
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, ast.AST):
                    visit(one, inner)

    visit(tree, None)
    return units


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def head_end(node):
    if not isinstance(node, HEADS):
        return node.end_lineno
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return max(one.context_expr.end_lineno for one in node.items)
    head = getattr(node, "test", None) or getattr(node, "iter", None) or getattr(node, "subject", None)
    return head.end_lineno


def lines_of(source, wanted, notes):
    """Executable and executed lines among those that are wanted. A line in which several functions have code counts only when each of them was there."""
    by_line = {}
    asked = set()
    text = source.decode("utf-8", "replace").splitlines()
    for start, end in wanted:
        asked.update(range(start, min(end, len(text)) + 1))
    tree = ast.parse(source)
    for first, last, owner in units_of(tree):
        for line in range(first, last + 1):
            if line in asked and has_code(text[line - 1]):
                here = by_line.setdefault(line, {})
                known = here.get(owner)
                if known is None or (known[0] != line and first >= known[0]):
                    here[owner] = (first, last)
    executed = [line for line, owners in sorted(by_line.items()) if all(was_hit(notes, owner, unit) for owner, unit in owners.items())]
    return sorted(by_line), executed


def was_hit(notes, owner, unit):
    first, last = unit
    for (begins, name), lines in notes.items():
        # A comprehension is a function of its own before Python 3.12.
        if owner is not None and owner != (begins, name) and name not in COMPREHENSIONS:
            continue
        if any(first <= line <= last for line in lines):
            return True
    return False


def has_code(line):
    return re.search(r"[\w\"']", re.sub(r"^\s*(?:#.*|else\s*:|try\s*:|finally\s*:)", "", line)) is not None


def ranges_of(lines):
    ranges = []
    for line in lines:
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    return ranges


def reduce_one(path, wanted, seen, whole):
    if path not in seen and not whole:
        return {"path": path, "reason": "the file was not loaded as it stands, and may have run in another form"}
    source = read_regular(os.path.join(ROOT, path), MAX_SOURCE)
    if source is None:
        return {"path": path, "reason": "the file cannot be read"}
    try:
        executable, executed = lines_of(source, wanted, seen.get(path, {}))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {"path": path, "reason": "the file cannot be parsed"}
    return {"path": path, "executable": ranges_of(executable), "executed": ranges_of(executed)}


def main():
    asked = json.load(sys.stdin)
    seen, count, displaced, problem = notes_in(asked["folder"])
    if count == 0 and asked["whole"]:
        return {"problem": "the run left no notes", "files": []}
    if count == 0 or displaced:
        reason = "the project measures coverage itself, and Python before 3.12 has one place for that" if displaced else "no process of the check told what it executed"
        return {"problem": None, "files": [{"path": one["path"], "reason": reason} for one in asked["files"]]}
    # What a part of the processes executed was executed, whatever became of the others.
    return {"problem": problem, "files": [reduce_one(one["path"], one["lines"], seen, asked["whole"]) for one in asked["files"]]}


if __name__ == "__main__":
    json.dump(main(), sys.stdout)
