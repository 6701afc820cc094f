"""Is a history of concurrent operations linearizable? Keys are registers: a value, or None where there is no object.

An operation on a key has an interval (start, end) in which it took effect at one moment: a *write* of a value (None: a
removal) or a *read* that saw a value. A write whose answer was lost may have taken effect at any later moment or never.
The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993) with the memory of Lowe ("Testing for
linearizability", 2017): states already seen are not tried again.
"""
import dataclasses

FOREVER = float("inf")


@dataclasses.dataclass(frozen=True)
class Op:
    kind: str  # "write" or "read"
    value: object
    start: float
    end: float
    is_maybe: bool = False  # a write that may never have happened

    def __str__(self):
        return f"{self.start:.4f}..{self.end:.4f} {self.kind} {self.value!r}{' (maybe)' if self.is_maybe else ''}"


def minimal(ops, left):
    """Operations that may come first among those left: nothing else ended before they started."""
    first_end = min((ops[i].end for i in left if not ops[i].is_maybe), default=FOREVER)
    return [i for i in left if ops[i].start <= first_end]


def steps(ops, left, value):
    """(index, the register after it) for each operation that can be next."""
    for i in minimal(ops, left):
        if ops[i].kind == "write":
            yield i, ops[i].value
        elif ops[i].value == value:
            yield i, value


def linearizable(ops, initial=None):
    """True, or False when no order of the operations explains what was read. Depth first, without recursion."""
    ops = sorted(ops, key=lambda op: op.start)
    start = (frozenset(range(len(ops))), initial)
    seen, stack = {start}, [start]
    while stack:
        left, value = stack.pop()
        if all(ops[i].is_maybe for i in left):
            return True
        reads = [i for i in minimal(ops, left) if ops[i].kind == "read" and ops[i].value == value]
        # A read of the present value changes nothing: taking it now is never worse than taking it later.
        for i, after in [(reads[0], value)] if reads else steps(ops, left, value):
            state = (left - {i}, after)
            if state not in seen:
                seen.add(state)
                stack.append(state)
    return False
