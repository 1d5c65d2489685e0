"""Jobs with real containers: so many at a time, attempts, on every node, once more."""
import os
import time

from cli_scenarios import _skep
from node import IMAGE, State, check, wait_until

QUICK = '--stop-grace-period', '500ms', '--restart-delay', '100ms'


def _told(text, *words):
    for word in words:
        check(word in text, 'not told: %r in' % word, text)


def _create(node, name, script, *options, code=0):
    return _skep(node, 'service', 'create', '--name', name, *QUICK, *options, IMAGE, 'sh', '-c', script, code=code)


def a_job_completes_each_index_once_two_at_a_time(node):
    folder = node.folder + '/seen'
    os.makedirs(folder, exist_ok=True)
    # Each says that it works, looks how many do, and says what it saw.
    script = 'mkdir /seen/$SKEP_JOB_INDEX; ls -d /seen/?|wc -l; sleep 0.5; rmdir /seen/$SKEP_JOB_INDEX; echo $SKEP_JOB_ITERATION-$SKEP_JOB_INDEX'
    options = '--mode', 'replicated-job', '--replicas', '5', '--max-concurrent', '2', '--mount', 'type=bind,source=%s,target=/seen' % folder
    text = _create(node, 'job', script, *options)
    _told(text, 'active tasks: 0 out of 2 tasks', '1/5: ', 'job complete')
    _told(_skep(node, 'service', 'ls'), 'replicated job', '0/2 (5/5 completed)')
    text = _skep(node, 'service', 'logs', '--raw', 'job')
    check(sorted(w for w in text.split() if '-' in w) == ['0-%d' % i for i in range(5)], text)
    check({w for w in text.split() if '-' not in w} <= {'1', '2'}, 'never more than two:', text)
    lines = _skep(node, 'service', 'ps', '--format', '{{.Name}} {{.DesiredState}} {{.CurrentState}}', 'job').splitlines()
    check([line.split()[:3] for line in lines] == [['job.%d' % i, 'Complete', 'Complete'] for i in range(5)], lines)
    _told(_skep(node, 'service', 'update', '--force', 'job'), 'job complete')
    check(len(_skep(node, 'service', 'ps', '-q', 'job').split()) == 10, 'both runs are kept')
    _told(_skep(node, 'service', 'run', 'job'), 'job complete')
    _told(_skep(node, 'service', 'scale', 'job=2'), 'job scaled to 2', 'job complete')
    _told(_skep(node, 'service', 'ls'), '0/2 (2/2 completed)')
    text = _skep(node, 'service', 'logs', '--raw', 'job')
    check(sorted(w for w in text.split() if '-' in w) == sorted(['%d-%d' % (k, i) for k in range(3) for i in range(5)] + ['3-0', '3-1']), text)
    _told(_skep(node, 'service', 'inspect', 'job'), '"LastExecution"', '"Index": 3')
    _told(_skep(node, 'why', 'job.0'), 'complete')


def daemons_die_while_a_job_runs_and_each_index_completes_once(node):
    options = '--mode', 'replicated-job', '--replicas', '12', '--max-concurrent', '3'
    _skep(node, 'service', 'create', '-d', '--name', 'long', *QUICK, *options, IMAGE, 'sh', '-c', 'sleep 0.4; echo done $SKEP_JOB_INDEX')
    for name in 'orchestrator', 'store', 'scheduler', 'orchestrator', 'dispatcher':
        node.kill9(name)
        wait_until(lambda: node.tasks('long'), 'the API answers')
    wait_until(lambda: '(12/12 completed)' in _skep(node, 'service', 'ls'), 'all complete', 60)
    text = _skep(node, 'service', 'logs', '--raw', 'long')
    check(sorted(text.split('\n')) == sorted(['done %d' % i for i in range(12)] + ['']), 'each once:', text, node.story('long'))


def the_agent_dies_while_a_job_runs_and_what_it_printed_is_kept(node):
    options = '--mode', 'replicated-job', '--replicas', '12', '--max-concurrent', '3'
    _skep(node, 'service', 'create', '-d', '--name', 'long', *QUICK, *options, IMAGE, 'sh', '-c', 'sleep 0.4; echo done $SKEP_JOB_INDEX')
    for _ in range(5):
        dead = node.kill9('agent')
        node.came_back('agent', dead)
        wait_until(node.is_ready, 'the node is ready')
    wait_until(lambda: '(12/12 completed)' in _skep(node, 'service', 'ls'), 'all complete', 60)
    text = _skep(node, 'service', 'logs', '--raw', 'long').splitlines()
    completed = [t for t in node.tasks('long') if t.task.status.container.exit_code == 0]
    check(len(completed) == 12, 'each index completed once:', node.story('long'))
    check(set(text) == {'done %d' % i for i in range(12)}, 'nothing is lost:', text, node.story('long'))


def an_agent_that_dies_again_and_again_leaves_nothing(node):
    options = '--mode', 'replicated-job', '--replicas', '80', '--max-concurrent', '8'
    _skep(node, 'service', 'create', '-d', '--name', 'long', *QUICK, *options, IMAGE, 'sh', '-c', 'sleep 0.3')
    for _ in range(12):
        before = node.container_pids('long')
        wait_until(lambda: node.container_pids('long') - before, 'others have begun')
        dead = node.kill9('agent')
        node.came_back('agent', dead)
        check(not node.bugs(), 'a daemon found a bug in itself:', node.bugs())


def a_job_that_fails_is_tried_as_often_as_it_may(node):
    for mode, options in (('replicated-job', ['--replicas', '2']), ('global-job', [])):
        text = _create(node, 'bad', 'exit 3', '--mode', mode, *options, '--restart-max-attempts', '2', code=1)
        _told(text, 'job failed: %d of %d failed' % ((2, 2) if options else (1, 1)))
        tasks = [t for t in node.tasks('bad')]
        check(len(tasks) == (6 if options else 3), 'each three times:', len(tasks))
        check({t.task.status.container.exit_code for t in tasks} == {3}, 'exit codes are kept')
        _skep(node, 'service', 'rm', 'bad')
    _told(_create(node, 'once', 'exit 3', '--mode', 'replicated-job', '--restart-condition', 'none', code=1), 'job failed: 1 of 1 failed')
    check(len(node.tasks('once')) == 1, 'it is not tried again')
    _told(_create(node, 'no', 'exit 0', '--mode', 'global-job', '--replicas', '2', code=125), 'replicas can only be used with')
    _told(_create(node, 'no', 'exit 0', '--mode', 'replicated-job', '--update-delay', '1s', code=1), 'Jobs may not have an update config')


def a_global_job_runs_once_on_the_node(node):
    _told(_create(node, 'sweep', 'echo swept', '--mode', 'global-job'), 'job complete')
    _told(_skep(node, 'service', 'ls'), 'global job', '0/0 (1/1 completed)')
    _told(_skep(node, 'service', 'scale', 'sweep=2', code=1), 'sweep: scale can only be used with replicated or replicated-job mode')
    wait_until(lambda: 'swept' in _skep(node, 'service', 'logs', 'sweep'), 'its logs are kept')


def a_scheduled_job_runs_when_asked_and_when_it_is_time(node):
    text = _create(node, 'cron', 'echo run $SKEP_JOB_ITERATION', '--mode', 'replicated-job', '--schedule', '0 3 1 1 *', '--timezone', 'Europe/Berlin')
    _told(text, 'job scheduled: next run at ', '-01-01T02:00:00Z')
    check(not node.tasks('cron'), 'nothing runs yet')
    _told(_skep(node, 'service', 'run', 'cron'), 'job complete')
    _told(_skep(node, 'service', 'ps', 'cron'), 'cron.0', 'cron: next run at ', ', last at ')
    _told(_skep(node, 'service', 'inspect', '--pretty', 'cron'), 'Schedule:\t0 3 1 1 *', 'Europe/Berlin', 'Next Run:', 'job complete')
    _told(_skep(node, 'service', 'update', '--schedule', '* * * * *', 'cron'), 'job scheduled: next run at ')
    wait_until(lambda: 'run 1' in _skep(node, 'service', 'logs', '--raw', 'cron'), 'the next minute begins a run', 75)
    for words, told in ((['--schedule', '0 0 30 2 *'], 'would never run'), (['--schedule', '61 * * * *'], 'minute: 61 is not between 0 and 59'),
                        (['--schedule', '@daily', '--timezone', 'Nowhere/At_All'], "unknown timezone 'Nowhere/At_All'"),
                        (['--job-history', '3'], 'goes with a schedule only')):
        _told(_create(node, 'no', 'exit 0', '--mode', 'replicated-job', *words, code=1), told)
    _told(_create(node, 'no', 'exit 0', '--schedule', '@daily', code=1), 'only jobs have a schedule')
    _told(_skep(node, 'service', 'create', '-d', '--name', 'plain', IMAGE, 'sleep', '1000') and _skep(node, 'service', 'run', 'plain', code=1), 'is no job')


def what_ends_while_no_agent_runs_is_not_run_again(node):
    folder = node.folder + '/seen'
    os.makedirs(folder, exist_ok=True)
    _skep(node, 'service', 'create', '-d', '--name', 'job', '--mode', 'replicated-job', '--replicas', '24',
          '--mount', 'type=bind,source=%s,target=/seen' % folder, IMAGE, 'sh', '-c', 'until [ -e /seen/go ]; do sleep 0.1; done')
    wait_until(lambda: [task.state for task in node.tasks('job')] == [State.TASK_RUNNING] * 24, 'all run')
    node.stop()
    open(folder + '/go', 'w').close()
    time.sleep(0.5)  # shorter than a node is waited for
    node.start()
    wait_until(lambda: 'job complete' in _skep(node, 'service', 'inspect', '--pretty', 'job'), 'it is complete')
    tasks = node.tasks('job')
    check([task.state for task in tasks] == [State.TASK_COMPLETE] * 24, 'each ended once and well:',
          [str(task) for task in tasks if task.state != State.TASK_COMPLETE])


def what_fails_in_a_row_is_started_ever_later(node):
    _skep(node, 'service', 'create', '-d', '--name', 'crash', '--restart-delay', '500ms', '--restart-backoff-max', '1h', IMAGE, 'sh', '-c', 'exit 1')
    wait_until(lambda: 'failures in a row)' in _skep(node, 'service', 'ps', 'crash'), 'ps tells when it starts')
    wait_until(lambda: 'failures in a row)' in _skep(node, 'why', 'crash.1'), 'and why')
    _told(_skep(node, 'service', 'create', '-d', '--name', 'no', '--restart-backoff-max', '1s', IMAGE, code=1), 'cannot be less than restart-delay')
