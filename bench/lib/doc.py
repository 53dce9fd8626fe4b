"""Results: JSON beside the plots in docs/perf, and tables between markers in docs/PERF.md.

A generated part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; a rerun replaces it. A NAME that the
page does not have is an error: somebody must write the words around it first."""

import json

from lib import host

PAGE = host.ROOT / "docs" / "PERF.md"
FOLDER = host.ROOT / "docs" / "perf"


def table(header, rows):
    """A Markdown table; the first column is text, the others are numbers."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(["---"] + ["---:"] * (len(header) - 1)) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def replace(name, text):
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    if begin not in page or end not in page:
        raise SystemExit(f"{PAGE} has no markers for {name}")
    head, rest = page.split(begin, 1)
    tail = rest.split(end, 1)[1]
    PAGE.write_text(f"{head}{begin}\n\n{text.strip()}\n\n{end}{tail}", encoding="utf-8")


def save(name, data):
    """Keeps the figures of a run, fingerprint included."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return path


def save_plot(name, svg_text):
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.svg"
    path.write_text(svg_text, encoding="utf-8")
    return f"perf/{name}.svg"
