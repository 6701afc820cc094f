"""What the style tools know about C: a reader for the formatting that clang-format enforces here.

A function begins at the first line of its signature and ends at the '}' in column 0; its '{' stands
alone in column 0. That is all the grammar needed, since every file goes through clang-format.
"""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ('src', 'include', 'cli', 'bench', 'tests', 'tools', 'docs')
SKIPPED = {'__pycache__'}


def files(folders=FOLDERS):
    """Paths of all files in the folders, relative to the root, in order."""
    found = []
    for folder in folders:
        for at, inner, names in os.walk(os.path.join(ROOT, folder)):
            inner[:] = [i for i in inner if i not in SKIPPED and not i.startswith('.')]
            found += [os.path.relpath(os.path.join(at, n), ROOT) for n in names]
    return sorted(f for f in found if not f.endswith(('.pyc', '.orig', '~')))


def read(path):
    with open(os.path.join(ROOT, path), 'rb') as f:
        return f.read()


_NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text):
    """The text without comments and the insides of strings; line numbers stay."""
    def empty(match):
        found = match.group(0)
        if found[0] == '/':
            return ' ' + '\n' * found.count('\n')
        return found[0] + ' ' * (len(found) - 2) + found[-1]
    return _NOISE.sub(empty, text)


class Function:
    def __init__(self, path, first, signature, body, static_words):
        self.path, self.line, self.body = path, first, body
        self.lines = signature.count('\n') + 1 + len(body)
        plain = re.sub(r'__attribute__\s*\(\(.*?\)\)\s*|CLEANUP\(\w+\)|MUST_CHECK', '', signature)
        match = re.search(r'(\w+)\s*\(', plain)
        self.name = match.group(1)
        self.returns = ' '.join(plain[:match.start()].split())
        self.is_static = not static_words.isdisjoint(self.returns.split())
        self.parameters = _parameters(plain[match.end():])


def _parameters(text):
    depth, commas = 0, 0
    for at, c in enumerate(text):
        if c == ')' and depth == 0:
            inside = text[:at].strip()
            return 0 if inside in ('', 'void') else commas + 1
        depth += (c == '(') - (c == ')')
        commas += c == ',' and depth == 0
    return commas + 1


def functions(path, text=None):
    """The functions of a C file; `text` is its blanked text, when at hand."""
    if text is None:
        text = blank(read(path).decode('utf-8', 'surrogateescape'))
    static_words = {'static'} | set(re.findall(r'#define (\w+) .*\bstatic\b', text))
    lines = text.split('\n')
    found, i = [], 0
    while i < len(lines):
        if lines[i].rstrip() != '{':
            i += 1
            continue
        first = i
        while first > 0 and _continues_up(lines[first - 1]):
            first -= 1
        end = i
        while end < len(lines) - 1 and not lines[end].startswith('}'):
            end += 1
        signature = '\n'.join(lines[first:i])
        if '(' in signature:
            found.append(Function(path, first + 1, signature, lines[i:end + 1], static_words))
        i = end + 1
    return found


def _continues_up(line):
    line = line.rstrip()
    return line.strip() != '' and not line.startswith(('#', '}')) and not line.endswith(';')
