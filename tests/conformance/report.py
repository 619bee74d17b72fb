"""The verdicts of the suite: counted, summarised, and compared with the expected ones.

A verdict is a pair of the suite's words: for the case, and for the end of its connection.
"""

import json
from collections import Counter
from fnmatch import fnmatchcase

SECTIONS = {
    "1": "Framing",
    "2": "Pings/Pongs",
    "3": "Reserved Bits",
    "4": "Opcodes",
    "5": "Fragmentation",
    "6": "UTF-8 Handling",
    "7": "Close Handling",
    "9": "Limits/Performance",
    "10": "Auto-Fragmentation",
    "12": "Compression (payloads)",
    "13": "Compression (parameters)",
}
# Each row is worse than the row before; the words within a row are equally good.
RANKS = [
    ["OK", "INFORMATIONAL"],
    ["NON-STRICT"],
    ["UNIMPLEMENTED"],
    ["UNCLEAN", "WRONG CODE", "FAILED BY CLIENT"],
    ["FAILED"],
]
ORDER = [behavior for row in RANKS for behavior in row]
ALWAYS_SHOWN = {"OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED", "UNCLEAN", "FAILED"}
GOOD = ["OK", "OK"]


def verdicts(index):
    """Return the verdicts by case, from the parsed index.json of a report."""
    return {
        case: [found["behavior"], found["behaviorClose"]]
        for cases in index.values()
        for case, found in cases.items()
    }


def select(cases, patterns):
    """Return the cases that match a pattern, by the suite's rules."""
    return {
        case: verdict
        for case, verdict in cases.items()
        if any(fnmatchcase(case, pattern) for pattern in patterns)
    }


def worse(expected, found):
    """Return a line for each case that is missing, or worse than expected.

    A case without an expected verdict is expected to be good.
    """
    lines = []
    for case in sorted(expected | found, key=_number):
        wanted, got = expected.get(case, GOOD), found.get(case)
        if got is None:
            lines.append(f"{case}: missing; expected {_words(wanted)}")
        elif any(map(_is_worse, got, wanted)):
            lines.append(f"{case}: {_words(got)}; expected {_words(wanted)}")
    return lines


def better(expected, found):
    """Return the cases that are better than expected."""
    return [
        case
        for case in sorted(expected.keys() & found.keys(), key=_number)
        if any(map(_is_worse, expected[case], found[case]))
    ]


def dump(expected):
    """Return the text of expected.json, with one line for each case, for readable diffs."""
    sides = []
    for side, cases in sorted(expected.items()):
        lines = [f'    "{case}": {json.dumps(cases[case])}' for case in sorted(cases, key=_number)]
        sides.append(f'  "{side}": {{\n' + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(sides) + "\n}\n"


def summary(version, sides):
    """Return a summary of the run in reStructuredText.

    Args:
        version: the suite's version.
        sides: the verdicts and the seconds of each side.
    """
    text = [
        *_underlined(f"txws2 and {version}", "="),
        "A case counts as the worse of its verdicts.",
    ]
    for side, (found, seconds) in sides.items():
        text += ["", *_underlined(f"Our {side}: {len(found)} cases, {seconds:.0f} s", "-")]
        text += [*_table(found), *_exceptions(found)]
    return "\n".join(text) + "\n"


def _table(found):
    counts = Counter((case.partition(".")[0], _worst(found[case])) for case in found)
    occurring = {behavior for _, behavior in counts}
    behaviors = [b for b in ORDER if b in ALWAYS_SHOWN | occurring]
    behaviors += sorted(occurring - set(ORDER))
    rows = [["Section", *behaviors]]
    for section in sorted({section for section, _ in counts}, key=int):
        name = f"{section} {SECTIONS.get(section, '')}".strip()
        rows.append([name, *(str(counts[section, b]) for b in behaviors)])
    total = Counter(_worst(verdict) for verdict in found.values())
    rows.append(["All", *(str(total[b]) for b in behaviors)])

    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    return [rule, lines[0], rule, *lines[1:], rule]


def _exceptions(found):
    """Return a list of the cases to look at, without the unimplemented ones."""
    quiet = {*RANKS[0], "UNIMPLEMENTED"}
    cases = sorted((case for case in found if _worst(found[case]) not in quiet), key=_number)
    return ["", *(f"* {case}: {_words(found[case])}" for case in cases)] if cases else []


def _underlined(title, character):
    return [title, character * len(title), ""]


def _words(verdict):
    return f"{verdict[0]}, closing {verdict[1]}"


def _number(case):
    return [int(part) for part in case.split(".")]


def _rank(behavior):
    return next((rank for rank, row in enumerate(RANKS) if behavior in row), len(RANKS))


def _worst(verdict):
    return max(verdict, key=_rank)


def _is_worse(got, wanted):
    return _rank(got) > _rank(wanted)
