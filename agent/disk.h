/* What an agent remembers: a journal of what it was assigned and what it reported last, and the
 * list of managers.  Secrets, and the credentials of registries, are never written.
 *
 * The journal outlives the agent's process, not a power cut: after one no container runs, and the
 * next COMPLETE set says what should.  So it is not synced record by record; a torn end is cut off
 * when it is read. */
#pragma once
#include "agent/worker.h"
#include "lib/base/str.h"

struct disk;

struct disk_restored {
        /* A report written earlier: the newest of its task comes last. */
        void (*report)(void *context, const Sk__TaskReport *report);
        void *context;
};

/* Opens the journal in 'folder' (made when missing), plays it into 'worker' and 'restored', and
 * cuts off what is torn; *ret_torn_bytes tells how much. */
int disk_open(const char *folder, struct worker *worker, const struct disk_restored *restored,
              struct disk **ret_disk, size_t *ret_torn_bytes, struct err *err);
void disk_free(struct disk *disk);

/* To be told of the worker's changes. */
const struct worker_sink *disk_sink(struct disk *disk);

void disk_report(struct disk *disk, const Sk__TaskReport *report);

/* Writes what was told since the last flush.  When that fails the journal has to be written anew.
 */
int disk_flush(struct disk *disk, struct err *err);

/* Forgets it instead; the journal has to be written anew. */
void disk_skip(struct disk *disk);

/* Is much of the journal about the past, or does it lack something because a write failed?  Then
 * write it anew instead: begin, report each task's last status, finish. */
bool disk_is_wasteful(const struct disk *disk);
void disk_rewrite_begin(struct disk *disk, const struct worker *worker);
int disk_rewrite_finish(struct disk *disk, struct err *err);

/* The managers' addresses, one per line. */
int disk_save_managers(const char *folder, const struct str *lines, struct err *err);
int disk_load_managers(const char *folder, struct str *ret_lines, struct err *err);

/* Removes all that is remembered in 'folder'. */
int disk_forget(const char *folder, struct err *err);
