"""skep on terminals, pipes and full disks."""
import os
import subprocess
import sys

SKEP = sys.argv[1]


def check(truth, *words):
    if not truth:
        raise AssertionError(' '.join(str(word) for word in words))


def output_that_cannot_be_written_is_a_failure():
    with open('/dev/full', 'w') as full:
        done = subprocess.run([SKEP, '--help'], stdout=full, stderr=subprocess.PIPE)
    check(done.returncode == 1 and b'output' in done.stderr, done)


def a_closed_pipe_ends_it_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([SKEP, '--help'], stdout=writer, stderr=subprocess.PIPE, restore_signals=True)
    os.close(writer)
    check(done.returncode == -13 and not done.stderr, done)


for name, scenario in list(globals().items()):
    if callable(scenario) and name.startswith(('output_', 'a_')):
        scenario()
        print('ok', name)
