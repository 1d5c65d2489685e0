/* A simulated server: the shell around a real raft. */
#include <inttypes.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "tests/sim/raft/sim.h"

struct server *sim_server(struct sim *sim, uint64_t id)
{
        return id && id <= sim->n_servers ? &sim->servers[id - 1] : NULL;
}

int64_t server_clock(const struct sim *sim, const struct server *server)
{
        return server->clock_offset + sim->now + sim->now / 1000 * server->clock_ppm / 1000;
}

/* How long until its clock shows this. */
static int64_t delay_until(const struct sim *sim, const struct server *server, int64_t local)
{
        int64_t wait = local - server_clock(sim, server);

        return wait <= 0 ? 1 : wait - wait / 1000 * server->clock_ppm / 1000 + 1;
}

static struct raft_config config_of(struct sim *sim, const struct server *server)
{
        struct raft_config config = raft_config_default();

        config.id = server->id;
        config.seed = random_next(&sim->random);
        if (sim->weather.is_storm) { /* many elections in little time */
                config.heartbeat /= 5;
                config.election_timeout /= 5;
                config.election_spread /= 5;
                config.lease /= 5;
        }
        if (!sim->weather.has_lease)
                config.lease = 0;
        if (sim->weather.is_tiny) {
                config.max_append_bytes = 300;
                config.max_inflight = 3;
                config.max_inflight_bytes = 800;
                config.cache_bytes = 1000;
                config.max_uncommitted_bytes = 20000;
                config.promote_lag = 20;
        }
        return config;
}

void server_boot(struct sim *sim, struct server *server)
{
        struct raft_config config = config_of(sim, server);
        struct disk *disk = &server->durable;
        struct raft_restore restore = {
                .term = disk->term,
                .vote = disk->vote,
                .snapshot = disk->snapshot,
                .applied = disk->state.applied,
        };
        struct err err = { 0 };
        int failed = raft_new(&config, &restore, &server->raft, &err);

        for (uint64_t i = disk->snapshot.index + 1; !failed && i <= disk_last(disk); i++)
                failed = raft_load(server->raft, disk_entry(disk, i), &err);
        if (!failed)
                failed = raft_start(server->raft, server_clock(sim, server), &err);
        if (failed) {
                sim_fail(sim, "server %" PRIu64 " cannot start: %s", server->id, err.text);
                return;
        }
        sim_trace(sim, "%" PRIu64 " boots: term %" PRIu64 ", log %" PRIu64 "..%" PRIu64, server->id,
                  disk->term, disk->snapshot.index + 1, disk_last(disk));
        server->life++;
        disk_copy(&server->wanted, disk);
        server->state = disk->state;
        server->apply_to = server->commit = disk->state.applied;
        server->term = disk->term;
        server->role = RAFT_FOLLOWER;
        server->leader = server->install_write = 0;
        server->is_applying = false;
        server->disk_free_at = sim->now;
        server_step(sim, server, &(struct raft_event){ .kind = RAFT_TICK }, NULL);
}

/* Power loss: of the writes under way, some of the first survive. */
void server_crash(struct sim *sim, struct server *server)
{
        size_t n_survive = (size_t)sim_between(sim, 0, (int64_t)server->writes.n);

        sim_trace(sim, "%" PRIu64 " crashes, %zu of %zu writes survive", server->id, n_survive,
                  server->writes.n);
        sim->n_crashes++;
        for (size_t i = 0; i < server->writes.n; i++) {
                struct disk_write *write = VEC_AT(&server->writes, struct disk_write *, i);

                if (i < n_survive)
                        disk_carry_out(&server->durable, write);
                disk_write_free(write);
        }
        vec_clear(&server->writes);
        vec_clear(&server->proposals);
        raft_free(TAKE(server->raft));
        server->role = RAFT_FOLLOWER;
        if (sim_chance(sim, 300)) /* the machine boots anew: its clock starts again */
                server->clock_offset -= server_clock(sim, server);
        sim_mix(sim, server->id + 100);
}

void server_flush(struct server *server)
{
        /* Only what the log on disk reaches, and never the state before an install over the one
         * after it. */
        if (!server->install_write && server->state.applied <= disk_last(&server->durable) &&
            server->state.applied > server->durable.state.applied)
                server->durable.state = server->state;
}

void server_step(struct sim *sim, struct server *server, struct raft_event *event,
                 const struct state *snapshot_state)
{
        const struct raft_effects *effects;

        if (sim->is_failed)
                return;
        event->now = server_clock(sim, server);
        effects = raft_step(server->raft, event);
        sim->n_steps++;
        sim_mix(sim, server->id);
        sim_mix(sim, event->kind);
        sim_mix(sim, (uint64_t)sim->now);
        server_take_effects(sim, server, effects, snapshot_state);
        check_step(sim, server);
}

/* ---- Effects ---- */

struct disk_event {
        struct sim_event event;
        uint64_t write;
};

static void disk_is_done(struct sim *sim, struct sim_event *event)
{
        struct server *server = sim_server(sim, event->server);
        uint64_t id = container_of(event, struct disk_event, event)->write;
        size_t n = 0;

        for (; n < server->writes.n; n++) {
                struct disk_write *write = VEC_AT(&server->writes, struct disk_write *, n);

                if (write->id > id)
                        break;
                disk_carry_out(&server->durable, write);
                if (write->id == server->install_write) {
                        server->install_write = 0;
                        server->state = write->state;
                }
                disk_write_free(write);
        }
        for (size_t i = n; i < server->writes.n; i++)
                VEC_AT(&server->writes, struct disk_write *, i - n) =
                        VEC_AT(&server->writes, struct disk_write *, i);
        server->writes.n -= n;
        server_step(sim, server, &(struct raft_event){ .kind = RAFT_PERSISTED, .persisted = id },
                    NULL);
}

static void start_write(struct sim *sim, struct server *server, const struct raft_write *write,
                        const struct state *snapshot_state)
{
        struct disk_write *copy = disk_write_new(write, snapshot_state);
        struct disk_event *done = mem_alloc(sizeof *done);
        int64_t at = sim->now + sim_between(sim, 10000, sim->weather.disk_latency);

        if (write->compact)
                server->wanted.state = server->durable.state;
        disk_carry_out(&server->wanted, copy);
        for (size_t i = 0; i < write->n_entries; i++)
                check_append(sim, server, write->entries[i]);
        vec_push(&server->writes, &copy);
        if (write->install) {
                server->install_write = write->id;
                sim->n_installs++;
        }
        if (at < server->disk_free_at)
                at = server->disk_free_at;
        server->disk_free_at = at;
        *done = (struct disk_event){
                .event = { .server = server->id, .life = server->life, .run = disk_is_done },
                .write = write->id,
        };
        sim_plan(sim, &done->event, at - sim->now);
}

static void apply_some(struct sim *sim, struct sim_event *event)
{
        struct server *server = sim_server(sim, event->server);

        server->is_applying = false;
        if (server->install_write)
                return;
        while (server->state.applied < server->apply_to) {
                uint64_t index = server->state.applied + 1;
                const struct raft_entry *entry = raft_entry_at(server->raft, index);

                if (!entry)
                        entry = disk_entry(&server->wanted, index);
                CHECK(entry && entry->index == index);
                state_apply(&server->state, entry);
                check_applied(sim, server);
                client_applied(sim, server, entry);
        }
        server_step(sim, server,
                    &(struct raft_event){ .kind = RAFT_APPLIED, .applied = server->state.applied },
                    NULL);
}

static void plan_apply(struct sim *sim, struct server *server)
{
        struct sim_event *apply;

        if (server->is_applying || server->install_write ||
            server->state.applied >= server->apply_to)
                return;
        server->is_applying = true;
        apply = mem_alloc(sizeof *apply);
        *apply =
                (struct sim_event){ .server = server->id, .life = server->life, .run = apply_some };
        sim_plan(sim, apply, sim_between(sim, 0, sim->weather.disk_latency));
}

struct log_read_event {
        struct sim_event event;
        struct raft_log_read read;
};

static void log_is_read(struct sim *sim, struct sim_event *event)
{
        const struct raft_log_read *read = &container_of(event, struct log_read_event, event)->read;
        struct server *server = sim_server(sim, event->server);
        struct raft_entry *entries[256];
        size_t n = 0, bytes = 0;

        for (uint64_t i = read->first; i <= read->last && n < 256; i++) {
                struct raft_entry *entry = disk_entry(&server->wanted, i);

                if (!entry || (n && bytes + entry->size > read->max_bytes))
                        break;
                bytes += entry->size;
                entries[n++] = entry;
        }
        sim->n_log_reads++;
        server_step(sim, server,
                    &(struct raft_event){ .kind = RAFT_LOG_READ,
                                          .log_read = { read->peer, read->first, entries, n } },
                    NULL);
}

static void plan_log_read(struct sim *sim, struct server *server, const struct raft_log_read *read)
{
        struct log_read_event *event = mem_alloc(sizeof *event);

        *event = (struct log_read_event){
                .event = { .server = server->id, .life = server->life, .run = log_is_read },
                .read = *read,
        };
        sim_plan(sim, &event->event, sim_between(sim, 1000, sim->weather.disk_latency));
}

struct wake_event {
        struct sim_event event;
        uint64_t wake;
};

static void wake_up(struct sim *sim, struct sim_event *event)
{
        struct server *server = sim_server(sim, event->server);

        if (container_of(event, struct wake_event, event)->wake == server->wake)
                server_step(sim, server, &(struct raft_event){ .kind = RAFT_TICK }, NULL);
}

static void plan_wake(struct sim *sim, struct server *server, int64_t deadline)
{
        struct wake_event *event;

        server->wake++;
        if (deadline == TIME_NEVER)
                return;
        event = mem_alloc(sizeof *event);
        *event = (struct wake_event){
                .event = { .server = server->id, .life = server->life, .run = wake_up },
                .wake = server->wake,
        };
        sim_plan(sim, &event->event, delay_until(sim, server, deadline));
}

void server_take_effects(struct sim *sim, struct server *server, const struct raft_effects *effects,
                         const struct state *snapshot_state)
{
        if (effects->role_changed)
                sim_trace(sim, "%" PRIu64 " is %s of term %" PRIu64 ", leader %" PRIu64, server->id,
                          ((const char *[]){ "follower", "pre-candidate", "candidate",
                                             "leader" })[effects->role],
                          effects->term, effects->leader);
        if (effects->refused == ERR_DATA_LOSS)
                sim_fail(sim, "server %" PRIu64 " refuses: %s", server->id, effects->why);
        if (effects->role_changed && effects->role == RAFT_LEADER && !effects->is_ready)
                chaos_greets_leader(sim, server);
        server->apply_to = effects->apply_to;
        if (effects->write.id)
                start_write(sim, server, &effects->write, snapshot_state);
        for (size_t i = 0; i < effects->n_messages; i++)
                net_send(sim, &effects->messages[i]);
        for (size_t i = 0; i < effects->n_log_reads; i++)
                plan_log_read(sim, server, &effects->log_reads[i]);
        for (size_t i = 0; i < effects->n_snapshot_sends; i++)
                net_send_snapshot(sim, server, &effects->snapshot_sends[i]);
        for (size_t i = 0; i < effects->n_reads; i++)
                client_read_answered(sim, server, effects->reads[i].id, effects->reads[i].is_ok);
        plan_apply(sim, server);
        plan_wake(sim, server, effects->deadline);
}
