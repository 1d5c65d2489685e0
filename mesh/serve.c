/* skep-mesh's shell. */
#include "mesh/serve.h"

#include <string.h>
#include <unistd.h>

#include "api/node.h"
#include "lib/base/check.h"
#include "lib/os/file.h"
#include "lib/os/log.h"
#include "mesh/link.h"

enum entry_state { ENTRY_ATTACHING, ENTRY_READY, ENTRY_FAILED, ENTRY_DETACHING };

/* One attachment on its way or there. */
struct entry {
        struct mesh_attachment attachment;
        enum entry_state state;
        int fds[MESH_PORTS_MAX]; /* ports kept from others */
        struct mesh *mesh;
        struct work work;
        char netns_path[300];
        int result;
        struct err err;
        bool is_wanted; /* while a detach runs it may be wanted again */
};

struct agent_stream {
        struct agent_stream *next;
        struct rpc_call *call;
        struct mesh *mesh;
};

struct mesh {
        struct daemon *daemon;
        const struct mesh_config *config;
        struct map entries; /* struct entry, by id */
        struct mesh_subnet subnet;
        struct agent_stream *streams;
};

MESH_METHODS(RPC_PROTOTYPE)

/* --- reports --- */

static void fill_report(struct arena *arena, const struct entry *entry,
                        Sk__MeshReport__Attachment *report)
{
        const struct mesh_attachment *attachment = &entry->attachment;
        uint32_t address = attachment->address;

        report->id = attachment->id;
        report->is_ready = entry->state == ENTRY_READY;
        report->err = entry->state == ENTRY_FAILED ? entry->err.text : "";
        report->netns_path = entry->netns_path;
        report->address = arena_printf(arena, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                                       address >> 8 & 255, address & 255);
        report->gateway = "169.254.1.1";
        report->host_ports = arena_alloc(arena, MESH_PORTS_MAX * sizeof *report->host_ports);
        for (size_t i = 0; i < attachment->n_ports; i++) {
                Sk__PortConfig *port = arena_alloc(arena, sizeof *port);

                *port = (Sk__PortConfig)SK__PORT_CONFIG__INIT;
                port->target_port = attachment->ports[i].target;
                port->published_port = attachment->ports[i].published;
                port->publish_mode = SK__PORT_CONFIG__PUBLISH_MODE__HOST;
                port->protocol = attachment->ports[i].protocol == IPPROTO_UDP
                                         ? SK__PORT_CONFIG__PROTOCOL__UDP
                                 : attachment->ports[i].protocol == IPPROTO_TCP
                                         ? SK__PORT_CONFIG__PROTOCOL__TCP
                                         : SK__PORT_CONFIG__PROTOCOL__SCTP;
                report->host_ports[report->n_host_ports++] = port;
        }
}

static void tell(struct mesh *mesh, const struct entry *entry, bool is_removed)
{
        Sk__MeshReport message = SK__MESH_REPORT__INIT;
        Sk__MeshReport__Attachment report = SK__MESH_REPORT__ATTACHMENT__INIT,
                                   *reports[] = { &report };
        struct arena arena = { 0 };

        fill_report(&arena, entry, &report);
        report.is_removed = is_removed;
        if (is_removed)
                report.is_ready = false;
        message.attachments = reports;
        message.n_attachments = 1;
        for (struct agent_stream *stream = mesh->streams; stream; stream = stream->next)
                rpc_call_write(stream->call, &message.base);
        arena_done(&arena);
}

/* --- carrying out --- */

static void close_ports(struct entry *entry)
{
        for (size_t i = 0; i < MESH_PORTS_MAX; i++) {
                closep(&entry->fds[i]);
                entry->fds[i] = -1;
        }
}

static void entry_remove(struct entry *entry)
{
        map_remove(&entry->mesh->entries, entry->attachment.id);
        close_ports(entry);
        free(entry);
}

static void attach_work(struct work *work)
{
        struct entry *entry = container_of(work, struct entry, work);
        _cleanup_(str_done) struct str commands = { 0 };

        entry->result = link_attach(&entry->attachment, entry->netns_path, &entry->err);
        mesh_nft_ports(&entry->attachment, true, &commands);
        if (entry->result == 0 && commands.length)
                entry->result = link_nft(str_text(&commands), &entry->err);
        if (entry->result < 0)
                link_detach(&entry->attachment, entry->netns_path, NULL);
}

static void detach_work(struct work *work)
{
        struct entry *entry = container_of(work, struct entry, work);
        _cleanup_(str_done) struct str commands = { 0 };

        mesh_nft_ports(&entry->attachment, false, &commands);
        if (commands.length)
                link_nft(str_text(&commands), NULL);
        entry->result = link_detach(&entry->attachment, entry->netns_path, &entry->err);
}

static void detach_done(struct work *work);

static void detach(struct entry *entry)
{
        entry->state = ENTRY_DETACHING;
        entry->is_wanted = false;
        entry->work = (struct work){ .work = detach_work, .done = detach_done };
        worker_submit(entry->mesh->daemon->workers, &entry->work);
}

static void attach_done(struct work *work)
{
        struct entry *entry = container_of(work, struct entry, work);

        if (!work->was_run)
                return;
        entry->state = entry->result < 0 ? ENTRY_FAILED : ENTRY_READY;
        if (entry->result < 0) {
                LOG(ERROR, "not attached", STR("id", entry->attachment.id),
                    STR("why", entry->err.text));
                close_ports(entry);
        } else {
                LOG(INFO, "attached", STR("id", entry->attachment.id),
                    STR("device", entry->attachment.device));
        }
        if (entry->is_wanted)
                tell(entry->mesh, entry, false);
        else
                detach(entry);
}

static void attach(struct entry *entry)
{
        entry->state = ENTRY_ATTACHING;
        entry->work = (struct work){ .work = attach_work, .done = attach_done };
        worker_submit(entry->mesh->daemon->workers, &entry->work);
}

static void detach_done(struct work *work)
{
        struct entry *entry = container_of(work, struct entry, work);

        if (!work->was_run)
                return;
        if (entry->result < 0)
                LOG(ERROR, "not detached", STR("id", entry->attachment.id),
                    STR("why", entry->err.text));
        else
                LOG(INFO, "detached", STR("id", entry->attachment.id));
        if (entry->is_wanted) {
                attach(entry);
                return;
        }
        tell(entry->mesh, entry, true);
        entry_remove(entry);
}

/* --- what is wanted --- */

static struct entry *entry_new(struct mesh *mesh, const char *id)
{
        struct entry *entry = mem_alloc(sizeof *entry);

        entry->mesh = mesh;
        snprintf(entry->attachment.id, sizeof entry->attachment.id, "%s", id);
        mesh_device_name(id, entry->attachment.device);
        snprintf(entry->netns_path, sizeof entry->netns_path, "%.200s/netns/%s",
                 mesh->config->run_folder, id);
        for (size_t i = 0; i < MESH_PORTS_MAX; i++)
                entry->fds[i] = -1;
        map_put(&mesh->entries, entry->attachment.id, entry);
        return entry;
}

static int reserve_ports(struct entry *entry, const Sk__MeshAttachment *wanted, struct err *err)
{
        static const uint8_t numbers[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
        struct mesh_attachment *attachment = &entry->attachment;

        for (size_t i = 0; i < wanted->n_host_ports; i++) {
                struct mesh_port *port = &attachment->ports[i];

                port->protocol = numbers[wanted->host_ports[i]->protocol];
                port->target = (uint16_t)wanted->host_ports[i]->target_port;
                TRY(link_reserve_port(port->protocol,
                                      (uint16_t)wanted->host_ports[i]->published_port,
                                      &entry->fds[i], &port->published, err));
                attachment->n_ports = i + 1;
        }
        return 0;
}

static void want_new(struct mesh *mesh, const Sk__MeshAttachment *wanted)
{
        struct entry *entry = entry_new(mesh, wanted->id);

        entry->is_wanted = true;
        entry->attachment.address = mesh_subnet_take(&mesh->subnet, &mesh->entries);
        if (!entry->attachment.address)
                entry->result = err_set(&entry->err, ERR_EXHAUSTED, "all addresses of %s are taken",
                                        mesh->config->subnet);
        else
                entry->result = reserve_ports(entry, wanted, &entry->err);
        if (entry->result == 0) {
                attach(entry);
                return;
        }
        LOG(ERROR, "not attached", STR("id", wanted->id), STR("why", entry->err.text));
        entry->state = ENTRY_FAILED;
        close_ports(entry);
        entry->attachment.n_ports = 0;
        tell(mesh, entry, false);
}

static void want(struct mesh *mesh, const Sk__MeshAttachment *wanted)
{
        struct entry *entry = map_find(&mesh->entries, wanted->id);

        if (entry && entry->state == ENTRY_FAILED) {
                /* Asked for again: tried again. */
                entry_remove(entry);
                entry = NULL;
        }
        if (!entry) {
                want_new(mesh, wanted);
                return;
        }
        entry->is_wanted = true;
        if (entry->state == ENTRY_READY)
                tell(mesh, entry, false);
}

static void unwant(struct mesh *mesh, const char *id)
{
        struct entry *entry = map_find(&mesh->entries, id), gone = { 0 };

        if (!entry) {
                snprintf(gone.attachment.id, sizeof gone.attachment.id, "%.63s", id);
                tell(mesh, &gone, true);
        } else if (entry->state == ENTRY_READY) {
                detach(entry);
        } else if (entry->state == ENTRY_FAILED) {
                tell(mesh, entry, true);
                entry_remove(entry);
        } else {
                entry->is_wanted = false;
        }
}

static bool is_named(const Sk__MeshWanted *wanted, const char *id)
{
        for (size_t i = 0; i < wanted->n_attachments; i++)
                if (strcmp(wanted->attachments[i]->id, id) == 0)
                        return true;
        for (size_t i = 0; i < wanted->n_kept; i++)
                if (strcmp(wanted->kept[i], id) == 0)
                        return true;
        return false;
}

static void drop_unnamed(struct mesh *mesh, const Sk__MeshWanted *wanted)
{
        _cleanup_(vec_done) struct vec ids = VEC_OF(const char *);
        struct entry *entry;
        size_t at = 0;

        while ((entry = map_next(&mesh->entries, &at)))
                if (!is_named(wanted, entry->attachment.id))
                        vec_push(&ids, &(const char *){ entry->attachment.id });
        for (size_t i = 0; i < ids.n; i++)
                unwant(mesh, VEC_AT(&ids, const char *, i));
}

static void wanted_came(void *context, struct rpc_call *call, const void *in)
{
        struct agent_stream *stream = context;
        const Sk__MeshWanted *wanted = in;
        struct err err;

        for (size_t i = 0; i < wanted->n_attachments; i++)
                if (mesh_wanted_check(wanted->attachments[i], &err) < 0) {
                        rpc_fail(call, &err);
                        return;
                }
        if (wanted->is_complete)
                drop_unnamed(stream->mesh, wanted);
        for (size_t i = 0; i < wanted->n_attachments; i++)
                want(stream->mesh, wanted->attachments[i]);
        for (size_t i = 0; i < wanted->n_removed; i++)
                unwant(stream->mesh, wanted->removed[i]);
}

static void stream_half_closed(void *context, struct rpc_call *call)
{
        (void)context;
        rpc_call_finish(call);
}

static void stream_closed(void *context, struct rpc_call *call)
{
        struct agent_stream *stream = context, **place = &stream->mesh->streams;

        (void)call;
        while (*place != stream)
                place = &(*place)->next;
        *place = stream->next;
}

void sync_attachments(void *context, struct rpc_call *call, const Sk__MeshWanted *in)
{
        static const struct rpc_call_events events = {
                .message = wanted_came,
                .half_closed = stream_half_closed,
                .closed = stream_closed,
        };
        struct agent_stream *stream = arena_alloc(rpc_call_arena(call), sizeof *stream);
        struct daemon *daemon = context;

        (void)in;
        stream->mesh = daemon->state;
        stream->call = call;
        stream->next = stream->mesh->streams;
        stream->mesh->streams = stream;
        rpc_call_on(call, &events, stream);
}

MESH_METHODS(RPC_SHIM)
static const struct rpc_method methods[] = { MESH_METHODS(RPC_ROW) };
const struct rpc_service mesh_service = { &sk__mesh__descriptor, methods, COUNT_OF(methods) };

/* --- start and stop --- */

static void adopt(void *context, const struct mesh_attachment *found)
{
        struct mesh *mesh = context;
        struct entry *entry = entry_new(mesh, found->id);
        struct err err;

        entry->attachment = *found;
        entry->state = ENTRY_READY;
        for (size_t i = 0; i < found->n_ports; i++) {
                uint16_t port;

                if (link_reserve_port(found->ports[i].protocol, found->ports[i].published,
                                      &entry->fds[i], &port, &err) < 0)
                        LOG(WARN, "a published port was taken by somebody else meanwhile",
                            STR("id", found->id), STR("why", err.text));
        }
}

static bool is_known(void *context, const char *id)
{
        const struct mesh *mesh = context;

        return map_find(&mesh->entries, id);
}

static int rebuild_nft(struct mesh *mesh, struct err *err)
{
        _cleanup_(str_done) struct str commands = { 0 };
        const struct entry *entry;
        size_t at = 0;

        mesh_nft_table(mesh->config->subnet, &commands);
        while ((entry = map_next(&mesh->entries, &at)))
                mesh_nft_ports(&entry->attachment, true, &commands);
        return link_nft(str_text(&commands), err);
}

/* The host's setting is put back by whoever takes Skep down: remembered until then. */
static int enable_forwarding(struct mesh *mesh, struct err *err)
{
        _cleanup_(str_done) struct str path = { 0 };
        char was = '1';

        TRY(link_enable_forwarding(&was, err));
        str_addf(&path, "%s/ip_forward.was", mesh->config->run_folder);
        if (was == '1')
                return 0;
        return file_write_atomic(str_text(&path), &was, 1, 0644, err);
}

int mesh_start(struct daemon *daemon, struct err *err)
{
        struct mesh *mesh = mem_alloc(sizeof *mesh);
        _cleanup_(str_done) struct str folder = { 0 };

        mesh->daemon = daemon;
        mesh->config = daemon->spec->config;
        daemon->state = mesh;
        TRY(mesh_subnet_parse(mesh->config->subnet, &mesh->subnet, err));
        str_addf(&folder, "%s/netns", mesh->config->run_folder);
        TRY(file_make_folders(str_text(&folder), 0755, err));
        TRY(enable_forwarding(mesh, err));
        TRY(link_list(adopt, mesh, err));
        link_sweep(str_text(&folder), is_known, mesh);
        TRY(rebuild_nft(mesh, err));
        LOG(INFO, "node network up", STR("subnet", mesh->config->subnet),
            INT("adopted", (int64_t)mesh->entries.n));
        daemon_ready(daemon);
        return 0;
}

void mesh_stop(struct daemon *daemon)
{
        struct mesh *mesh = daemon->state;
        struct entry *entry;
        size_t at = 0;

        /* Attachments stay: containers run on, and the next skep-mesh adopts them. */
        while ((entry = map_next(&mesh->entries, &at))) {
                close_ports(entry);
                free(entry);
        }
        map_done(&mesh->entries);
        free(mesh);
}
