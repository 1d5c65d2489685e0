/* The task side, put together: session, wanted set, tasks, journal. */
#include "agent/agent.h"

#include <stdlib.h>
#include <string.h>

#include "agent/assets.h"
#include "agent/answer.h"
#include "agent/enter.h"
#include "agent/measure.h"
#include "agent/runner.h"
#include "agent/session.h"
#include "lib/base/time.h"
#include "lib/base/version.h"
#include "lib/message/message.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "lib/trust/trust.h"

/* Statuses gather this long before they are told. */
#define GATHER_NS (2 * NS_PER_MS)
#define WRITE_AGAIN_NS (5 * NS_PER_S)
/* The executor looks at what may change as often: a change is told within 20 s. */
#define DESCRIBE_EVERY_NS (10 * NS_PER_S)

struct agent {
        struct agent_options options;
        char *state_folder, *address, *hostname;
        struct rpc_identity *identity;            /* NULL: works for no swarm */
        struct str root_subject, root_public_key; /* of that swarm's root, as docker shows them */
        struct managers managers;
        struct worker worker;
        struct disk *disk;
        bool is_disk_failing; /* said so once */
        struct runner *runner;
        struct session *session;
        struct answers *answers;
        struct entrances *entrances;
        struct measures *measures;
        struct loop_timer gather, describe, write_again;
        struct arena description_arena;
        Sk__NodeDescription *description; /* as told last */
        void (*left)(void *context);
        void *left_context;
        struct loop_timer left_timer;
};

/* --- telling --- */

static int rewrite_journal(struct agent *agent, struct err *err)
{
        disk_rewrite_begin(agent->disk, &agent->worker);
        runner_dump_reports(agent->runner);
        return disk_rewrite_finish(agent->disk, err);
}

/* Tasks go on when the disk is full: what is written down only serves the next start.  Then all of
 * it has to be written, which is not tried at each change. */
static void write_down(struct agent *agent)
{
        bool was_failing = agent->is_disk_failing;
        struct err err;
        int r;

        if (!agent->disk)
                return;
        if (loop_timer_is_set(&agent->write_again)) {
                disk_skip(agent->disk);
                return;
        }
        r = disk_is_wasteful(agent->disk) ? rewrite_journal(agent, &err)
                                          : disk_flush(agent->disk, &err);
        agent->is_disk_failing = r < 0;
        if (r < 0 && !was_failing)
                LOG(ERROR, "journal cannot be written", STR("why", err.text));
        else if (r == 0 && was_failing)
                LOG(INFO, "journal can be written again");
        if (r < 0)
                loop_timer_set(agent->options.loop, &agent->write_again, WRITE_AGAIN_NS);
}

static void write_again(void *context)
{
        write_down(context);
}

/* Written down first, told then. */
static void gathered(void *context)
{
        struct agent *agent = context;
        _cleanup_(arena_done) struct arena arena = {};
        Sk__StatusBatch *batch;

        write_down(agent);
        if (!agent->session || !session_is_open(agent->session) || !agent->worker.is_fresh)
                return;
        batch = runner_take_batch(agent->runner, &arena);
        if (batch)
                session_send(agent->session, SK__AGENT_MESSAGE__MESSAGE_STATUSES, batch);
}

static void has_news(void *context)
{
        struct agent *agent = context;

        if (!loop_timer_is_set(&agent->gather))
                loop_timer_set(agent->options.loop, &agent->gather, GATHER_NS);
}

/* --- what the node is --- */

void agent_describe(struct agent *agent, struct arena *arena, Sk__NodeDescription *ret)
{
        sk__node_description__init(ret);
        agent->options.executor->ops->describe(agent->options.executor, arena, ret);
        if (agent->options.assets)
                assets_describe(agent->options.assets, arena, ret);
        if (agent->hostname)
                ret->hostname = agent->hostname;
        ret->engine_version = SKEP_VERSION;
        ret->tls_issuer_subject = str_text(&agent->root_subject);
        ret->tls_issuer_public_key = str_text(&agent->root_public_key);
}

/* What a person compares to see which root a node trusts; without it the node is none the worse. */
static void read_root(struct agent *agent, const char *identity_folder)
{
        _cleanup_(str_done) struct str path = {}, pem = {};

        str_clear(&agent->root_subject);
        str_clear(&agent->root_public_key);
        str_addf(&path, "%s/root.crt", identity_folder);
        if (file_read(str_text(&path), TRUST_PEM_MAX, &pem, NULL) == 0)
                trust_certificate_info(str_text(&pem), &agent->root_subject,
                                       &agent->root_public_key, NULL);
}

/* Returns whether it differs from what was told last. */
static bool describe_anew(struct agent *agent)
{
        struct arena arena = {};
        Sk__NodeDescription *description = arena_alloc(&arena, sizeof *description);

        agent_describe(agent, &arena, description);
        if (agent->description && message_equal(&agent->description->base, &description->base)) {
                arena_done(&arena);
                return false;
        }
        arena_done(&agent->description_arena);
        agent->description_arena = arena;
        agent->description = description;
        return true;
}

static void describe(void *context)
{
        struct agent *agent = context;

        if (describe_anew(agent))
                session_send(agent->session, SK__AGENT_MESSAGE__MESSAGE_DESCRIPTION,
                             agent->description);
        loop_timer_set(agent->options.loop, &agent->describe, DESCRIBE_EVERY_NS);
}

/* --- the session's events --- */

static void on_greet(void *context, struct arena *arena, Sk__AgentHello *ret)
{
        struct agent *agent = context;

        (void)arena;
        describe_anew(agent);
        ret->description = agent->description;
        ret->address = str_or(agent->address, "");
        ret->level = 1;
}

static void on_opened(void *context)
{
        struct agent *agent = context;

        worker_expect_complete(&agent->worker);
        if (agent->options.events.connected)
                agent->options.events.connected(agent->options.context, true, "");
}

static void on_lost(void *context, const struct err *err)
{
        struct agent *agent = context;

        runner_session_lost(agent->runner);
        if (agent->options.events.connected)
                agent->options.events.connected(agent->options.context, false, err->text);
}

static void on_refused(void *context, const struct err *err)
{
        struct agent *agent = context;

        if (agent->options.events.refused)
                agent->options.events.refused(agent->options.context, err);
}

static void save_managers(struct agent *agent)
{
        _cleanup_(str_done) struct str lines = {};
        struct err err;

        if (!agent->state_folder)
                return;
        managers_print(&agent->managers, &lines);
        if (disk_save_managers(agent->state_folder, &lines, &err) < 0)
                LOG(ERROR, "list of managers cannot be kept", STR("why", err.text));
}

static void on_info(void *context, const Sk__SessionInfo *info)
{
        struct agent *agent = context;
        const struct agent_events *events = &agent->options.events;
        _cleanup_(arena_done) struct arena arena = {};
        const char **addresses = arena_alloc(&arena, (info->n_managers + 1) * sizeof *addresses);

        for (size_t i = 0; i < info->n_managers; i++)
                addresses[i] = info->managers[i]->address;
        if (info->n_managers && managers_set_told(&agent->managers, addresses, info->n_managers))
                save_managers(agent);
        if (info->n_managers && events->managers_told)
                events->managers_told(agent->options.context, addresses, info->n_managers);
        if (info->node && events->node_changed)
                events->node_changed(agent->options.context, info->node);
        if (!str_is_empty(info->root_certificate_pem) && events->root_changed)
                events->root_changed(agent->options.context, info->root_certificate_pem);
}

static int on_assignments(void *context, const Sk__Assignments *assignments, struct err *err)
{
        struct agent *agent = context;
        bool is_whole_set =
                assignments->is_last && assignments->type == SK__ASSIGNMENTS__TYPE__COMPLETE;
        Sk__AssignmentAck ack;

        TRY(worker_apply(&agent->worker, assignments, err));
        if (!assignments->is_last)
                return 0;
        write_down(agent);
        runner_apply_changes(agent->runner);
        if (is_whole_set)
                runner_set_is_whole(agent->runner);
        sk__assignment_ack__init(&ack);
        ack.sequence = assignments->sequence;
        session_send(agent->session, SK__AGENT_MESSAGE__MESSAGE_ACK, &ack);
        return 0;
}

static void on_acknowledged(void *context, uint64_t sequence)
{
        struct agent *agent = context;

        runner_acknowledge(agent->runner, sequence);
}

static void on_request(void *context, const Sk__NodeRequest *request)
{
        struct agent *agent = context;
        struct rpc_client *client = session_client(agent->session);

        if (request->what_case == SK__NODE_REQUEST__WHAT_ENTER)
                entrances_begin(agent->entrances, client, request->request_id, request->enter);
        else if (request->what_case == SK__NODE_REQUEST__WHAT_USAGE)
                measures_begin(agent->measures, client, request->request_id, request->usage);
        else
                answers_begin(agent->answers, client, request);
}

static void on_cancel(void *context, const char *request_id)
{
        struct agent *agent = context;

        answers_cancel(agent->answers, request_id);
        entrances_cancel(agent->entrances, request_id);
        measures_cancel(agent->measures, request_id);
}

static const struct session_events session_events = {
        .greet = on_greet,
        .opened = on_opened,
        .lost = on_lost,
        .info = on_info,
        .assignments = on_assignments,
        .acknowledged = on_acknowledged,
        .request = on_request,
        .cancel = on_cancel,
        .refused = on_refused,
};

/* --- joining --- */

static void restore_report(void *context, const Sk__TaskReport *report)
{
        struct agent *agent = context;

        runner_restore_report(agent->runner, report);
}

static int restore(struct agent *agent, struct err *err)
{
        const struct disk_restored restored = { .report = restore_report, .context = agent };
        _cleanup_(str_done) struct str lines = {};
        size_t torn;
        int r;

        TRY(disk_open(agent->state_folder, &agent->worker, &restored, &agent->disk, &torn, err));
        if (torn)
                LOG(WARN, "the journal's torn end was cut off", INT("bytes", (int64_t)torn));
        r = disk_load_managers(agent->state_folder, &lines, err);
        if (r < 0 && r != ERR_NOT_FOUND)
                return r;
        managers_parse(&agent->managers, str_text(&lines));
        agent->worker.sink = disk_sink(agent->disk);
        runner_set_disk(agent->runner, agent->disk);
        return 0;
}

static void begin(struct agent *agent)
{
        const struct runner_options options = { .loop = agent->options.loop,
                                                .executor = agent->options.executor,
                                                .worker = &agent->worker,
                                                .node_id = rpc_identity_node_id(agent->identity),
                                                .hostname = str_or(agent->hostname, ""),
                                                .has_news = has_news,
                                                .context = agent };
        const struct answers_options answers = { .loop = agent->options.loop,
                                                 .workers = agent->options.workers,
                                                 .log_folder = agent->options.log_folder,
                                                 .log_is_elsewhere =
                                                         agent->options.log_is_elsewhere,
                                                 .context = agent->options.context,
                                                 .node_id = options.node_id };
        const struct measures_options measures = { .loop = agent->options.loop,
                                                   .workers = agent->options.workers,
                                                   .executor = agent->options.executor,
                                                   .node_id = options.node_id };

        managers_init(&agent->managers);
        worker_init(&agent->worker, NULL);
        agent->runner = runner_new(&options);
        agent->answers = answers_new(&answers);
        agent->entrances = entrances_new(agent->options.loop, agent->options.executor);
        agent->measures = measures_new(&measures);
}

/* Back to belonging to no swarm; what runs is not touched. */
static void end(struct agent *agent)
{
        if (!agent->identity)
                return;
        loop_timer_cancel(&agent->gather);
        loop_timer_cancel(&agent->describe);
        loop_timer_cancel(&agent->write_again);
        answers_free(TAKE(agent->answers));
        entrances_free(TAKE(agent->entrances));
        measures_free(TAKE(agent->measures));
        session_free(TAKE(agent->session));
        runner_free(TAKE(agent->runner));
        disk_free(TAKE(agent->disk));
        worker_done(&agent->worker);
        managers_done(&agent->managers);
        rpc_identity_free(TAKE(agent->identity));
}

int agent_join_cluster(struct agent *agent, const char *identity_folder,
                       const char *const *managers, size_t n_managers, struct err *err)
{
        struct session_options options = { .loop = agent->options.loop,
                                           .managers = &agent->managers,
                                           .events = &session_events,
                                           .context = agent };
        int r;

        if (agent->identity)
                return err_set(err, ERR_EXISTS, "this node already works for a swarm");
        TRY(rpc_identity_open(identity_folder, "agent", &agent->identity, err));
        read_root(agent, identity_folder);
        begin(agent);
        r = agent->state_folder ? restore(agent, err) : 0;
        if (r < 0) {
                end(agent);
                return r;
        }
        for (size_t i = 0; i < n_managers; i++)
                managers_add_joined(&agent->managers, managers[i]);
        save_managers(agent);
        options.identity = agent->identity;
        agent->session = session_new(&options);
        runner_resume(agent->runner);
        loop_timer_set(agent->options.loop, &agent->describe, DESCRIBE_EVERY_NS);
        return 0;
}

/* --- leaving --- */

static void tell_left(void *context)
{
        struct agent *agent = context;
        void (*left)(void *context) = TAKE(agent->left);

        if (left)
                left(agent->left_context);
}

static void all_gone(void *context)
{
        struct agent *agent = context;
        struct err err;

        end(agent);
        if (agent->state_folder && disk_forget(agent->state_folder, &err) < 0)
                LOG(ERROR, "the journal cannot be removed", STR("why", err.text));
        tell_left(agent);
}

/* On its own timer: whoever asked may stand in a callback of the session that goes. */
static void leave(void *context)
{
        struct agent *agent = context;

        if (!agent->identity) {
                tell_left(agent);
                return;
        }
        session_free(TAKE(agent->session));
        loop_timer_cancel(&agent->describe);
        runner_discard_all(agent->runner, all_gone, agent);
}

void agent_leave(struct agent *agent, void (*left)(void *context), void *context)
{
        agent->left = left;
        agent->left_context = context;
        loop_timer_set(agent->options.loop, &agent->left_timer, 0);
}

/* --- life --- */

int agent_new(const struct agent_options *options, struct agent **ret_agent, struct err *err)
{
        struct agent *agent;

        if (options->state_folder)
                TRY(file_make_folders(options->state_folder, 0700, err));
        agent = mem_alloc(sizeof *agent);
        agent->options = *options;
        agent->state_folder = str_copy(options->state_folder);
        agent->address = str_copy(options->address);
        agent->hostname = str_copy(options->hostname);
        agent->gather = (struct loop_timer){ .fire = gathered, .context = agent };
        agent->describe = (struct loop_timer){ .fire = describe, .context = agent };
        agent->write_again = (struct loop_timer){ .fire = write_again, .context = agent };
        agent->left_timer = (struct loop_timer){ .fire = leave, .context = agent };
        *ret_agent = agent;
        return 0;
}

void agent_set_address(struct agent *agent, const char *address)
{
        free(agent->address);
        agent->address = str_copy(address);
}

void agent_free(struct agent *agent)
{
        if (!agent)
                return;
        end(agent);
        loop_timer_cancel(&agent->left_timer);
        arena_done(&agent->description_arena);
        free(agent->state_folder);
        free(agent->address);
        free(agent->hostname);
        str_done(&agent->root_subject);
        str_done(&agent->root_public_key);
        free(agent);
}

void agent_get_info(const struct agent *agent, struct agent_info *ret)
{
        *ret = (struct agent_info){ .node_id = "", .manager = "", .last_error = "" };
        if (!agent->identity)
                return;
        ret->is_in_cluster = true;
        ret->node_id = rpc_identity_node_id(agent->identity);
        ret->n_tasks = runner_count(agent->runner, &ret->n_running, &ret->n_unreported);
        if (!agent->session)
                return;
        ret->is_connected = session_is_open(agent->session);
        ret->manager = session_manager(agent->session);
        ret->last_error = session_last_error(agent->session);
}
