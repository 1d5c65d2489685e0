/* The journal: records of [length, checksum, type, payload], appended. */
#include "agent/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/message/message.h"
#include "lib/os/file.h"

enum {
        JOURNAL_SIZE_MAX = 1 << 30,
        REWRITE_AT_LEAST = 1 << 20,
        REWRITE_FACTOR = 4,
        MANAGERS_SIZE_MAX = 64 * 1024,
        RECORD_MAX = 64 << 20,
};

enum record_type { RECORD_PUT = 1, RECORD_REMOVED = 2, RECORD_REPORT = 3 };

struct record_head {
        uint32_t size, checksum; /* of what follows the head */
        uint8_t type, kind;
        uint8_t reserved[2];
};

struct disk {
        char *path;
        int fd;
        struct worker_sink sink;
        struct str pending; /* records not yet written */
        struct arena scratch;
        size_t size, size_kept; /* of the journal: now; when it was written anew */
        bool is_behind;         /* a write failed: what it should have said is not in it */
};

static uint32_t checksum(const struct record_head *head, const void *payload)
{
        uint64_t parts[2] = { hash_bytes(payload, head->size),
                              (uint64_t)head->type << 8 | head->kind };

        return (uint32_t)hash_bytes(parts, sizeof parts);
}

static void add_record(struct disk *disk, enum record_type type, int kind, const void *payload,
                       size_t size)
{
        struct record_head head = { .size = (uint32_t)size,
                                    .type = (uint8_t)type,
                                    .kind = (uint8_t)kind };

        head.checksum = checksum(&head, payload);
        str_add_bytes(&disk->pending, &head, sizeof head);
        str_add_bytes(&disk->pending, payload, size);
}

/* --- what the worker tells --- */

/* Credentials come again with the next session; they have no place on a disk.  That there were some
 * is remembered. */
static void add_spec(struct disk *disk, const uint8_t *data, size_t size)
{
        ProtobufCMessage *message;
        Sk__ServiceSpecRevisionEntry *entry;
        Sk__ServiceSpec *spec;
        Sk__RegistryAuth blank = SK__REGISTRY_AUTH__INIT;
        uint8_t *stripped;
        size_t stripped_size;

        arena_clear(&disk->scratch);
        if (message_unpack(&disk->scratch, &sk__service_spec_revision_entry__descriptor, data, size,
                           &message, NULL) < 0)
                return;
        entry = (Sk__ServiceSpecRevisionEntry *)message;
        spec = entry->revision ? entry->revision->spec : NULL;
        if (spec && spec->task && spec->task->container && spec->task->container->registry_auth)
                spec->task->container->registry_auth = &blank;
        message_pack(&disk->scratch, message, &stripped, &stripped_size);
        add_record(disk, RECORD_PUT, WORKER_SPEC, stripped, stripped_size);
}

static void put(void *context, enum worker_kind kind, const uint8_t *data, size_t size)
{
        if (kind == WORKER_SPEC)
                add_spec(context, data, size);
        else if (kind != WORKER_SECRET)
                add_record(context, RECORD_PUT, kind, data, size);
}

static void removed(void *context, enum worker_kind kind, const char *id)
{
        if (kind != WORKER_SECRET)
                add_record(context, RECORD_REMOVED, kind, id, strlen(id));
}

const struct worker_sink *disk_sink(struct disk *disk)
{
        return &disk->sink;
}

void disk_report(struct disk *disk, const Sk__TaskReport *report)
{
        uint8_t *data;
        size_t size;

        arena_clear(&disk->scratch);
        message_pack(&disk->scratch, &report->base, &data, &size);
        add_record(disk, RECORD_REPORT, 0, data, size);
}

/* --- reading --- */

static int replay_removed(struct worker *worker, const struct record_head *head,
                          const uint8_t *payload)
{
        char id[ID_SIZE] = "";

        if (head->size >= sizeof id || head->kind >= WORKER_KINDS)
                return ERR_DATA_LOSS;
        memcpy(id, payload, head->size);
        worker_restore_removed(worker, head->kind, id);
        return 0;
}

static int replay_report(const struct disk_restored *restored, const struct record_head *head,
                         const uint8_t *payload, struct err *err)
{
        _cleanup_(arena_done) struct arena arena = {};
        ProtobufCMessage *report;

        TRY(message_unpack(&arena, &sk__task_report__descriptor, payload, head->size, &report,
                           err));
        restored->report(restored->context, (Sk__TaskReport *)report);
        return 0;
}

static int replay_record(struct worker *worker, const struct disk_restored *restored,
                         const struct record_head *head, const uint8_t *payload, struct err *err)
{
        if (head->type == RECORD_PUT && head->kind < WORKER_KINDS && head->kind != WORKER_SECRET)
                return worker_restore(worker, head->kind, payload, head->size, err);
        if (head->type == RECORD_REMOVED)
                return replay_removed(worker, head, payload);
        if (head->type == RECORD_REPORT)
                return replay_report(restored, head, payload, err);
        return err_set(err, ERR_DATA_LOSS, "unknown record");
}

/* Returns how many bytes of the journal are whole. */
static size_t replay(const struct str *journal, struct worker *worker,
                     const struct disk_restored *restored)
{
        struct record_head head;
        size_t at = 0;

        while (journal->length - at >= sizeof head) {
                const uint8_t *payload = (const uint8_t *)journal->text + at + sizeof head;

                memcpy(&head, journal->text + at, sizeof head);
                if (head.size > journal->length - at - sizeof head || head.size > RECORD_MAX ||
                    head.checksum != checksum(&head, payload) ||
                    replay_record(worker, restored, &head, payload, NULL) < 0)
                        break;
                at += sizeof head + head.size;
        }
        return at;
}

static int open_journal(struct disk *disk, struct err *err)
{
        int fd = open(disk->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        if (fd < 0)
                return err_set(err, ERR_UNAVAILABLE, "open '%s': %s", disk->path, strerror(errno));
        if (disk->fd >= 0)
                close(disk->fd);
        disk->fd = fd;
        return 0;
}

DEFINE_CLEANUP(struct disk, disk_free)

int disk_open(const char *folder, struct worker *worker, const struct disk_restored *restored,
              struct disk **ret_disk, size_t *ret_torn_bytes, struct err *err)
{
        _cleanup_(disk_freep) struct disk *disk = mem_alloc(sizeof *disk);
        _cleanup_(str_done) struct str journal = {};
        int r;

        disk->fd = -1;
        disk->sink = (struct worker_sink){ .put = put, .removed = removed, .context = disk };
        if (asprintf(&disk->path, "%s/journal", folder) < 0)
                abort();
        TRY(file_make_folders(folder, 0700, err));
        r = file_read(disk->path, JOURNAL_SIZE_MAX, &journal, err);
        if (r < 0 && r != ERR_NOT_FOUND)
                return r;
        /* How much of it is about the past is not known: a large one is written anew. */
        disk->size = replay(&journal, worker, restored);
        TRY(open_journal(disk, err));
        if (disk->size < journal.length && ftruncate(disk->fd, (off_t)disk->size) < 0)
                return err_set(err, ERR_UNAVAILABLE, "truncate '%s': %s", disk->path,
                               strerror(errno));
        *ret_torn_bytes = journal.length - disk->size;
        *ret_disk = TAKE(disk);
        return 0;
}

void disk_free(struct disk *disk)
{
        if (!disk)
                return;
        if (disk->fd >= 0)
                close(disk->fd);
        free(disk->path);
        str_done(&disk->pending);
        arena_done(&disk->scratch);
        free(disk);
}

/* --- writing --- */

static int write_all(int fd, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

/* After a failure (a full disk) the journal is written anew, so nothing has to be kept to be
 * written later; what the write left behind is cut off meanwhile. */
int disk_flush(struct disk *disk, struct err *err)
{
        size_t size = disk->pending.length;
        int r = write_all(disk->fd, str_text(&disk->pending), size);

        str_clear(&disk->pending);
        if (r < 0) {
                disk->is_behind = true;
                if (ftruncate(disk->fd, (off_t)disk->size) < 0)
                        return err_set(err, ERR_DATA_LOSS, "truncate '%s': %s", disk->path,
                                       strerror(errno));
                return err_set(err, ERR_UNAVAILABLE, "write '%s': %s", disk->path, strerror(-r));
        }
        disk->size += size;
        return 0;
}

void disk_skip(struct disk *disk)
{
        str_clear(&disk->pending);
        disk->is_behind = true;
}

bool disk_is_wasteful(const struct disk *disk)
{
        return disk->is_behind ||
               (disk->size > REWRITE_AT_LEAST && disk->size > REWRITE_FACTOR * disk->size_kept);
}

void disk_rewrite_begin(struct disk *disk, const struct worker *worker)
{
        str_clear(&disk->pending);
        worker_dump(worker, &disk->sink);
}

int disk_rewrite_finish(struct disk *disk, struct err *err)
{
        size_t size = disk->pending.length;
        int r = file_write_atomic(disk->path, str_text(&disk->pending), size, 0600, err);

        str_clear(&disk->pending);
        if (r < 0)
                return r;
        disk->size = disk->size_kept = size;
        disk->is_behind = false;
        return open_journal(disk, err);
}

/* --- managers --- */

int disk_save_managers(const char *folder, const struct str *lines, struct err *err)
{
        _cleanup_(str_done) struct str path = {};

        str_addf(&path, "%s/managers", folder);
        return file_write_atomic(path.text, str_text(lines), lines->length, 0600, err);
}

int disk_load_managers(const char *folder, struct str *ret_lines, struct err *err)
{
        _cleanup_(str_done) struct str path = {};

        str_addf(&path, "%s/managers", folder);
        return file_read(path.text, MANAGERS_SIZE_MAX, ret_lines, err);
}

int disk_forget(const char *folder, struct err *err)
{
        return file_remove_tree(folder, err);
}
