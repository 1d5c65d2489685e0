/* Group commit: one job is being written while the next one gathers. */
#include "manager/store/log_writer.h"

#include <string.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"
#include "lib/os/worker.h"
#include "manager/store/log.h"

struct job {
        struct work work;
        struct log_writer *writer;
        struct vec writes; /* struct raft_write, with copies of what they point to */
        struct disk_batch *batch;
        uint64_t last_id;
        int result;
        struct err err;
};

struct log_writer {
        struct log_writer_options options;
        struct worker_pool *pool;
        struct job jobs[2];
        struct job *gathering, *writing; /* writing: NULL when idle */
        void (*fill)(void *context, struct disk_batch *batch);
        void *fill_context;
        bool is_closing;
};

/* --- copies --- */

static const struct raft_snapshot *snapshot_copy(const struct raft_snapshot *snapshot)
{
        return snapshot ? mem_copy(snapshot, sizeof *snapshot) : NULL;
}

static void keep(struct job *job, const struct raft_write *write)
{
        struct raft_write *copy = vec_add(&job->writes);
        struct raft_entry **entries = mem_alloc_array(write->n_entries + 1, sizeof *entries);

        *copy = *write;
        copy->install = snapshot_copy(write->install);
        copy->compact = snapshot_copy(write->compact);
        for (size_t i = 0; i < write->n_entries; i++)
                entries[i] = raft_entry_ref(write->entries[i]);
        copy->entries = entries;
        job->last_id = write->id;
}

static void drop_writes(struct job *job)
{
        for (size_t i = 0; i < job->writes.n; i++) {
                struct raft_write *write = vec_at(&job->writes, i);

                for (size_t j = 0; j < write->n_entries; j++)
                        raft_entry_unref(write->entries[j]);
                free((void *)write->entries);
                free((void *)write->install);
                free((void *)write->compact);
        }
        vec_clear(&job->writes);
}

/* --- writing --- */

/* On the writer's thread. */
static void job_write(struct work *work)
{
        struct job *job = container_of(work, struct job, work);

        for (size_t i = 0; i < job->writes.n; i++) {
                const struct raft_write *write = vec_at(&job->writes, i);

                log_add(job->batch, write);
                if (write->install)
                        job->writer->fill(job->writer->fill_context, job->batch);
        }
        job->result = disk_batch_write(job->batch, true, &job->err);
}

static void start(struct log_writer *writer)
{
        struct job *job = writer->gathering;

        if (writer->writing || !job->writes.n)
                return;
        writer->writing = job;
        writer->gathering = &writer->jobs[job == &writer->jobs[0]];
        worker_submit(writer->pool, &job->work);
}

static void job_done(struct work *work)
{
        struct job *job = container_of(work, struct job, work);
        struct log_writer *writer = job->writer;

        drop_writes(job);
        writer->writing = NULL;
        if (writer->is_closing)
                return;
        writer->options.persisted(writer->options.context, job->last_id,
                                  job->result < 0 ? &job->err : NULL);
        if (job->result == 0)
                start(writer);
}

void log_writer_on_install(struct log_writer *writer,
                           void (*fill)(void *context, struct disk_batch *batch), void *context)
{
        writer->fill = fill;
        writer->fill_context = context;
}

void log_writer_add(struct log_writer *writer, const struct raft_write *write)
{
        keep(writer->gathering, write);
        start(writer);
}

/* --- life --- */

int log_writer_new(const struct log_writer_options *options, struct log_writer **ret_writer,
                   struct err *err)
{
        struct worker_pool *pool;
        struct log_writer *writer;

        TRY(worker_pool_new(options->loop, 1, &pool, err));
        writer = mem_alloc(sizeof *writer);
        writer->options = *options;
        writer->pool = pool;
        for (size_t i = 0; i < 2; i++) {
                writer->jobs[i].writer = writer;
                writer->jobs[i].writes = VEC_OF(struct raft_write);
                writer->jobs[i].batch = disk_batch_new(options->disk);
                writer->jobs[i].work.work = job_write;
                writer->jobs[i].work.done = job_done;
        }
        writer->gathering = &writer->jobs[0];
        *ret_writer = writer;
        return 0;
}

void log_writer_free(struct log_writer *writer)
{
        if (!writer)
                return;
        writer->is_closing = true;
        worker_pool_free(writer->pool);
        for (size_t i = 0; i < 2; i++) {
                drop_writes(&writer->jobs[i]);
                vec_done(&writer->jobs[i].writes);
                disk_batch_free(writer->jobs[i].batch);
        }
        free(writer);
}
