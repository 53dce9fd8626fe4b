"""Bar and line charts as SVG text, without any library."""

from xml.sax.saxutils import escape

COLOURS = ["#edae49", "#66a182", "#7d5ba6", "#2e6f95", "#d1495b", "#8a8f98"]
KNOWN = {"ceiling": "#8a8f98", "redis": "#d1495b", "basalt": "#2e6f95"}
FONT = 'font-family="sans-serif" font-size="12"'


def colour(name, index):
    """The well-known servers look the same in every chart."""
    return KNOWN.get(name, COLOURS[index % len(COLOURS)])


def text(x, y, words, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {FONT} fill="#222" text-anchor="{anchor}" {extra}>{escape(words)}</text>'


def document(width, height, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="#fff"/>', *parts, "</svg>"]) + "\n"


def legend(names, x, y):
    parts = []
    for i, name in enumerate(names):
        parts.append(f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="12" height="12" fill="{colour(name, i)}"/>')
        parts.append(text(x + 16, y, name))
        x += 30 + 8 * len(name)
    return parts


def bars(title, groups, series, values):
    """Horizontal bars, grouped. values[group][name] is a number or absent."""
    left, width, bar, gap = 250, 900, 12, 10
    top = max((v for row in values.values() for v in row.values()), default=1) or 1
    scale = (width - left - 90) / top
    parts = [text(12, 22, title, extra='font-weight="bold"'), *legend(series, 12, 44)]
    y = 62
    for group in groups:
        middle = y + bar * len(series) / 2 + 4
        parts.append(text(left - 8, middle, group, "end"))
        for i, name in enumerate(series):
            value = values[group].get(name)
            if value is not None:
                length = max(value * scale, 1)
                fill = colour(name, i)
                parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 1}" fill="{fill}"/>')
                parts.append(text(left + length + 5, y + bar - 2, f"{value:.3g}", extra='style="font-size:10px"'))
            y += bar
        y += gap
    return document(width, y + 10, parts)


def lines(title, x_label, y_label, series):
    """Lines through points. series: name -> list of (x, y) in the order of x, which is shown as evenly spaced categories."""
    width, height, left, right, top, bottom = 760, 420, 70, 20, 70, 50
    xs = list(dict.fromkeys(x for points in series.values() for x, _ in points))
    highest = max((y for points in series.values() for _, y in points), default=1) * 1.1 or 1
    step = (width - left - right) / max(len(xs) - 1, 1)

    def at(x, y):
        return left + xs.index(x) * step, height - bottom - y / highest * (height - top - bottom)

    parts = [text(12, 22, title, extra='font-weight="bold"'), *legend(list(series), 12, 44)]
    for i in range(6):
        value = highest * i / 5
        _, y = at(xs[0], value)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(text(left - 6, y + 4, f"{value:.3g}", "end"))
    for x in xs:
        parts.append(text(at(x, 0)[0], height - bottom + 18, str(x), "middle"))
    parts.append(text((left + width - right) / 2, height - 10, x_label, "middle"))
    parts.append(text(16, top - 10, y_label))
    for i, (name, points) in enumerate(series.items()):
        stroke = colour(name, i)
        path = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="2"/>')
        for x, y in points:
            px, py = at(x, y)
            parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{stroke}"/>')
    return document(width, height, parts)
