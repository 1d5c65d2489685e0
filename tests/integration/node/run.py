"""Runs scenarios against one node: run.py FOLDER CGROUP [WORD...]."""
import importlib
import os
import subprocess
import sys
import time
import traceback

import node as nodes

MODULES = ('life_scenarios', 'kill_scenarios', 'refusal_scenarios', 'network_scenarios', 'wire_scenarios',
           'cli_scenarios', 'file_scenarios', 'inside_scenarios', 'copy_scenarios', 'update_scenarios', 'placement_scenarios',
           'job_scenarios', 'logging_scenarios', 'health_scenarios', 'volume_scenarios')


def scenarios(words):
    for name in MODULES:
        module = importlib.import_module(name)
        for title, function in vars(module).items():
            if getattr(function, '__module__', '') == name and not title.startswith('_'):
                if not words or any(w in title or w in name for w in words):
                    yield function


def start_registry(folder):
    """The registry and images of deploy/up, on this namespace's loopback."""
    script = '''. "$TOP/deploy/lib/common.sh"; . "$TOP/deploy/lib/registry.sh"; mkdir -p "$REGISTRY_STATE"
                registry_config >"$REGISTRY_STATE/config.yml"
                docker-registry serve "$REGISTRY_STATE/config.yml" >"$REGISTRY_STATE/log" 2>&1 </dev/null &
                for _ in $(seq 100); do registry_answers && break; sleep 0.1; done; registry_fill'''
    environment = dict(os.environ, SKEP_REGISTRY=nodes.REGISTRY, SKEP_REGISTRY_STATE=folder + '/registry', SKEP_RUN=folder)
    subprocess.run(['bash', '-c', script], env=environment, check=True, timeout=120, stdout=subprocess.DEVNULL)


def run_one(function, node):
    started = time.monotonic()
    title = function.__name__.strip('_').replace('_', ' ')
    try:
        node.up()
        function(node)
        node.up()
        node.remove_all()
        nodes.check(not node.bugs(), 'a daemon found a bug in itself:', node.bugs())
    except Exception as error:  # a scenario may break in any way; the next ones run all the same
        print('FAIL  %s (%.1f s)' % (title, time.monotonic() - started))
        if isinstance(error, nodes.Failure):
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if 'node.py' not in frame.filename]
            print('      %s, line %d: %s' % (function.__module__, lines[-1], error))
        else:
            traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        return False
    print('ok    %s (%.1f s)' % (title, time.monotonic() - started), flush=True)
    return True


def start_over(node):
    """After a failure nothing is known about the node: a fresh one."""
    if node.respawner:
        node.reboot()
    subprocess.run(['rm', '-rf', '--one-file-system', node.state, node.folder + '/agent.log'], check=False)


def main():
    folder, cgroup, words = sys.argv[1], sys.argv[2], sys.argv[3:]
    node = nodes.Node(folder, cgroup)
    start_registry(folder)
    passed = failed = 0
    for function in scenarios(words):
        if run_one(function, node):
            passed += 1
        else:
            failed += 1
            start_over(node)
    if node.respawner:
        node.kill_everything()
    print('%d passed, %d failed' % (passed, failed))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
