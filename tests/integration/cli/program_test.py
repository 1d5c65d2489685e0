"""skep on terminals, pipes and full disks."""
import os
import pty
import subprocess
import sys
import termios

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


def a_format_that_is_no_template_is_told_before_anybody_is_asked():
    for words in (['info'], ['version'], ['events'], ['service', 'inspect', 'web'], ['node', 'inspect', 'self']):
        done = subprocess.run([SKEP, '-H', 'unix:/nonexistent', '--node', 'unix:/nonexistent', *words, '--format', '{{.ID'], capture_output=True)
        check(done.returncode == 64 and b'template parsing error' in done.stderr and not done.stdout, done)


def a_number_that_does_not_fit_is_refused():
    for flag in ('--data-path-port', '--default-addr-pool-mask-length'):
        done = subprocess.run([SKEP, '--node', 'unix:/nonexistent', 'swarm', 'init', flag, '4294967320'], capture_output=True)
        check(done.returncode == 125 and b'out of range' in done.stderr, done)


def a_word_of_docker_that_skep_lacks_is_refused_by_name():
    for words in (['run', 'busybox'], ['ps'], ['container', 'ls'], ['logs', 'web.1'], ['network', 'ls'],
                  ['stack', 'deploy', 'x'], ['plugin', 'ls'], ['build', '.'], ['image', 'push', 'x'], ['swarm', 'init', '--autolock']):
        done = subprocess.run([SKEP, '-H', 'unix:/nonexistent', '--node', 'unix:/nonexistent', *words], capture_output=True)
        name = words[2] if words[0] == 'swarm' else words[0]
        check(done.returncode in (1, 125) and name.encode() in done.stderr, done)
        check(b'not supported' in done.stderr or words == ['ps'] and b'skep node ps' in done.stderr, done)


def has_echo(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def an_interrupted_login_leaves_the_terminal_as_it_was():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(SKEP, [SKEP, 'login', '-u', 'ann', 'registry.invalid'])
    shown = b''
    while b'Password' not in shown:
        shown += os.read(terminal, 1000)
    while has_echo(terminal):
        pass
    # A second holder, for the terminal's state goes with the last.
    kept = os.open('/proc/%d/fd/0' % pid, os.O_RDWR | os.O_NOCTTY)
    os.write(terminal, b'sec\x03')
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    check(code == 130, 'ended with', code)
    check(has_echo(kept), 'what is typed afterwards is not shown')


for name, scenario in list(globals().items()):
    if callable(scenario) and name.startswith(('output_', 'a_', 'an_')):
        scenario()
        print('ok', name)
