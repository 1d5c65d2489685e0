/* A pool of threads for what blocks. */
#include "lib/os/worker.h"

#include <pthread.h>
#include <signal.h>

#include "lib/base/check.h"
#include "lib/base/mem.h"
#include "lib/os/os_error.h"

struct queue {
        struct work *first, **end;
};

struct worker_pool {
        struct loop *loop;
        pthread_t *threads;
        int n_threads;
        bool is_in_done;

        pthread_mutex_t lock; /* of what follows */
        pthread_cond_t has_news;
        struct queue waiting, finished;
        bool is_stopping, is_posted;
        struct loop_post post; /* on its way to the loop while is_posted */
};

static void queue_init(struct queue *queue)
{
        queue->first = NULL;
        queue->end = &queue->first;
}

static void queue_add(struct queue *queue, struct work *work)
{
        work->next = NULL;
        *queue->end = work;
        queue->end = &work->next;
}

static struct work *queue_take_first(struct queue *queue)
{
        struct work *work = queue->first;

        queue->first = work->next;
        if (!queue->first)
                queue->end = &queue->first;
        return work;
}

static void *work_along(void *context)
{
        struct worker_pool *pool = context;
        struct work *work;

        pthread_mutex_lock(&pool->lock);
        for (;;) {
                while (!pool->waiting.first && !pool->is_stopping)
                        pthread_cond_wait(&pool->has_news, &pool->lock);
                if (pool->is_stopping)
                        break;
                work = queue_take_first(&pool->waiting);
                pthread_mutex_unlock(&pool->lock);
                work->work(work);
                work->was_run = true;
                pthread_mutex_lock(&pool->lock);
                queue_add(&pool->finished, work);
                if (!pool->is_posted) {
                        pool->is_posted = true;
                        loop_post(pool->loop, &pool->post);
                }
        }
        pthread_mutex_unlock(&pool->lock);
        return NULL;
}

/* Calls back for a chain that was taken off its queue; 'done' may free its work. */
static void finish(struct worker_pool *pool, struct work *first)
{
        pool->is_in_done = true;
        for (struct work *work = first, *next; work; work = next) {
                next = work->next;
                work->done(work);
        }
        pool->is_in_done = false;
}

static void posted(struct loop_post *post)
{
        struct worker_pool *pool = container_of(post, struct worker_pool, post);
        struct work *first;

        pthread_mutex_lock(&pool->lock);
        pool->is_posted = false;
        first = pool->finished.first;
        queue_init(&pool->finished);
        pthread_mutex_unlock(&pool->lock);
        finish(pool, first);
}

void worker_submit(struct worker_pool *pool, struct work *work)
{
        work->was_run = false;
        pthread_mutex_lock(&pool->lock);
        CHECK(!pool->is_stopping);
        queue_add(&pool->waiting, work);
        pthread_cond_signal(&pool->has_news);
        pthread_mutex_unlock(&pool->lock);
}

/* Signals are the loop's: no worker takes one. */
static int start_thread(struct worker_pool *pool)
{
        sigset_t all, before;
        int error;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(&pool->threads[pool->n_threads], NULL, work_along, pool);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!error)
                pthread_setname_np(pool->threads[pool->n_threads++], "worker");
        return error;
}

int worker_pool_new(struct loop *loop, int n_threads, struct worker_pool **ret_pool,
                    struct err *err)
{
        struct worker_pool *pool = mem_alloc(sizeof *pool);
        int error = 0;

        CHECK(n_threads > 0);
        pool->loop = loop;
        pool->post.run = posted;
        pool->threads = mem_alloc_array((size_t)n_threads, sizeof *pool->threads);
        pthread_mutex_init(&pool->lock, NULL);
        pthread_cond_init(&pool->has_news, NULL);
        queue_init(&pool->waiting);
        queue_init(&pool->finished);
        while (!error && pool->n_threads < n_threads)
                error = start_thread(pool);
        if (error) {
                worker_pool_free(pool);
                return os_error(err, error, "start %d worker threads", n_threads);
        }
        *ret_pool = pool;
        return 0;
}

void worker_pool_free(struct worker_pool *pool)
{
        if (!pool)
                return;
        CHECK(!pool->is_in_done);
        pthread_mutex_lock(&pool->lock);
        pool->is_stopping = true;
        pthread_cond_broadcast(&pool->has_news);
        pthread_mutex_unlock(&pool->lock);
        for (int i = 0; i < pool->n_threads; i++)
                pthread_join(pool->threads[i], NULL);
        loop_post_cancel(pool->loop, &pool->post);
        finish(pool, pool->finished.first);
        finish(pool, pool->waiting.first);
        pthread_cond_destroy(&pool->has_news);
        pthread_mutex_destroy(&pool->lock);
        free(pool->threads);
        free(pool);
}
