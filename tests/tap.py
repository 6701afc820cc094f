"""Runs one cmocka program and counts what its TAP output says."""
import os
import re
import subprocess

OUTPUT_CHARS = 8000  # of a program that failed


def run_program(name, command, timeout, extra_env):
    """(passed, failed, skipped) of one cmocka program, from its TAP output."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", **extra_env)
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                              timeout=timeout, text=True, errors="replace")
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as e:
        output, status = (e.stdout or b"").decode(errors="replace") + f"\ntimed out after {timeout} s", 124
    said = re.findall(r"^(not )?ok \d.*?(# SKIP.*)?$", output, re.M)
    skipped = sum(bool(skip) for _, skip in said)  # cmocka 1.1.5: `not ok 4 # SKIP name`
    failed = sum(bool(bad) and not skip for bad, skip in said)
    passed = len(said) - skipped - failed
    if not said:
        passed, failed = (1, 0) if status == 0 else (0, 1)
    if status != 0 and failed == 0:
        failed = 1  # crashed, leaked or timed out
    if failed:
        print(output[-OUTPUT_CHARS:])
    print(f"{'FAIL' if failed else 'ok'}  {name}: {passed} passed, {failed} failed"
          + (f", {skipped} skipped" if skipped else ""), flush=True)
    return passed, failed, skipped


def summary(passed, failed, skipped):
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
