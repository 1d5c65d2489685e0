/* Raft's writes on their way to the disk: a thread that writes all that has gathered meanwhile as
 * one, with one sync.  On the loop that owns it nothing blocks. */
#pragma once
#include "lib/os/loop.h"
#include "manager/store/disk.h"
#include "manager/store/raft/raft.h"

struct log_writer;

struct log_writer_options {
        struct loop *loop;
        struct disk *disk; /* borrowed */
        /* All writes up to 'id' survive power loss; or 'err' is not NULL: the disk failed, and what
         * it holds is anyone's guess.  On the loop. */
        void (*persisted)(void *context, uint64_t id, const struct err *err);
        void *context;
};

int log_writer_new(const struct log_writer_options *options, struct log_writer **ret_writer,
                   struct err *err);

/* Waits for the write under way; what is queued behind it is dropped, and nothing is reported. */
void log_writer_free(struct log_writer *writer); /* NULL is fine */

/* What adds the state to the batch when the next write installs a snapshot; on the writer's thread.
 */
void log_writer_on_install(struct log_writer *writer,
                           void (*fill)(void *context, struct disk_batch *batch), void *context);

/* Queues one write; what it points to is copied or referenced. */
void log_writer_add(struct log_writer *writer, const struct raft_write *write);
